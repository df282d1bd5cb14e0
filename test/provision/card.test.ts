/** A card: what stands on it, what is refused, and that no power cut leaves a half that a node would take for a whole. @module */
import { create, toBinary } from "@bufbuild/protobuf";
import { AppOnly } from "@meshtastic/protobufs";
import { createHash } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { CardReport } from "../../src/kernel/provision.ts";
import type { Machine } from "../../src/ports/machine.ts";
import { checkCard } from "../../src/provision/card-check.ts";
import type { CardParts } from "../../src/provision/card-files.ts";
import { writeCard } from "../../src/provision/card.ts";
import { parseOrder, parseSecrets } from "../../src/provision/order.ts";
import type { FakeMachine } from "../fakes/machine.ts";
import { CARD, cardRig, contents, FLEET, request } from "./card-rig.ts";

let machine: FakeMachine;
let parts: CardParts;
beforeEach(() => {
  ({ machine, parts } = cardRig());
});

const quiet = (): void => undefined;
const make = (...args: Parameters<typeof request>): Promise<CardReport> => writeCard(parts, request(...args), quiet);

async function refusal(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (error instanceof AgentError) return `${error.code}: ${error.message}`;
  throw new Error("it was not refused", { cause: error });
}

test("a card of a fleet: order, configuration, secrets and package are what the fleet file says", async () => {
  const report = await make("clinic-roof");
  expect([report.node, report.hostname, report.written]).toEqual(["clinic-roof", "clinic-roof", true]);
  const card = contents(machine);
  expect(parseOrder(card["caye/order.toml"] ?? "")).toMatchObject({
    node: { name: "clinic-roof", timezone: "America/Belize", language: "es" },
    radio: { kind: "usb", region: "US", preset: "LongFast" },
    trust: { tpm: "chip" },
  });
  const config = parseConfig(card["caye/caye.toml"] ?? "", {});
  expect(config.radio.modem).toMatchObject({ kind: "serial", path: "/dev/meshtastic" });
  expect(config.trust.tpm).toMatchObject({ kind: "device" });
  expect(config.village.group_key_file).toBe("/etc/caye/group.key");
  expect(parseSecrets(card["caye/secrets.toml"] ?? "").group_key).toBe(`caye-group-key 1 ${"5a".repeat(32)}`);
  expect(card["caye/caye_1.0_arm64.deb"]).toBe("a package");
  expect(card["caye/release-keys/ours.pub"]).toContain("caye-release-key 1");
  const checks = await checkCard(parts, CARD);
  expect(checks.filter(({ state }) => state === "FAIL")).toEqual([]);
});

test("a package for a PC on the card of a Pi is told of before the card is in the field", async () => {
  expect((await make("clinic-roof")).notes.join("\n")).not.toContain("amd64");
  for (const suffix of ["", ".manifest"]) {
    const bytes = machine.files.get(`/fleet/caye_1.0_arm64.deb${suffix}`) ?? new Uint8Array();
    machine.files.set(`/fleet/caye_1.0_amd64.deb${suffix}`, bytes);
  }
  parts = { ...parts, judgePackage: () => ({ ok: true, value: { version: "1.0", arch: "amd64" } }) };
  const { notes } = await make("clinic-roof", { package: "/fleet/caye_1.0_amd64.deb" });
  expect(notes.join("\n")).toContain("for a PC (amd64)");
});

test("a release key's secret, named beside the public one, never gets onto a card", async () => {
  machine.files.set("/fleet/ours", utf8("# Signs releases of Caye\ncaye-release-secret 1 00\n"));
  const refused = await refusal(make("clinic-roof", { release_keys: ["/fleet/ours.pub", "/fleet/ours"] }));
  expect(refused).toMatch(/^PACKAGE_REFUSED: .*no public one: name those that end with \.pub/);
  expect(Object.keys(contents(machine))).not.toContain("caye/release-keys/ours.pub");
});

test("no secret stands in a file that stays: the network's key and the village's are in those that are wiped", async () => {
  await make("clinic-roof");
  const card = contents(machine);
  const key = /password: "([0-9a-f]{64})"/.exec(card["network-config"] ?? "")?.[1] ?? "";
  expect(key).not.toBe("");
  for (const [path, text] of Object.entries(card)) {
    expect(text, path).not.toContain("pan dulce");
    if (path !== "network-config") expect(text, path).not.toContain(key);
    if (path !== "caye/secrets.toml") expect(text, path).not.toContain("5a5a");
  }
});

test("again the same: nothing is written, and the instance-id stays; a change of anything gives another", async () => {
  const first = await make("clinic-roof");
  const before = contents(machine);
  const again = await make("clinic-roof");
  expect([again.written, again.instance_id]).toEqual([false, first.instance_id]);
  expect(contents(machine)).toEqual(before);
  const ids = [first.instance_id];
  for (const wishes of [
    { preset: "LongSlow" },
    { user: "luz" },
    { preset: "LongSlow" },
    { rtc_battery: "rechargeable" },
  ]) {
    const { instance_id, files } = await make("clinic-roof", wishes);
    expect(files.some(({ change }) => change === "changed")).toBe(true);
    ids.push(instance_id);
  }
  // Back to what it was before is another one, too: cloud-init knows the old one already. The clock's cell is the firmware's.
  expect(new Set(ids.slice(0, 4)).size).toBe(4);
  expect(ids[1]).not.toBe(ids[3]);
});

test("results of a start before, other packages and secrets that are no more go away; certificates stay", async () => {
  await make("clinic-roof");
  for (const name of [
    "PROVISION-OK.txt",
    "caye/node-card.txt",
    "caye/caye_0.9_arm64.deb",
    "caye/certificates/a.certificate",
  ]) {
    machine.files.set(`${CARD}/${name}`, new Uint8Array(1));
  }
  machine.files.set("/fleet/fleet.toml", new TextEncoder().encode(FLEET.replace('group_key_file = "group.key"\n', "")));
  const { files } = await make("clinic-roof");
  const removed = files.filter(({ change }) => change === "removed").map(({ path }) => path);
  expect(removed.toSorted()).toEqual([
    "PROVISION-OK.txt",
    "caye/caye_0.9_arm64.deb",
    "caye/node-card.txt",
    "caye/secrets.toml",
  ]);
  expect(Object.keys(contents(machine))).toContain("caye/certificates/a.certificate");
});

test("config.txt keeps what stood there, with one block of ours; the country goes to the kernel", async () => {
  await make("clinic-roof", { rtc_battery: "rechargeable" });
  const once = contents(machine);
  expect(once["config.txt"]).toBe(
    "dtparam=audio=on\n\n[cm5]\ndtoverlay=dwc2\n\n# caye begin: written by caye provision card; changes in here are lost\n" +
      "[all]\ndtparam=spi=on\ndtoverlay=tpm-slb9670\ndtparam=watchdog=on\ndtparam=rtc_bbat_vchg=3000000\n# caye end\n",
  );
  expect(once["cmdline.txt"]).toBe("console=tty1 root=PARTUUID=1-02 rootwait cfg80211.ieee80211_regdom=BZ\n");
  await make("clinic-roof", { tpm: "software" });
  expect(contents(machine)["config.txt"]).toBe(
    "dtparam=audio=on\n\n[cm5]\ndtoverlay=dwc2\n\n# caye begin: written by caye provision card; changes in here are lost\n" +
      "[all]\ndtparam=watchdog=on\n# caye end\n",
  );
});

test("a TPM hat and a LoRa hat on one chip select are refused; so is an overlay that takes it away", async () => {
  expect(await refusal(make("school"))).toMatch(/^CARD_REFUSED: .*chip select/);
  await make("school", { tpm: "any" });
  expect(contents(machine)["config.txt"]).not.toContain("tpm-slb9670");
  machine.files.set(`${CARD}/config.txt`, new TextEncoder().encode("dtoverlay=spi0-0cs\n"));
  expect(await refusal(make("clinic-roof", {}, { replace: true }))).toContain("spi0-0cs");
});

test("what is no card, another's card, too small a card or a spoiled package is refused, and nothing is touched", async () => {
  const before = contents(machine);
  const cases: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["CARD_REFUSED: /media/none is no directory", () => make("clinic-roof", {}, { directory: "/media/none" })],
    ["CARD_REFUSED: /fleet does not look like", () => make("clinic-roof", {}, { directory: "/fleet" })],
    ["NODE_UNKNOWN", () => make("clinic-rof")],
    ["ORDER_INVALID", () => make("clinic-roof", { region: "EU868", timezone: "Belize City" })],
    ["ORDER_INVALID", () => make("clinic-roof", { wifi: 'a"b' })],
    ["FILE_UNREADABLE: /x", () => make("clinic-roof", { config: "/x" })],
    ["PACKAGE_REFUSED: whose packages", () => make("clinic-roof", { release_keys: [] })],
    ["USAGE", () => make("clinic-roof", {}, { fleet: undefined })],
  ];
  for (const [said, work] of cases) expect(await refusal(work())).toContain(said);
  machine.free = 1_000_000;
  expect(await refusal(make("clinic-roof"))).toContain("CARD_SPACE");
  machine.free = 10_000_000_000;
  machine.files.set("/fleet/caye_1.0_arm64.deb", new TextEncoder().encode("another!!"));
  expect(await refusal(make("clinic-roof"))).toContain("not the file that was signed");
  expect(contents(machine)).toEqual(before);
});

test("another node's card is only replaced when that is asked for, and then without its papers", async () => {
  await make("clinic-roof");
  machine.files.set(`${CARD}/caye/certificates/a.certificate`, new Uint8Array(1));
  const other = { radio: "usb", tpm: "any" };
  expect(await refusal(make("school", other))).toContain("the card of clinic-roof, not of school");
  await make("school", other, { replace: true });
  expect(Object.keys(contents(machine))).not.toContain("caye/certificates/a.certificate");
  machine.files.set(`${CARD}/user-data`, new TextEncoder().encode("#cloud-config\nhostname: other\n"));
  expect(await refusal(make("school", other))).toContain("a user-data of its own");
});

test("channels of a radio in another region are refused on the laptop, and those of this one are not", async () => {
  const url = (region: number): string => {
    const set = create(AppOnly.ChannelSetSchema, {
      settings: [{ name: "v" }],
      loraConfig: { usePreset: true, region },
    });
    return `https://meshtastic.org/e/#${Buffer.from(toBinary(AppOnly.ChannelSetSchema, set)).toString("base64url")}\n`;
  };
  const put = (region: number): void => void machine.files.set("/fleet/url", new TextEncoder().encode(url(region)));
  const wishes = { channel_url_file: "/fleet/url" };
  // Meshtastic's numbers of EU_868 and US.
  put(3);
  expect(await refusal(make("clinic-roof", wishes))).toContain("EU_868, the order says US");
  put(1);
  await make("clinic-roof", wishes);
  expect(parseSecrets(contents(machine)["caye/secrets.toml"] ?? "").channel_url).toMatch(/^https:/);
});

test("a dry run says what would change and writes nothing", async () => {
  const before = contents(machine);
  const { written, files } = await make("clinic-roof", {}, { dryRun: true });
  expect(written).toBe(false);
  expect(files.filter(({ change }) => change !== "same").length).toBeGreaterThan(10);
  expect(contents(machine)).toEqual(before);
});

/** Ends as a power cut does, before the so manieth change. */
function cutAfter(whole: Machine, count: number): Machine {
  let left = count;
  const spend = (): void => {
    left -= 1;
    if (left < 0) throw Object.assign(new Error("power"), { code: "EIO" });
  };
  return {
    ...whole,
    write: async (...args) => {
      spend();
      await whole.write(...args);
    },
    remove: async (path) => {
      spend();
      await whole.remove(path);
    },
  };
}

/** What a node would make of the card, as `first-boot.sh` looks at it: `nothing`, `refused`, or the preset of its radio. */
function bootOf(card: Record<string, string>): string {
  if (!(card["user-data"] ?? "").includes("first-boot.sh")) return "nothing";
  const lines = (card["caye/SHA256SUMS"] ?? "").split("\n").filter((line) => line !== "");
  const holds = lines.every((line) => {
    const [sum = "", path = ""] = line.split("  ");
    return (
      createHash("sha256")
        .update(card[path] ?? "")
        .digest("hex") === sum
    );
  });
  return lines.length > 0 && holds ? parseOrder(card["caye/order.toml"] ?? "").radio.preset : "refused";
}

test("the power fails at any write: the node starts from the old card or the new one, or says that it is neither", async () => {
  for (const isFresh of [true, false]) {
    const outcomes = new Set<string>();
    for (let count = 0; count < 40; count += 1) {
      ({ machine, parts } = cardRig());
      if (!isFresh) await make("clinic-roof", { user: "old", wifi: "old" });
      const cut = { ...parts, machine: cutAfter(machine, count) };
      const typed = { preset: "LongSlow" };
      const failed = await writeCard(cut, request("clinic-roof", typed), quiet).then(
        () => false,
        (error: unknown) => error instanceof AgentError && error.code === "CARD_UNWRITABLE",
      );
      const outcome = bootOf(contents(machine));
      outcomes.add(outcome);
      // Whole means new; cut short never means new, but for the last file's own rename.
      if (!failed) expect(outcome).toBe("LongSlow");
      // The same command again ends it.
      await make("clinic-roof", typed);
      expect(bootOf(contents(machine))).toBe("LongSlow");
      if (!failed) break;
    }
    const expected = isFresh ? ["nothing", "LongSlow"] : ["LongFast", "refused", "LongSlow"];
    expect([...outcomes].toSorted()).toEqual(expected.toSorted());
  }
});

test("check names what is wrong with a card", async () => {
  await make("clinic-roof");
  machine.files.set(`${CARD}/caye/caye.toml`, new TextEncoder().encode("[radio]\nregion = 5\n"));
  machine.files.set(`${CARD}/caye/caye_1.0_arm64.deb`, new TextEncoder().encode("other"));
  machine.files.set(
    `${CARD}/PROVISION-FAILED.txt`,
    new TextEncoder().encode("This node was not set up.\nWhy: no radio\n"),
  );
  machine.answer = () => ({ status: 1, stdout: "Invalid cloud-config" });
  const failed = (await checkCard(parts, CARD)).filter(({ state }) => state === "FAIL").map(({ name }) => name);
  expect(failed).toEqual(["first boot", "files", "configuration", "cloud-init", "package"]);
  machine.answer = () => undefined;
  const cloud = (await checkCard(parts, CARD)).find(({ name }) => name === "cloud-init");
  expect(cloud?.state).toBe("WARN");
});
