/** An update in memory: every step, every failure of one, and the power failing at every single command. */
import { describe, expect, test } from "vitest";
import { fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { describeError, isAgentError } from "../../src/kernel/errors.ts";
import { isOver, type UpdateTools } from "../../src/kernel/update.ts";
import { decodeState, encodeState, readState, STATE_FILE, type UpdateState } from "../../src/release/state.ts";
import { updateTools } from "../../src/release/tools.ts";
import type { Clock } from "../../src/ports/clock.ts";
import { seeded } from "../fakes/seeded.ts";
import { type FakeNode, fakeNode, PowerCut, STRANGER } from "./fake-node.ts";

const SEALED_BEFORE = "/var/lib/caye/sealed-before.bin";
const OPTIONS = { waitS: 60, now: false };

/** Time passes where somebody sleeps. */
function leapingClock(): Clock {
  let nowMs = 1_000;
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
}

function toolsOf({ machine }: FakeNode, signal = new AbortController().signal): UpdateTools {
  return updateTools({ machine, clock: leapingClock(), random: seeded(3).random, signal });
}

const quiet = (): void => undefined;

async function update(node: FakeNode, file = node.bring("1.1.0")): Promise<UpdateState | undefined> {
  const tools = toolsOf(node);
  await tools.apply(file, OPTIONS, quiet);
  await tools.resume(quiet);
  return readState(node.machine);
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "none",
    (error: unknown) => (isAgentError(error) ? error.code : describeError(error)),
  );
}

describe("an update", () => {
  test("ends with the new version, confirmed: the way back of the keys is gone, two packages are kept", async () => {
    const node = fakeNode();
    expect(await update(node)).toMatchObject({ step: "confirmed", from: "1.0.0", to: "1.1.0", why: "" });
    expect([node.installed, node.running]).toEqual(["1.1.0", "1.1.0"]);
    expect(node.machine.files.has(SEALED_BEFORE)).toBe(false);
    expect((await toolsOf(node).status()).kept).toEqual(["1.0.0", "1.1.0"]);
    const commands = node.machine.commands.join("\n");
    expect(commands.indexOf("allow-update --code")).toBeLessThan(commands.indexOf("stop caye.service"));
    expect(commands.indexOf("stop caye.service")).toBeLessThan(commands.indexOf("dpkg --force-confold --install"));
  });

  test("drops what is older than the version before", async () => {
    const node = fakeNode();
    await update(node);
    expect(await update(node, node.bring("1.2.0"))).toMatchObject({ step: "confirmed" });
    expect((await toolsOf(node).status()).kept).toEqual(["1.1.0", "1.2.0"]);
  });

  test("goes back when the new version does not become healthy, and says why", async () => {
    const node = fakeNode();
    node.sick.add("1.1.0");
    expect(await update(node)).toMatchObject({ step: "rolled-back", why: "no agent is running here" });
    expect([node.installed, node.running]).toEqual(["1.0.0", "1.0.0"]);
  });

  test("goes back when the radio was ready before and is not afterwards; a radio that was away is not missed", async () => {
    const deaf = fakeNode();
    const tools = toolsOf(deaf);
    await tools.apply(deaf.bring("1.1.0"), OPTIONS, quiet);
    deaf.radio = "down";
    expect(await tools.resume(quiet)).toMatchObject({
      step: "rolled-back",
      why: "the radio's link is down, not ready",
    });
    const before = fakeNode();
    before.radio = "down";
    expect(await update(before)).toMatchObject({ step: "confirmed" });
  });

  test("goes back when dpkg can't install it", async () => {
    const node = fakeNode();
    node.unfit.add("1.1.0");
    expect(await update(node)).toMatchObject({
      step: "rolled-back",
      why: expect.stringContaining("dpkg could not install"),
    });
    expect(node.running).toBe("1.0.0");
  });

  test("has failed when neither version does its work, and says both reasons", async () => {
    const node = fakeNode();
    node.sick.add("1.1.0").add("1.0.0");
    expect(await update(node)).toMatchObject({ step: "failed", why: expect.stringContaining("1.0.0 is back, but") });
    const unfit = fakeNode();
    unfit.unfit.add("1.1.0").add("1.0.0");
    expect(await update(unfit)).toMatchObject({ step: "failed", why: expect.stringContaining("no way back") });
  });

  test("waits for another dpkg to end", async () => {
    const node = fakeNode();
    node.busy = 3;
    expect(await update(node)).toMatchObject({ step: "confirmed" });
  });

  test("with a chip under enforce waits for a restart of the machine, which --now asks for", async () => {
    const node = fakeNode();
    node.tpm = "tpm:/dev/tpmrm0";
    const tools = toolsOf(node);
    expect(await tools.apply(node.bring("1.1.0"), OPTIONS, quiet)).toMatchObject({
      step: "announced",
      needs_reboot: true,
    });
    expect(await tools.resume(quiet)).toMatchObject({ step: "announced" });
    expect([node.installed, node.running, node.reboots]).toEqual(["1.0.0", "1.0.0", 0]);
    expect(await codeOf(tools.apply(node.bring("1.1.0"), OPTIONS, quiet))).toBe("UPDATE_UNDER_WAY");
    expect(await tools.rollback(OPTIONS, quiet)).toMatchObject({ step: "rolled-back" });
    await tools.apply(node.bring("1.1.0"), { ...OPTIONS, now: true }, quiet);
    expect(node.reboots).toBe(1);
    // What the shell does at the start of the machine, before the agent.
    node.installed = "1.1.0";
    node.sick.add("1.1.0");
    const state = (await readState(node.machine))!;
    node.machine.files.set(STATE_FILE, encodeState({ ...state, step: "installed" }));
    expect(await tools.resume(quiet)).toMatchObject({ step: "returned" });
    expect([node.installed, node.reboots]).toEqual(["1.0.0", 2]);
    expect(await tools.resume(quiet)).toMatchObject({ step: "rolled-back" });
  });

  test("under warn goes on where the state can't be announced; under enforce it does not begin", async () => {
    const node = fakeNode();
    node.allows = false;
    expect(await codeOf(update(node))).toBe("UPDATE_NOT_ALLOWED");
    expect(await readState(node.machine)).toBeUndefined();
    node.mode = "warn";
    expect(await update(node)).toMatchObject({ step: "confirmed" });
  });
});

describe("nothing begins", () => {
  test("for a package that nobody, or somebody else, or not this very package was signed by", async () => {
    const node = fakeNode();
    const { machine } = node;
    const signed = node.bring("1.1.0");
    machine.files.delete(`${signed}.manifest`);
    expect(await codeOf(update(node, signed))).toBe("RELEASE_UNSIGNED");
    expect(await codeOf(update(node, node.bring("1.1.0", { signer: STRANGER })))).toBe("RELEASE_FOREIGN");
    const changed = node.bring("1.1.0");
    machine.files.set(changed, utf8("deb 1.1.0 arm64 1 and more"));
    expect(await codeOf(update(node, changed))).toBe("RELEASE_CHANGED");
    // A manifest of another version that is signed well.
    const other = node.bring("1.2.0");
    machine.files.set(`${changed}.manifest`, machine.files.get(`${other}.manifest`)!);
    expect(await codeOf(update(node, changed))).toBe("RELEASE_CHANGED");
    machine.files.set("/media/stick/notes.txt", utf8("no package"));
    expect(await codeOf(update(node, "/media/stick/notes.txt"))).toBe("RELEASE_NONE");
    expect(await codeOf(update(node, "/media/stick/away.deb"))).toBe("RELEASE_MISSING");
    expect(node.installed).toBe("1.0.0");
  });

  test("for one that is older, the same, for another machine, or writes another state", async () => {
    const node = fakeNode();
    expect(await codeOf(update(node, node.bring("0.9.0")))).toBe("RELEASE_OLDER");
    expect(await codeOf(update(node, node.bring("1.0.0")))).toBe("UPDATE_SAME");
    expect(await codeOf(update(node, node.bring("1.1.0", { arch: "amd64" })))).toBe("RELEASE_ARCH");
    expect(await codeOf(update(node, node.bring("1.1.0", { format: 2 })))).toBe("UPDATE_ONE_WAY");
    expect(node.machine.files.has(STATE_FILE)).toBe(false);
  });

  test("without root, release keys, room on the disk, or a way back", async () => {
    const node = fakeNode();
    node.machine.root = false;
    expect(await codeOf(update(node))).toBe("NOT_ROOT");
    node.machine.root = true;
    node.machine.free = 1_000_000;
    expect(await codeOf(update(node))).toBe("DISK_FULL");
    node.machine.free = 10_000_000_000;
    const { answer } = node.machine;
    node.machine.answer = (command, args, limits) =>
      command === "sh" ? { status: 1, stderr: "src/main.js: FAILED" } : answer(command, args, limits);
    expect(await codeOf(update(node))).toBe("UPDATE_NO_WAY_BACK");
    node.machine.answer = answer;
    await node.machine.remove("/etc/caye/release-keys");
    expect(await codeOf(update(node))).toBe("RELEASE_NO_KEYS");
    expect((await toolsOf(node).check(node.bring("1.1.0"))).key).toBe("");
    expect(node.machine.files.has(STATE_FILE)).toBe(false);
  });

  test("what was checked is what is installed, whatever the stick says afterwards", async () => {
    const node = fakeNode();
    const tools = toolsOf(node);
    const file = node.bring("1.1.0");
    await tools.apply(file, OPTIONS, quiet);
    node.machine.files.set(file, utf8("deb 6.6.6 arm64 1"));
    expect(await tools.resume(quiet)).toMatchObject({ step: "confirmed", installed: "1.1.0" });
  });
});

describe("the operator", () => {
  test("goes back after the update was confirmed, and forth again", async () => {
    const node = fakeNode();
    await update(node);
    const tools = toolsOf(node);
    await tools.rollback(OPTIONS, quiet);
    expect(await tools.resume(quiet)).toMatchObject({
      step: "confirmed",
      from: "1.1.0",
      to: "1.0.0",
      installed: "1.0.0",
    });
    expect(node.machine.commands.filter((line) => line.includes("allow-update"))).toHaveLength(2);
    await tools.rollback(OPTIONS, quiet);
    expect(await tools.resume(quiet)).toMatchObject({ step: "confirmed", installed: "1.1.0" });
  });

  test("decides while the new version is looked at", async () => {
    const confirmed = fakeNode();
    await toolsOf(confirmed).apply(confirmed.bring("1.1.0"), OPTIONS, quiet);
    const stopped = new AbortController();
    confirmed.sick.add("1.1.0");
    const { answer } = confirmed.machine;
    confirmed.machine.answer = (command, args, limits) => {
      if (args[0] === "health") stopped.abort();
      return answer(command, args, limits);
    };
    expect(await toolsOf(confirmed, stopped.signal).resume(quiet)).toMatchObject({ step: "watching" });
    expect(await toolsOf(confirmed).confirm()).toMatchObject({ step: "confirmed", installed: "1.1.0" });
    expect(await codeOf(toolsOf(confirmed).confirm())).toBe("UPDATE_NONE");
  });

  test("has nothing to go back to where there was no update", async () => {
    expect(await codeOf(toolsOf(fakeNode()).rollback(OPTIONS, quiet))).toBe("UPDATE_NONE");
    expect(await toolsOf(fakeNode()).status()).toMatchObject({ step: "none", installed: "1.0.0", kept: [] });
  });

  test("does not go back to a version that could not read the state", async () => {
    const node = fakeNode();
    await update(node);
    const { answer } = node.machine;
    node.machine.answer = (command, args, limits) =>
      args[0] === "--show" ? { stdout: "installed\n1.1.0\narm64\n1000\n2\n" } : answer(command, args, limits);
    expect(await codeOf(toolsOf(node).rollback(OPTIONS, quiet))).toBe("STATE_NEWER");
  });
});

describe("when the power fails", () => {
  test.each([
    ["a good version", false],
    ["a bad one", true],
  ])("at any command or write of an update to %s, the node comes to the old or the new, and works", async (_, sick) => {
    let cuts = 0;
    for (let left = 0; ; left++) {
      const node = fakeNode();
      if (sick) node.sick.add("1.1.0");
      const file = node.bring("1.1.0");
      node.left = left;
      const cut = await update(node, file).then(
        () => false,
        (error: unknown) => {
          if (error instanceof PowerCut) return true;
          throw error;
        },
      );
      if (!cut) break;
      cuts++;
      node.left = Number.POSITIVE_INFINITY;
      node.running = node.installed; // the machine starts, and its agent with it
      const end = await toolsOf(node).resume(quiet);
      expect(isOver(end.step), `after ${left}: ${end.step}`).toBe(true);
      expect(node.running, `after ${left}`).toBe(end.installed);
      expect(node.sick.has(node.running ?? ""), `after ${left}`).toBe(false);
      expect(end.step === "confirmed" ? "1.1.0" : "1.0.0").toBe(end.installed);
    }
    expect(cuts).toBeGreaterThan(30);
  });
});

describe("the state file", () => {
  const state: UpdateState = {
    step: "watching",
    from: "1.0.0",
    to: "1.1.0~rc1+2",
    waitS: 300,
    radio: true,
    reboot: false,
    tries: 2,
    why: "it / did & not\nwork",
  };

  test("is read as it was written, and can be read by a shell", () => {
    const bytes = encodeState(state);
    expect(decodeState(bytes)).toEqual({ ok: true, value: { ...state, why: "it / did & not work" } });
    expect(fromUtf8(bytes)).toContain("\nstep=watching\nfrom=1.0.0\nto=1.1.0~rc1+2\n");
  });

  test("in another form is none", () => {
    const text = fromUtf8(encodeState(state)) ?? "";
    for (const wrong of [
      text.slice(0, -1),
      text.replace("watching", "sleeping"),
      text.replace("wait=300", "wait=0300"),
      text.replace("from=1.0.0", "from=../../etc"),
      `${text}more=1\n`,
      text.replace("tries=2", "tries=-"),
      "",
    ]) {
      expect(decodeState(utf8(wrong)).ok, wrong).toBe(false);
    }
  });
});
