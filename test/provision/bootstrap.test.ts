import { describe, expect, test } from "vitest";
import { AgentError } from "../../src/kernel/errors.ts";
import { BOOTSTRAP_STEPS } from "../../src/kernel/bootstrap.ts";
import { secretsFile } from "../../src/provision/order.ts";
import {
  CARD,
  CONFIG,
  configOf,
  GROUP_KEY,
  ID,
  nodeRig,
  type NodeRig,
  ORDER,
  PowerCut,
  SECRET,
  STATE,
  stateOf,
} from "./bootstrap-rig.ts";

/** All files that a run makes, but for what it was given. */
function results({ machine }: NodeRig): Record<string, string> {
  const paths = [...machine.files.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries(paths.map((path) => [path, machine.text(path) ?? "?"]));
}

function wipeSecrets({ machine }: NodeRig): void {
  machine.files.delete(`${CARD}/caye/secrets.toml`);
}

describe("a blank node", () => {
  test("becomes what its card orders", async () => {
    const node = nodeRig();
    const report = await node.run();
    expect(report.result).toBe("done");
    expect(report.steps.map(({ step }) => step)).toEqual(BOOTSTRAP_STEPS);
    expect(node.radio).toMatchObject({ region: "US", preset: "ShortFast", txEnabled: true, longName: "clinic-roof" });
    expect(node.radio.channels[0]).toEqual(SECRET);
    expect(node.machine.text("/etc/caye/group.key")).toBe(`${GROUP_KEY}\n`);
    expect(node.machine.modes.get("/etc/caye/group.key")).toBe(0o600);
    expect(node.machine.commands).toContain("chown caye:caye /etc/caye/group.key");
    expect(node.machine.text(`${CARD}/caye/requests/${ID}.request`)).toBe("request of 212328449\n");
    expect(node.machine.text(`${CARD}/caye/requests/${ID}.attest-request`)).toBe("attest request\n");
    expect(node.machine.text(`${CARD}/caye/node-card.txt`)).toMatch(/!0ca7e001[^]*village/);
    expect(node.running).toBe(true);
  });

  test("tells no key: not in the report, not on the card, not in what it remembers", async () => {
    const node = nodeRig();
    const report = await node.run();
    wipeSecrets(node);
    node.machine.files.delete("/etc/caye/group.key");
    const psk = Buffer.from(SECRET.psk);
    const all = JSON.stringify([report, results(node), node.machine.commands]);
    for (const key of [psk.toString("hex"), psk.toString("base64"), psk.toString("base64url"), "5a5a5a5a"]) {
      expect(all).not.toContain(key);
    }
  });

  test("is not changed by a second run: no byte of a file, no stop of the agent, no write to the radio", async () => {
    const node = nodeRig();
    await node.run();
    const before = results(node);
    node.machine.commands.length = 0;
    const { result, steps } = await node.run();
    expect(result).toBe("done");
    expect(steps.filter(({ state }) => state !== "unchanged")).toEqual([]);
    expect(results(node)).toEqual(before);
    expect(node.machine.commands).toEqual([]);
    expect(node.writes).toHaveLength(1);
    wipeSecrets(node);
    expect((await node.run()).steps.filter(({ state }) => state !== "unchanged")).toEqual([]);
    expect(node.machine.commands).toEqual([]);
  });

  test("comes to the same after a power cut at any deed", async () => {
    const whole = nodeRig();
    await whole.run();
    expect(whole.deeds).toBeGreaterThan(12);
    for (let cut = 0; cut < whole.deeds; cut++) {
      const node = nodeRig();
      node.deedsLeft = cut;
      await expect(node.run(), `cut ${cut}`).rejects.toThrow(PowerCut);
      node.deedsLeft = undefined;
      // The machine starts again, and with it the agent.
      node.running = true;
      expect((await node.run()).result, `cut ${cut}`).toBe("done");
      expect(results(node), `cut ${cut}`).toEqual(results(whole));
      expect(node.radio, `cut ${cut}`).toEqual(whole.radio);
      expect(node.running).toBe(true);
    }
  });

  test("can do without a card: papers then lie beside what is remembered", async () => {
    const node = nodeRig();
    node.withCard = false;
    const { result } = await node.run();
    expect(result).toBe("done");
    expect(node.machine.text(`${STATE}/requests/${ID}.request`)).toMatch(/^request/);
    expect(node.machine.text(`${STATE}/node-card.txt`)).toContain("clinic-roof");
    // Its secrets would lie beside the order.
    expect(node.machine.files.has("/etc/caye/group.key")).toBe(false);
  });
});

describe("what is wrong is named, with its way back", () => {
  const cases: readonly (readonly [string, string, (node: NodeRig) => void])[] = [
    ["no configuration", "config: failed CONFIG_MISSING", ({ machine }) => void machine.files.delete(CONFIG)],
    ["a bad configuration", "config: failed CONFIG_INVALID", (node) => put(node, CONFIG, "[node]\nnam = 1\n")],
    [
      "another node's configuration",
      "config: failed CONFIG_MISMATCH",
      (node) => put(node, CONFIG, configOf({ ...ORDER, node: { ...ORDER.node, name: "school" } })),
    ],
    ["a group key that nobody reads", "config: failed GROUP_KEY_UNUSED", (node) => put(node, CONFIG, withoutKeyFile())],
    ["a full disk", "config: failed DISK_FULL", (node) => void (node.diskFault = "ENOSPC")],
    ["a disk that can't be written to", "config: failed DISK_READ_ONLY", (node) => void (node.diskFault = "EROFS")],
    ["no chip", "tpm: failed TPM_MISSING", ({ machine }) => void machine.files.delete("/dev/tpmrm0")],
    ["a chip that does not answer", "tpm: failed TPM_MISSING", (node) => fails(node, "measure", "no-tpm")],
    ["a chip with another node's keys", "tpm: failed TPM_OTHER_KEYS", (node) => fails(node, "unseal", "sealed-away")],
    ["a locked chip", "tpm: failed TPM_LOCKED", (node) => fails(node, "measure", "tpm-locked")],
    ["a broken chip", "tpm: failed TPM_FAILED", (node) => fails(node, "attest", "tpm-failed")],
    ["a changed state", "tpm: failed ATTEST_MISMATCH", (node) => fails(node, "attest", "mismatch")],
    [
      "a source below its threshold",
      "entropy: failed ENTROPY_BELOW_THRESHOLD",
      (node) => source(node, "below-threshold"),
    ],
    ["a source that is not there", "entropy: failed ENTROPY_SOURCE_ERROR", (node) => source(node, "source-error")],
    [
      "a source that the agent does not use",
      "entropy: failed ENTROPY_MISSING",
      (node) => void (node.order = { ...ORDER, entropy: { source: "tpm" } }),
    ],
    [
      "two radios",
      "radio: failed RADIO_AMBIGUOUS",
      (node) => void (node.found = ["serial:///dev/a", "serial:///dev/b"]),
    ],
    ["a GPS on the port", "radio: failed RADIO_STRANGE", (node) => broken(node, "RADIO_STRANGE")],
    ["a mute device", "radio: failed RADIO_SILENT", (node) => broken(node, "RADIO_SILENT")],
    ["old firmware", "radio: failed RADIO_OLD", (node) => void (node.radio = { ...node.radio, firmware: "2.1.0" })],
    ["a managed radio", "radio: failed RADIO_MANAGED", (node) => void (node.radio = { ...node.radio, managed: true })],
    [
      "a region of another country",
      "radio: failed RADIO_COUNTRY",
      (node) => void (node.order = { ...ORDER, hotspot: { ssid: "Caye", country: "DE" } }),
    ],
    [
      "channels of another region",
      "radio: failed CHANNEL_CONFLICT",
      (node) => channel(node, "Cg8SAQEaBm1lc2hlcjoCCCASCAgBOANAB0gB"),
    ],
  ];

  test.each(cases)("%s", async (_, trouble, make) => {
    const node = nodeRig();
    make(node);
    const report = await node.run();
    const bad = report.steps.filter(({ state }) => state === "failed");
    expect(bad.map(({ step, state, code }) => `${step}: ${state} ${code}`)).toEqual([trouble]);
    expect(bad[0]?.fix).not.toBe("");
    expect(report.result).toBe("failed");
    expect(report.steps.at(-1)?.state).toBe("skipped");
    // Whatever failed, the agent is left running: the node does what it can.
    expect(node.running).toBe(true);
  });

  function put({ machine }: NodeRig, path: string, text: string): void {
    machine.files.set(path, new TextEncoder().encode(text));
  }
  function withoutKeyFile(): string {
    return configOf(ORDER).replace("/etc/caye/group.key", "");
  }
  function fails(node: NodeRig, step: string, state: string): void {
    node.steps = node.steps.map((one) => (one.step === step ? { ...one, ok: false, state, detail: "why" } : one));
  }
  function source(node: NodeRig, state: "below-threshold" | "source-error"): void {
    node.source = { ...node.source, ok: false, state, detail: "why" };
  }
  function broken(node: NodeRig, code: string): void {
    node.radioFault = new AgentError(code, "that radio", { fix: "another" });
  }
  function channel(node: NodeRig, set: string): void {
    const channel_url = `https://meshtastic.org/e/#${set}`;
    put(node, `${CARD}/caye/secrets.toml`, secretsFile({ channel_url, group_key: "" }));
  }

  test("an agent that does not start ends the step that needs it, with its last word", async () => {
    const node = nodeRig();
    node.running = false;
    node.startable = false;
    expect(await node.troubles()).toEqual(["tpm: failed AGENT_DOWN"]);
    expect(node.machine.commands).toContain("systemctl reset-failed caye.service");
  });

  test("no order, or nobody who may, is no run at all", async () => {
    const node = nodeRig();
    node.machine.root = false;
    await expect(node.run()).rejects.toMatchObject({ code: "NOT_ROOT" });
  });
});

describe("what is only missing is waited for", () => {
  test("a radio that is not plugged in: the rest is done, and the next run goes on", async () => {
    const node = nodeRig();
    node.plugged = false;
    node.machine.files.delete("/dev/meshtastic");
    const report = await node.run();
    expect(report.result).toBe("waiting");
    expect(stateOf(report, "radio")).toBe("waiting");
    expect(stateOf(report, "enrol")).toBe("waiting");
    expect(stateOf(report, "card")).toBe("done");
    expect(node.machine.commands.join("\n")).not.toContain("stop");
    node.plugged = true;
    node.machine.files.set("/dev/meshtastic", new Uint8Array());
    expect((await node.run()).result).toBe("done");
  });

  test("one in the network that does not answer", async () => {
    const node = nodeRig();
    node.order = { ...ORDER, radio: { ...ORDER.radio, kind: "tcp", modem: "tcp://10.41.0.9:4403" } };
    node.machine.files.set(CONFIG, new TextEncoder().encode(configOf(node.order)));
    node.plugged = false;
    expect(await node.troubles()).toEqual(["radio: waiting RADIO_ABSENT", "enrol: waiting ENROL_RADIO"]);
    expect(node.running).toBe(true);
  });

  test("the time is no obstacle", async () => {
    const node = nodeRig();
    node.nowMs = 0;
    node.machine.files.set("/dev/rtc0", new Uint8Array());
    const { result, steps } = await node.run();
    expect([result, steps[0]?.state]).toEqual(["done", "unchanged"]);
    expect(node.machine.commands[0]).toBe("hwclock --hctosys --utc");
  });
});

describe("later", () => {
  test("another radio is set up by itself, when no key is needed for it or the key is there", async () => {
    const node = nodeRig();
    await node.run();
    node.radio = { ...nodeRig().radio, nodeNumber: 7 };
    expect((await node.run()).result).toBe("done");
    expect(node.radio).toMatchObject({ nodeNumber: 7, region: "US" });
  });

  test("another radio without the village's key is a failure with a name", async () => {
    const node = nodeRig();
    await node.run();
    wipeSecrets(node);
    node.radio = { ...nodeRig().radio, nodeNumber: 7 };
    expect(await node.troubles()).toEqual(["radio: failed RADIO_OTHER"]);
    expect(node.writes).toHaveLength(1);
  });

  test("an order that was changed is carried out, though the agent says already what it says", async () => {
    const node = nodeRig();
    await node.run();
    node.order = { ...ORDER, radio: { ...ORDER.radio, region: "ANZ", preset: "LongFast" } };
    node.machine.files.set(CONFIG, new TextEncoder().encode(configOf(node.order)));
    expect(stateOf(await node.run(), "radio")).toBe("done");
    expect(node.radio).toMatchObject({ region: "ANZ", preset: "LongFast" });
  });

  test("certificates are handed to the agent once, and one that is not taken is named", async () => {
    const node = nodeRig();
    await node.run();
    const certificate = new TextEncoder().encode("certificate");
    node.machine.files.set(`${CARD}/caye/certificates/${ID}.certificate`, certificate);
    node.machine.files.set(`${CARD}/caye/certificates/notes.txt`, certificate);
    expect(stateOf(await node.run(), "join")).toBe("done");
    expect(stateOf(await node.run(), "join")).toBe("unchanged");
    expect(node.joined).toHaveLength(1);
    node.machine.files.set(`${CARD}/caye/certificates/other.certificate`, new Uint8Array(3));
    node.joinFault = new AgentError("STATEMENT_INVALID", "it is not signed by the authority");
    const report = await node.run();
    expect(report.steps.find(({ step }) => step === "join")).toMatchObject({
      state: "failed",
      code: "STATEMENT_INVALID",
      detail: expect.stringContaining("other.certificate"),
    });
  });

  test("what is no certificate does not keep the one that comes after it", async () => {
    const node = nodeRig();
    await node.run();
    const { files } = node.machine;
    files.set(`${CARD}/caye/certificates/a.certificate/inside`, new Uint8Array(1));
    files.set(`${CARD}/caye/certificates/b.certificate`, new Uint8Array(1));
    for (let runs = 0; runs < 2; runs++) {
      const { steps } = await node.run();
      const detail = expect.stringContaining("a.certificate");
      expect(steps.find(({ step }) => step === "join")).toMatchObject({ state: "failed", detail });
      expect(node.joined).toHaveLength(1);
    }
  });

  test("a node without a TPM asks for a certificate all the same", async () => {
    const node = nodeRig();
    node.attestFault = new AgentError("TPM_NONE", "no TPM");
    expect((await node.run()).result).toBe("done");
    expect(node.machine.files.has(`${CARD}/caye/requests/${ID}.attest-request`)).toBe(false);
  });

  test("a damaged memory is none, and costs one look at the radio", async () => {
    const node = nodeRig();
    await node.run();
    node.machine.files.set(`${STATE}/bootstrap.json`, new TextEncoder().encode('{"form": 9'));
    expect((await node.run()).result).toBe("done");
    expect(node.writes).toHaveLength(1);
  });

  test("the channels' keys come on a sheet of their own, only when it is asked for, and only while they are known", async () => {
    const node = nodeRig();
    await node.run();
    node.withChannel = true;
    expect(stateOf(await node.run(), "card")).toBe("done");
    const sheet = `${CARD}/caye/node-sheet.txt`;
    expect(node.machine.text(sheet)).toContain("https://meshtastic.org/e/#");
    expect(node.machine.modes.get(sheet)).toBe(0o600);
    expect(node.machine.text(`${CARD}/caye/node-card.txt`)).not.toContain("meshtastic.org");
    wipeSecrets(node);
    expect(await node.troubles()).toEqual(["card: failed CHANNEL_UNKNOWN"]);
  });
});
