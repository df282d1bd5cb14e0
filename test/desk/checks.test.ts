/** The checks that `caye doctor` shows: every branch of each. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseCid } from "../../src/dag/cid.ts";
import { entryKey, fileKey } from "../../src/dag/keys.ts";
import { codedForm } from "../../src/exchange/files/coded-form.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import type { Check } from "../../src/kernel/reports.ts";
import { ANSWER } from "../../src/radio/priority.ts";
import type { Frame } from "../../src/radio/frame.ts";
import { freshShard } from "../dag/shards.ts";
import { BAD_STEP, type DeskRig, GOOD_STEP, openDeskRig } from "../fakes/desk.ts";
import { beaconOf } from "../fakes/beacon.ts";

let rig: DeskRig;
beforeEach(async () => {
  rig = await openDeskRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function check(name: string): Promise<Check | undefined> {
  const { checks } = await rig.desk.checks();
  return checks.find((row) => row.name === name);
}

async function stateOf(name: string): Promise<string | undefined> {
  return (await check(name))?.state;
}

test("name each thing once, and give a fix for everything that is not well", async () => {
  rig.says.steps = [GOOD_STEP, BAD_STEP];
  rig.says.tpm = "none";
  rig.says.freeBytes = 1;
  rig.modem.current = { kind: "down", reason: "unplugged", retryInMs: 1 };
  const { checks } = await rig.desk.checks();
  const names = checks.map(({ name }) => name);
  const radio = ["radio", "region", "airtime", "channel", "neighbours"];
  expect(names).toEqual(["boot: measure", "boot: attest", "tpm", "recovery words", "disk", ...radio]);
  for (const { name, state, detail, fix } of checks) {
    expect(detail, name).not.toBe("");
    expect(state === "OK" || fix !== "", name).toBe(true);
  }
});

test("a boot step that failed is a warning under warn, a failure under enforce", async () => {
  rig.says.steps = [GOOD_STEP, BAD_STEP];
  expect(await check("boot: measure")).toEqual({
    name: "boot: measure",
    state: "OK",
    detail: "measured: 61 files",
    fix: "",
  });
  const failed = { detail: "mismatch: src/main.ts differs", fix: "caye allow-update --code DIR" };
  expect(await check("boot: attest")).toMatchObject({ state: "WARN", ...failed });
  rig.says.mode = "enforce";
  expect(await check("boot: attest")).toMatchObject({ state: "FAIL", ...failed });
});

test("a TPM that is missing, or in software, is a warning", async () => {
  expect(await stateOf("tpm")).toBe("OK");
  rig.says.tpm = "none";
  expect(await check("tpm")).toMatchObject({ state: "WARN", detail: expect.stringContaining("no TPM") });
  rig.says.tpm = "swtpm:";
  expect(await check("tpm")).toMatchObject({ state: "WARN", detail: expect.stringContaining("in software") });
});

test.each([
  [undefined, "WARN", "free space of /var/lib/caye is not known"],
  [0, "FAIL", "0 MiB free"],
  [16 * 1_048_576 - 1, "FAIL", "16 MiB free"],
  [16 * 1_048_576, "WARN", "16 MiB free"],
  [256 * 1_048_576 - 1, "WARN", "256 MiB free"],
  [256 * 1_048_576, "OK", "256 MiB free for /var/lib/caye"],
])("a disk with %s bytes free is %s", async (freeBytes, state, detail) => {
  rig.says.freeBytes = freeBytes;
  expect(await check("disk")).toMatchObject({ state, detail: expect.stringContaining(detail) });
});

describe("the radio", () => {
  test("is well when ready, and told by its number and firmware", async () => {
    expect(await check("radio")).toMatchObject({ state: "OK", detail: "fake:: node !00000007, firmware 2.7.26" });
    const settings = { nodeNumber: 0xdead_beef, preset: undefined, region: undefined, firmware: undefined };
    rig.modem.current = { kind: "ready", settings };
    expect((await check("radio"))?.detail).toBe("fake:: node !deadbeef, firmware unknown");
  });

  test("that is being set up is a warning, one that is down a failure with its reason", async () => {
    for (const link of [{ kind: "connecting", attempt: 1 }, { kind: "configuring" }] as const) {
      rig.modem.current = link;
      expect(await check("radio")).toMatchObject({ state: "WARN", detail: "fake:: the link is being set up" });
    }
    rig.modem.current = { kind: "down", reason: "the cable is out", retryInMs: 500 };
    expect(await check("radio")).toMatchObject({ state: "FAIL", detail: "fake:: the cable is out" });
  });

  test("of the simulated village is a warning", async () => {
    const simulated = rig.deskWith({ simulated: true });
    const { checks } = await simulated.checks();
    const radio = checks.find(({ name }) => name === "radio");
    expect(radio).toMatchObject({ state: "WARN", detail: expect.stringContaining("(simulated village)") });
  });

  test("without a region is a warning, until it or the configuration names one", async () => {
    expect(await check("region")).toMatchObject({ state: "OK", detail: "EU_868, LongFast" });
    rig.modem.current = { kind: "down", reason: "unplugged", retryInMs: 1 };
    expect(await stateOf("region")).toBe("WARN");
    rig.says.wishes = { ...rig.says.wishes, region: "US" };
    expect(await check("region")).toMatchObject({
      state: "OK",
      detail: "US, LongFast; dwell time of 400 ms (hopping): see docs/airtime.md",
    });
  });

  test("of another region than the configuration says is a failure that names both", async () => {
    rig.says.wishes = { ...rig.says.wishes, region: "US" };
    expect(await check("region")).toMatchObject({
      state: "FAIL",
      detail: expect.stringMatching(/says US, LongFast, and the radio is set to EU_868, LongFast/),
      fix: expect.stringContaining("caye radio set --region US --preset LongFast"),
    });
  });
});

describe("the air", () => {
  const frame: Frame = { payload: new Uint8Array(200), priority: ANSWER, hopLimit: 0 };

  test("that is free is well", async () => {
    expect(await check("airtime")).toMatchObject({ state: "OK", detail: "0 of 180 s used in the last hour" });
  });

  test("of which our hour is used up is a warning, while a packet waits for it", async () => {
    rig.ledger.record(rig.clock.monotonicMs(), 180_000_000);
    rig.scheduler.offer(frame);
    await rig.clock.advance(0);
    const waiting = { state: "WARN", detail: "180 of 180 s used in the last hour; waiting" };
    expect(await check("airtime")).toMatchObject(waiting);
  });

  test("that the radio used for others is told", async () => {
    rig.modem.use = { channelUtilization: 0.1, airUtilTx: 0.075 };
    const detail = "0 of 90 s used in the last hour; the radio sent 270 s for others";
    expect(await check("airtime")).toMatchObject({ state: "OK", detail });
  });

  test("that the radio says is used up is a warning too", async () => {
    rig.modem.answers.push({ kind: "duty-cycle", waitMs: 60_000 });
    rig.scheduler.offer(frame);
    await rig.clock.advance(0);
    expect(await stateOf("airtime")).toBe("WARN");
  });

  test("that others fill is a warning above a quarter", async () => {
    expect(await check("channel")).toMatchObject({ state: "OK", detail: expect.stringContaining("not reported") });
    rig.modem.use = { channelUtilization: 0.25, airUtilTx: 0 };
    expect(await check("channel")).toMatchObject({ state: "OK", detail: "25 % in use" });
    rig.modem.use = { channelUtilization: 0.26, airUtilTx: 0 };
    expect(await check("channel")).toMatchObject({ state: "WARN", detail: "26 % in use" });
  });
});

test("having heard nobody is well in the first minutes, then a warning, until somebody is heard", async () => {
  const quiet = expect.stringContaining("nobody was heard yet");
  expect(await check("neighbours")).toMatchObject({ state: "OK", detail: quiet, fix: "" });
  await rig.clock.advance(300_000);
  expect(await check("neighbours")).toMatchObject({ state: "WARN", fix: expect.stringContaining("antenna") });
  const { checks } = await rig.deskWith({ simulated: true }).checks();
  const simulated = checks.find(({ name }) => name === "neighbours");
  expect(simulated).toMatchObject({ state: "WARN", fix: expect.not.stringContaining("antenna") });
  await rig.hear(beaconOf(new Uint8Array(8).fill(9), []));
  expect(await check("neighbours")).toMatchObject({ state: "OK", detail: "1 heard" });
});

test("an author that signed two logs is a warning, by its name and id", async () => {
  // The same card in two machines: one author, two logs.
  await using card = await freshShard(5);
  await using copy = await freshShard(5);
  await card.shard.putFile("a.txt", Uint8Array.of(1));
  await copy.shard.putFile("b.txt", Uint8Array.of(2));
  const { id } = card.shard.author;
  expect(await stateOf("author")).toBeUndefined();
  for (const { shard } of [card, copy]) {
    const { entries, signature } = await shard.entries(id, 1, 10);
    await rig.shard.merge(id, 1, entries, signature);
  }
  const detail = expect.stringMatching(/^node 5 \([0-9a-f]{16}\) signed two different entries/);
  expect(await check("author")).toMatchObject({ state: "WARN", detail });
});

test("a log that the disk has damaged is a failure, by its author", async () => {
  await rig.shard.putFile("a.txt", Uint8Array.of(1));
  expect(await stateOf("log")).toBeUndefined();
  rig.store.corrupt(entryKey(rig.shard.author.id, 2));
  const detail = expect.stringMatching(/^the disk has damaged the log of clinic \([0-9a-f]{16}\)/);
  expect(await check("log")).toMatchObject({ state: "FAIL", detail });
});

test("files that the disk has struck from the list are a failure, by their number", async () => {
  for (const name of ["a.txt", "b.txt", "c.txt"]) await rig.shard.putFile(name, utf8(name));
  expect(await stateOf("files")).toBeUndefined();
  rig.store.corrupt(fileKey(rig.shard.author.id, "b.txt"));
  expect(await check("files")).toMatchObject({ state: "FAIL", detail: expect.stringContaining("1 of 3") });
});

test("in quarantine the boot steps, TPM and disk are still told, and that data and radio are shut", async () => {
  await using shut = await openDeskRig({ quarantine: "src/main.ts differs" });
  shut.says.mode = "enforce";
  shut.says.steps = [GOOD_STEP, BAD_STEP];
  const { checks } = await shut.desk.checks();
  expect(checks.map(({ name, state }) => `${name} ${state}`)).toEqual([
    "boot: measure OK",
    "boot: attest FAIL",
    "tpm OK",
    "recovery words OK",
    "disk OK",
    "quarantine FAIL",
  ]);
  expect(checks.at(-1)?.detail).toBe("data and radio are shut: src/main.ts differs");
});

test("radios whose pieces of files proved false are named, by number, for an hour", async () => {
  expect(await check("false pieces of files")).toBeUndefined();
  const content = new Uint8Array(150).fill(7);
  const { cid } = await rig.desk.put("held.bin", content);
  const target = { kind: "prefix", prefix: parseCid(cid)?.multihash.digest.subarray(0, 4) ?? content } as const;
  await rig.hear({ type: "get", amount: { kind: "more", symbols: 1 }, target });
  await rig.clock.advance(10_000);
  const lie = { type: "coded", prefix: target.prefix, streamBytes: 150, check: undefined, index: 0, left: 0 } as const;
  const { streamBytes, check: packed } = codedForm(content, 231);
  await rig.hear({ ...lie, streamBytes, check: packed, symbol: new Uint8Array(streamBytes).fill(1) });
  await rig.clock.advance(0);
  expect(await check("false pieces of files")).toMatchObject({
    state: "WARN",
    detail: expect.stringMatching(/![0-9a-f]{8} \(1\)/),
  });
  await rig.clock.advance(3_600_000);
  expect(await check("false pieces of files")).toBeUndefined();
});
