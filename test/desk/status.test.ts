/** The status report, over real parts. */
import { beforeEach, afterEach, expect, test } from "vitest";
import { utf8, toHex } from "../../src/kernel/bytes.ts";
import { BAD_STEP, type DeskRig, GOOD_STEP, openDeskRig } from "../fakes/desk.ts";
import { beaconOf } from "../fakes/beacon.ts";

let rig: DeskRig;
beforeEach(async () => {
  rig = await openDeskRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

const SENDER = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

test("tells who this is, since when, and what it holds", async () => {
  await rig.desk.put("a.txt", utf8("words"));
  await rig.clock.advance(90_400);
  expect(await rig.desk.status()).toMatchObject({
    node: "clinic",
    author: toHex(rig.shard.author.id),
    version: "0.1.0",
    pid: 4242,
    uptime_s: 90,
    state: "running",
    trust: { mode: "warn", tpm: "tpm:/dev/tpmrm0", steps: [GOOD_STEP] },
    shard: { blocks: 1, bytes: 5, files: 1, authors: 1 },
    neighbours: [],
  });
});

test("is running while every step is well, warned once one is not, also one that was looked at later", async () => {
  rig.says.steps = [GOOD_STEP, BAD_STEP];
  expect(await rig.desk.status()).toMatchObject({ state: "warned", trust: { steps: [GOOD_STEP, BAD_STEP] } });
  rig.says.steps = [GOOD_STEP];
  expect((await rig.desk.status()).state).toBe("running");
});

test("tells the radio as it is reckoned with, in each state of its link", async () => {
  const radio = async () => (await rig.desk.status()).radio;
  expect(await radio()).toEqual({
    modem: "fake:",
    link: "ready",
    detail: "",
    node_number: 7,
    preset: "LongFast",
    region: "EU_868",
    air_used_ms: 0,
    // Half of 10 % of an hour.
    air_budget_ms: 180_000,
    air_law_ms: 360_000,
    air_others_ms: 0,
    duty_cycle: 0.1,
    duty_share: 0.5,
    channel_use: 0,
    waiting_for: "frames",
    silent_s: 0,
    holds: expect.objectContaining({ channel: { times: 0, ms: 0 } }),
    queued: 0,
    simulated: false,
    clock_speed: 1,
  });
  rig.modem.current = { kind: "down", reason: "the cable is out", retryInMs: 500 };
  expect(await radio()).toMatchObject({ link: "down", detail: "the cable is out", node_number: null, region: "UNSET" });
  rig.modem.current = { kind: "connecting", attempt: 1 };
  expect(await radio()).toMatchObject({ link: "connecting", detail: "", node_number: null });
  rig.modem.current = { kind: "configuring" };
  expect(await radio()).toMatchObject({ link: "configuring", detail: "" });
  rig.says.wishes = { ...rig.says.wishes, region: "US", preset: "ShortTurbo", share: 1 };
  expect(await radio()).toMatchObject({ preset: "ShortTurbo", region: "US", air_budget_ms: 3_600_000 });
});

test("tells what the radio sent for others, how full the channel is, and for how long the radio keeps silence", async () => {
  rig.modem.use = { channelUtilization: 0.4321, airUtilTx: 0.08 };
  rig.ledger.silence(rig.clock.monotonicMs(), 59_100);
  expect((await rig.desk.status()).radio).toMatchObject({
    air_others_ms: 288_000,
    air_budget_ms: 72_000,
    channel_use: 0.432,
    silent_s: 60,
  });
});

test("counts air time in whole milliseconds", async () => {
  rig.ledger.record(rig.clock.monotonicMs(), 1_234_567);
  expect((await rig.desk.status()).radio.air_used_ms).toBe(1_235);
});

test("lists neighbours with what they claim of their own log, by name once it is known", async () => {
  await rig.hear(beaconOf(SENDER, [{ author: SENDER, count: 3 }]));
  await rig.clock.advance(12_000);
  const row = { author: "01020304", heard_s_ago: 12, entries: 3, attestation: { state: "unknown" } };
  expect((await rig.desk.status()).neighbours).toEqual([row]);
});

test("gathers every part's counters, each under its part's name", async () => {
  await rig.hear(beaconOf(SENDER, []));
  const { counters } = await rig.desk.status();
  expect(counters).toMatchObject({
    exchange_heard_beacon: 1,
    modem_dropped_packets: 0,
    radio_dropped: 0,
    radio_sent_packets: expect.any(Number),
    shard_pending: 0,
    shard_pending_dropped: 0,
  });
  for (const value of Object.values(counters)) expect(Number.isFinite(value)).toBe(true);
});

test("in quarantine tells why, and nothing of data or radio", async () => {
  await using shut = await openDeskRig({ quarantine: "src/main.ts differs" });
  shut.says.steps = [GOOD_STEP, BAD_STEP];
  expect(await shut.desk.status()).toMatchObject({
    state: "quarantine",
    author: "",
    trust: { steps: [GOOD_STEP, BAD_STEP] },
    radio: { link: "shut", detail: "src/main.ts differs", node_number: null, air_budget_ms: 0 },
    shard: { blocks: 0, bytes: 0, files: 0, authors: 0 },
    neighbours: [],
    counters: {},
  });
});
