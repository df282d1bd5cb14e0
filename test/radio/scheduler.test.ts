/** The scheduler, under a clock that stands still and a radio that does as told. @module */
import { describe, expect, test } from "vitest";
import type { Bytes } from "../../src/kernel/bytes.ts";
import type { Log } from "../../src/ports/log.ts";
import { TEXT_MESSAGE_APP } from "../../src/ports/modem.ts";
import { meshFrameBytes, payloadAirtimeUs, PRESETS, timeOnAirUs } from "../../src/radio/airtime.ts";
import { AirtimeLedger, WINDOW_MS } from "../../src/radio/ledger.ts";
import { ALERT, ALERT_REPAIR, ANSWER, CHECKPOINT, INDEX, REQUEST } from "../../src/radio/priority.ts";
import type { RadioLimits } from "../../src/radio/limits.ts";
import type { Frame } from "../../src/radio/frame.ts";
import { Scheduler, type SchedulerParts } from "../../src/radio/scheduler.ts";
import { FakeClock } from "../fakes/clock.ts";
import { FakeModem, READY } from "../fakes/modem.ts";
import { seeded } from "../fakes/seeded.ts";

const HOUR_MS = 3_600_000;
/** LongFast, 231 bytes. */
const FULL_MS = payloadAirtimeUs(231, PRESETS.LongFast) / 1000;

function frame(name: number, more: Partial<Frame> = {}): Frame {
  return { payload: new Uint8Array(231).fill(name), priority: INDEX, hopLimit: 0, ...more };
}

function recordingLog(lines: string[]): Log {
  const log: Log = {
    debug: () => undefined,
    info: (sentence) => void lines.push(sentence),
    warn: (sentence) => void lines.push(sentence),
    error: (sentence) => void lines.push(sentence),
    named: () => log,
  };
  return log;
}

class Station {
  readonly clock = new FakeClock();
  readonly modem = new FakeModem(this.clock);
  readonly saved: Bytes[] = [];
  readonly lines: string[] = [];
  readonly ledger = new AirtimeLedger();
  readonly scheduler: Scheduler;
  limits: RadioLimits = { modulation: PRESETS.LongFast, dutyCycle: 1, share: 1 };
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;

  constructor(more: Partial<SchedulerParts> = {}) {
    this.scheduler = new Scheduler({
      modem: this.modem,
      clock: this.clock,
      random: seeded(1).random,
      log: recordingLog(this.lines),
      settings: () => this.limits,
      ledger: this.ledger,
      saveLedger: (snapshot) => {
        this.saved.push(snapshot);
        return Promise.resolve();
      },
      ...more,
    });
    this.#ended = this.scheduler.run(this.#stop.signal);
  }

  /** First bytes of the payloads that the radio took. */
  get taken(): number[] {
    return this.modem.sent.flatMap(({ packet, outcome }) =>
      outcome.kind === "taken" ? (packet.payload[0] ?? -1) : [],
    );
  }

  get timesMs(): number[] {
    return this.modem.sent.map(({ atMs }) => atMs - 5_000);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    expect(this.clock.sleepers).toBe(0);
  }
}

test("sends one packet, waits until it is off the air, and sends the next", async () => {
  const station = new Station();
  for (const name of [1, 2, 3]) station.scheduler.offer(frame(name));
  await station.clock.advance(FULL_MS - 1);
  expect(station.taken).toEqual([1]);
  expect(station.scheduler.status().waitingFor).toBe("air");
  await station.clock.advance(10 * FULL_MS);
  expect(station.taken).toEqual([1, 2, 3]);
  const [first = 0, second = 0, third = 0] = station.timesMs;
  for (const gap of [second - first, third - second]) {
    expect(gap).toBeGreaterThanOrEqual(FULL_MS);
    expect(gap).toBeLessThanOrEqual(1.05 * FULL_MS + 1);
  }
  await station.stop();
});

test("tells what more packets would cost, with what is used already and the silence that the radio wants", async () => {
  const station = new Station();
  station.limits = { modulation: PRESETS.LongFast, dutyCycle: 0.01, share: 0.25 };
  expect(station.scheduler.estimate(4, 231)).toMatchObject({ airtimeUs: 4000 * FULL_MS, fitsBudget: true });
  station.ledger.record(station.clock.monotonicMs(), 2_000_000);
  expect(station.scheduler.estimate(4, 231).fitsBudget).toBe(false);
  station.ledger.silence(station.clock.monotonicMs(), 60_000);
  expect(station.scheduler.estimate(1, 231).finishInMs).toBe(60_000 + Math.ceil(FULL_MS));
  await station.stop();
});

test("sends to one node on another port what asks for it, and books every sending that the radio may make of it", async () => {
  const station = new Station();
  const payload = new Uint8Array(200).fill(7);
  const direct = { payload, to: 0x2222, port: TEXT_MESSAGE_APP, channel: 2 };
  station.scheduler.offer(frame(7, { ...direct, wantAck: true }));
  await station.clock.advance(0);
  expect(station.modem.sent.at(-1)?.packet).toEqual({ ...direct, hopLimit: 0, wantAck: true });
  // 12 bytes for PKC around what the same payload takes on a channel.
  const onceUs = timeOnAirUs(meshFrameBytes(TEXT_MESSAGE_APP, 200) + 12, PRESETS.LongFast);
  expect(station.scheduler.status().usedUs).toBe(3 * onceUs);
  station.scheduler.offer(frame(7, direct));
  await station.clock.advance(10 * FULL_MS);
  expect(station.scheduler.status().usedUs).toBe(4 * onceUs);
  expect(station.modem.sent.at(-1)?.packet).toEqual({ ...direct, hopLimit: 0 });
  station.scheduler.offer(frame(7, { ...direct, hopLimit: 1 }));
  await station.clock.advance(10 * FULL_MS);
  expect(station.scheduler.status().usedUs).toBe(6 * onceUs);
  await station.stop();
});

test("a packet that may be repeated is as long as one: the law's longest packet does not forbid it", async () => {
  const station = new Station();
  const onceUs = timeOnAirUs(meshFrameBytes(TEXT_MESSAGE_APP, 200) + 12, PRESETS.LongFast);
  station.limits = { modulation: PRESETS.LongFast, dutyCycle: 1, share: 1, maxPacketUs: onceUs };
  const direct = { payload: new Uint8Array(200), to: 0x2222, port: TEXT_MESSAGE_APP, wantAck: true };
  station.scheduler.offer(frame(7, direct));
  station.scheduler.offer(frame(8, { ...direct, payload: new Uint8Array(210) }));
  await station.clock.advance(10 * FULL_MS);
  expect(station.modem.sent.map(({ packet }) => packet.payload.length)).toEqual([200]);
  expect(station.scheduler.status().refused).toBe(1);
  await station.stop();
});

test("sends broadcasts on our port with the frame's own hop limit", async () => {
  const station = new Station();
  station.scheduler.offer(frame(1, { hopLimit: 3 }));
  await station.clock.advance(0);
  const payload = new Uint8Array(231).fill(1);
  expect(station.modem.sent[0]?.packet).toEqual({ to: 0xffff_ffff, port: 256, payload, hopLimit: 3 });
  await station.stop();
});

test("leaves room for the relays of a packet that may be relayed", async () => {
  const station = new Station();
  station.scheduler.offer(frame(1, { hopLimit: 1 }));
  station.scheduler.offer(frame(2));
  await station.clock.advance(10 * FULL_MS);
  expect(station.timesMs[1]).toBeGreaterThanOrEqual(3 * FULL_MS);
  await station.stop();
});

test("an alert overtakes requests, these answers, and these the index", async () => {
  const station = new Station();
  station.scheduler.offer(frame(9));
  await station.clock.advance(0);
  station.scheduler.offer(frame(1, { priority: INDEX }));
  station.scheduler.offer(frame(2, { priority: ANSWER }));
  station.scheduler.offer(frame(3, { priority: REQUEST }));
  await station.clock.advance(1);
  station.scheduler.offer(frame(4, { priority: ALERT }));
  await station.clock.advance(20 * FULL_MS);
  expect(station.taken).toEqual([9, 4, 3, 2, 1]);
  await station.stop();
});

test("tells what it sent, and counts it", async () => {
  const station = new Station();
  const airtimes: number[] = [];
  station.modem.current = { kind: "configuring" };
  station.scheduler.offer(frame(1, { onSent: (airtimeUs) => airtimes.push(airtimeUs) }));
  await station.clock.advance(0);
  station.modem.current = READY;
  await station.clock.advance(2_500);
  await station.clock.advance(10 * FULL_MS);
  expect(airtimes).toEqual([1000 * FULL_MS]);
  const once = { times: 1, ms: 1_000 };
  const never = { times: 0, ms: 0 };
  expect(station.scheduler.status()).toEqual({
    queued: 0,
    dropped: 0,
    expired: 0,
    refused: 0,
    usedUs: 1000 * FULL_MS,
    budgetUs: 3_600_000_000,
    lawUs: 3_600_000_000,
    othersUs: 0,
    dutyCycle: 1,
    share: 1,
    channelUse: FULL_MS / 60_000,
    silentMs: 0,
    sentPackets: 1,
    sentBytes: 231,
    sentAirUs: 1000 * FULL_MS,
    waitingFor: "frames",
    holds: { air: never, "duty-cycle": never, modem: once, radio: never, channel: never, budget: never },
  });
  await station.stop();
});

describe("the queue", () => {
  test("holds 64 frames, drops the newest of the least important, and counts them", async () => {
    const station = new Station();
    station.modem.current = { kind: "configuring" };
    for (let name = 0; name < 64; name++) expect(station.scheduler.offer(frame(name))).toBe("queued");
    expect(station.scheduler.offer(frame(64))).toBe("dropped");
    expect(station.scheduler.offer(frame(65, { priority: ALERT }))).toBe("queued");
    expect(station.scheduler.status()).toMatchObject({ queued: 64, dropped: 2 });
    station.modem.current = READY;
    await station.clock.advance(HOUR_MS);
    expect(station.taken).toEqual([65, ...Array.from({ length: 63 }, (_, name) => name)]);
    await station.stop();
  });

  test("replaces and cancels by key", async () => {
    const station = new Station();
    station.modem.current = { kind: "configuring" };
    station.scheduler.offer(frame(1, { key: "beacon" }));
    expect(station.scheduler.offer(frame(2, { key: "beacon" }))).toBe("replaced");
    station.scheduler.offer(frame(3, { key: "want" }));
    expect(station.scheduler.cancel("want")).toBe(true);
    expect(station.scheduler.cancel("want")).toBe(false);
    station.modem.current = READY;
    await station.clock.advance(10 * FULL_MS);
    expect(station.taken).toEqual([2]);
    await station.stop();
  });

  test("a frame that replaces one in the very moment of its sending is sent, too", async () => {
    let release = (): void => undefined;
    const station = new Station({ saveLedger: () => new Promise((resolve) => (release = resolve)) });
    station.scheduler.offer(frame(1, { key: "beacon" }));
    await station.clock.advance(0);
    expect(station.scheduler.offer(frame(2, { key: "beacon" }))).toBe("replaced");
    release();
    await station.clock.advance(2 * FULL_MS);
    release();
    await station.clock.advance(2 * FULL_MS);
    expect(station.taken).toEqual([1, 2]);
    await station.stop();
  });

  test("drops a frame that waited too long", async () => {
    const station = new Station();
    station.modem.current = { kind: "configuring" };
    station.scheduler.offer(frame(1, { expiresAtMs: station.clock.monotonicMs() + 10_000 }));
    station.scheduler.offer(frame(2, { expiresAtMs: station.clock.monotonicMs() + 60_000 }));
    await station.clock.advance(20_000);
    station.modem.current = READY;
    await station.clock.advance(2_000);
    expect(station.taken).toEqual([2]);
    expect(station.scheduler.status().expired).toBe(1);
    await station.stop();
  });
});

describe("the radio", () => {
  test("is waited for until it is ready", async () => {
    const station = new Station();
    station.modem.current = { kind: "down", reason: "unplugged", retryInMs: 5 };
    station.scheduler.offer(frame(1));
    await station.clock.advance(HOUR_MS);
    expect(station.modem.sent).toEqual([]);
    expect(station.scheduler.status()).toMatchObject({ queued: 1, waitingFor: "modem" });
    station.modem.current = READY;
    await station.clock.advance(1_000);
    expect(station.taken).toEqual([1]);
    await station.stop();
  });

  test("that is busy gets the same frame again, later and later, and no airtime is lost", async () => {
    const station = new Station();
    for (let i = 0; i < 8; i++) station.modem.answers.push({ kind: "busy", reason: "queue full" });
    station.scheduler.offer(frame(1));
    await station.clock.advance(5 * 60_000);
    expect(station.modem.sent).toHaveLength(9);
    expect(station.taken).toEqual([1]);
    const gaps = station.timesMs.slice(1).map((atMs, i) => atMs - (station.timesMs[i] ?? 0));
    for (const [i, gap] of gaps.entries()) {
      const backoffMs = Math.min(30_000, 1_000 * 2 ** i);
      expect(gap).toBeGreaterThanOrEqual(backoffMs);
      expect(gap).toBeLessThanOrEqual(1.5 * backoffMs + 1);
    }
    expect(station.scheduler.status()).toMatchObject({ usedUs: 1000 * FULL_MS, sentPackets: 1, waitingFor: "frames" });
    await station.stop();
  });

  test("that is busy until the frame is worthless does not hold up the next", async () => {
    const station = new Station();
    for (let i = 0; i < 3; i++) station.modem.answers.push({ kind: "busy", reason: "queue full" });
    station.scheduler.offer(frame(1, { priority: ALERT, expiresAtMs: station.clock.monotonicMs() + 5_000 }));
    station.scheduler.offer(frame(2));
    await station.clock.advance(60_000);
    expect(station.taken).toEqual([2]);
    await station.stop();
  });

  test("that says duty cycle is left alone for as long as it says, then gets the same frame", async () => {
    const station = new Station();
    station.modem.answers.push({ kind: "duty-cycle", waitMs: 50 * 60_000 });
    station.scheduler.offer(frame(1));
    await station.clock.advance(50 * 60_000 - 1);
    expect(station.modem.sent).toHaveLength(1);
    expect(station.scheduler.status()).toMatchObject({ waitingFor: "duty-cycle", usedUs: 0 });
    await station.clock.advance(2);
    expect(station.taken).toEqual([1]);
    await station.stop();
  });

  test("that says duty cycle for no time, or for ever, is asked again within reason", async () => {
    const station = new Station();
    station.modem.answers.push({ kind: "duty-cycle", waitMs: 0 }, { kind: "duty-cycle", waitMs: 1e15 });
    station.scheduler.offer(frame(1));
    await station.clock.advance(999);
    expect(station.modem.sent).toHaveLength(1);
    await station.clock.advance(2);
    expect(station.modem.sent).toHaveLength(2);
    await station.clock.advance(HOUR_MS);
    expect(station.taken).toEqual([1]);
    await station.stop();
  });

  test("that refuses a frame for good does not get it again", async () => {
    const station = new Station();
    station.modem.answers.push({ kind: "refused", reason: "too large" });
    station.scheduler.offer(frame(1));
    station.scheduler.offer(frame(2));
    await station.clock.advance(10 * FULL_MS);
    expect(station.taken).toEqual([2]);
    expect(station.scheduler.status()).toMatchObject({ refused: 1, usedUs: 1000 * FULL_MS });
    expect(station.lines).toEqual(["frame can't be sent"]);
    await station.stop();
  });
});

describe("the hour's budget", () => {
  test("is never exceeded in any rolling hour, however much is offered", async () => {
    const station = new Station();
    station.limits = { modulation: PRESETS.LongFast, dutyCycle: 0.1, share: 0.5 };
    const budgetMs = 0.05 * HOUR_MS;
    for (let minute = 0; minute < 6 * 60; minute++) {
      for (let name = 0; name < 30; name++) station.scheduler.offer(frame(name));
      await station.clock.advance(60_000);
    }
    const times = station.timesMs;
    const mostInAnHour = Math.max(
      ...times.map((end) => times.filter((start) => start > end - HOUR_MS && start <= end).length),
    );
    expect(mostInAnHour * FULL_MS).toBeLessThanOrEqual(budgetMs);
    // And it is put to use: what fits is sent, but for the tenth that is the alerts'.
    expect(mostInAnHour).toBe(Math.floor((0.9 * budgetMs) / FULL_MS));
    expect(times.length).toBeGreaterThan(5 * mostInAnHour);
    expect(station.scheduler.status().waitingFor).toBe("budget");
    await station.stop();
  });

  test("keeps a tenth for alerts, when all else has used up the rest", async () => {
    const station = new Station();
    station.limits = { modulation: PRESETS.LongFast, dutyCycle: 0.1, share: 0.5 };
    for (let round = 0; round < 2; round++) {
      for (let name = 0; name < 64; name++) station.scheduler.offer(frame(1));
      await station.clock.advance(600_000);
    }
    expect(station.scheduler.status().waitingFor).toBe("budget");
    const before = station.taken.length;
    for (let name = 0; name < 20; name++) station.scheduler.offer(frame(2, { priority: ALERT }));
    await station.clock.advance(60_000);
    expect(station.taken.slice(before)).toEqual(Array(8).fill(2));
    expect(station.scheduler.status().usedUs).toBeLessThanOrEqual(0.05 * 1000 * HOUR_MS);
    await station.stop();
  });

  test("holds across a restart", async () => {
    const station = new Station();
    station.limits = { modulation: PRESETS.LongFast, dutyCycle: 0.001, share: 1 };
    station.scheduler.offer(frame(1));
    await station.clock.advance(60_000);
    await station.stop();
    const now = { monotonicMs: 5_000, wallMs: station.clock.nowMs() };
    const ledger = AirtimeLedger.restore(station.saved.at(-1) ?? new Uint8Array(0), now);
    if (!ledger.ok) throw new Error(ledger.reason);
    const again = new Station({ ledger: ledger.value });
    again.limits = station.limits;
    again.scheduler.offer(frame(2));
    await again.clock.advance(WINDOW_MS - 61_000);
    expect(again.taken).toEqual([]);
    await again.clock.advance(61_000 + FULL_MS);
    expect(again.taken).toEqual([2]);
    await again.stop();
  });

  test("is on disk before the packet is on air, once a packet", async () => {
    const order: string[] = [];
    const station = new Station({
      saveLedger: () => {
        order.push(`saved, ${station.modem.sent.length} sent`);
        return Promise.resolve();
      },
    });
    station.scheduler.offer(frame(1));
    station.scheduler.offer(frame(2));
    await station.clock.advance(10 * FULL_MS);
    expect(order).toEqual(["saved, 0 sent", "saved, 1 sent"]);
    await station.stop();
  });

  test("is kept in memory when the disk fails, which is said once", async () => {
    const station = new Station({ saveLedger: () => Promise.reject(new Error("no space")) });
    station.scheduler.offer(frame(1));
    station.scheduler.offer(frame(2));
    await station.clock.advance(10 * FULL_MS);
    expect(station.taken).toEqual([1, 2]);
    expect(station.scheduler.status().usedUs).toBe(2000 * FULL_MS);
    expect(station.lines).toEqual(["airtime ledger is not on disk"]);
    await station.stop();
  });

  test("is saved anew when the machine learns the time, so that a restart does not take it for old", async () => {
    const station = new Station();
    station.scheduler.offer(frame(1));
    await station.clock.advance(10_000);
    expect(station.saved).toHaveLength(1);
    const trueMs = station.clock.nowMs() + 90 * 24 * HOUR_MS;
    station.clock.setWall(trueMs);
    await station.clock.advance(60_000);
    expect(station.saved).toHaveLength(2);
    const now = { monotonicMs: 0, wallMs: trueMs + 70_000 };
    const ledger = AirtimeLedger.restore(station.saved.at(-1) ?? new Uint8Array(0), now);
    expect(ledger.ok && ledger.value.usedUs(0)).toBe(1000 * FULL_MS);
    await station.stop();
  });

  test("refuses a packet that is longer than all of it, and goes on", async () => {
    const station = new Station();
    station.limits = { modulation: PRESETS.LongSlow, dutyCycle: 0.01, share: 0.25 };
    station.scheduler.offer(frame(1));
    station.scheduler.offer({ payload: Uint8Array.of(2), priority: INDEX, hopLimit: 0 });
    await station.clock.advance(60_000);
    expect(station.taken).toEqual([2]);
    expect(station.scheduler.status().refused).toBe(1);
    await station.stop();
  });

  test("follows the settings while a frame waits", async () => {
    const station = new Station();
    station.limits = { modulation: PRESETS.LongFast, dutyCycle: 0.001, share: 1 };
    station.scheduler.offer(frame(1));
    station.scheduler.offer(frame(2));
    await station.clock.advance(120_000);
    expect(station.taken).toEqual([1]);
    station.limits = { modulation: PRESETS.LongFast, dutyCycle: 1, share: 1 };
    await station.clock.advance(60_000);
    expect(station.taken).toEqual([1, 2]);
    await station.stop();
  });

  test("counts the signature that a radio adds", async () => {
    const station = new Station();
    station.limits = { ...station.limits, radioSigns: true };
    station.scheduler.offer({ payload: new Uint8Array(20), priority: INDEX, hopLimit: 0 });
    await station.clock.advance(0);
    expect(Math.round(station.scheduler.status().usedUs / 1000)).toBe(1051);
    await station.stop();
  });
});

describe("a channel in use", () => {
  const busy = (channelUtilization: number) => ({ channelUtilization, airUtilTx: 0 });

  /** Until the packet goes, to a tenth of a second. */
  async function heldMs(priority: Frame["priority"], used: number, more: Partial<Frame> = {}): Promise<number> {
    const station = new Station();
    station.modem.use = busy(used);
    station.scheduler.offer(frame(1, { priority, ...more }));
    let ms = 0;
    for (; station.taken.length === 0 && ms < HOUR_MS; ms += 100) await station.clock.advance(ms === 0 ? 0 : 100);
    await station.stop();
    return ms;
  }

  test("up to a quarter holds up nobody", async () => {
    for (const priority of [CHECKPOINT, INDEX, ALERT] as const) expect(await heldMs(priority, 0.25)).toBe(100);
  });

  test.each([
    ["an alert", ALERT, 0, 2],
    ["the repair of an alert", ALERT_REPAIR, 2.5, 5],
    ["a request", REQUEST, 5, 10],
    ["an answer", ANSWER, 10, 20],
  ] as const)("that is full holds up %s, for a random part of its time", async (_, priority, leastS, mostS) => {
    const ms = await heldMs(priority, 1);
    expect(ms).toBeGreaterThanOrEqual(1000 * leastS);
    expect(ms).toBeLessThanOrEqual(1000 * mostS + 200);
  });

  test("holds up longer the fuller it is", async () => {
    const waits = [await heldMs(INDEX, 0.3), await heldMs(INDEX, 0.5), await heldMs(INDEX, 0.9)];
    expect(waits).toEqual(waits.toSorted((a, b) => a - b));
    expect(waits[0]).toBeGreaterThanOrEqual(4_000);
    expect(waits[2]).toBeGreaterThan(40_000);
  });

  test("lets all go as soon as it is free", async () => {
    const station = new Station();
    station.modem.use = busy(1);
    station.scheduler.offer(frame(1));
    await station.clock.advance(20_000);
    expect(station.taken).toEqual([]);
    expect(station.scheduler.status()).toMatchObject({ waitingFor: "channel", channelUse: 1 });
    station.modem.use = busy(0.25);
    await station.clock.advance(5_500);
    expect(station.taken).toEqual([1]);
    expect(station.scheduler.status().holds.channel.times).toBe(1);
    await station.stop();
  });

  test("lets a request that waits pass before the index, and the index after it", async () => {
    const station = new Station();
    station.modem.use = busy(0.5);
    station.scheduler.offer(frame(1, { priority: INDEX }));
    station.scheduler.offer(frame(2, { priority: REQUEST }));
    await station.clock.advance(4_000);
    expect(station.taken).toEqual([2]);
    await station.clock.advance(60_000);
    expect(station.taken).toEqual([2, 1]);
    await station.stop();
  });

  test("does not make a request miss its time, but a beacon", async () => {
    expect(await heldMs(REQUEST, 1, { expiresAtMs: 5_000 + 3_000 })).toBeLessThan(2_500);
    expect(await heldMs(INDEX, 1, { expiresAtMs: 5_000 + 3_000 })).toBe(HOUR_MS);
  });

  test("that a silent radio once reported full is free again in minutes, and never shut", async () => {
    const station = new Station();
    station.modem.use = busy(1);
    station.scheduler.offer(frame(1));
    station.scheduler.offer(frame(2));
    await station.clock.advance(130_000);
    expect(station.taken).toEqual([1]);
    await station.clock.advance(600_000);
    expect(station.taken).toEqual([1, 2]);
    expect(station.scheduler.status().channelUse).toBe(0);
    await station.stop();
  });

  test("is also what we heard and sent ourselves in the last minute, whatever the radio says", async () => {
    const station = new Station();
    for (let second = 0; second < 30; second++) {
      station.scheduler.heard(1_000_000);
      await station.clock.advance(1_000);
    }
    expect(station.scheduler.status().channelUse).toBe(0.5);
    station.scheduler.offer(frame(1));
    await station.clock.advance(5_000);
    expect(station.taken).toEqual([]);
    await station.clock.advance(60_000);
    expect(station.taken).toEqual([1]);
    expect(station.scheduler.status().channelUse).toBeLessThan(0.1);
    await station.stop();
  });
});

describe("fairness", () => {
  test("two files of one priority take turns, however much of one waits", async () => {
    const station = new Station();
    for (let i = 0; i < 4; i++) station.scheduler.offer(frame(1, { priority: ANSWER, flow: "big" }));
    station.scheduler.offer(frame(2, { priority: ANSWER, flow: "small" }));
    station.scheduler.offer(frame(2, { priority: ANSWER, flow: "small" }));
    await station.clock.advance(10 * 60_000);
    expect(station.taken).toEqual([1, 2, 1, 2, 1, 1]);
    await station.stop();
  });

  test("a checkpoint goes at last, though requests never end", async () => {
    const station = new Station();
    station.scheduler.offer(frame(9, { priority: CHECKPOINT }));
    for (let i = 0; i < 60 * 60; i++) {
      if (station.scheduler.status().queued < 40)
        station.scheduler.offer(frame(1, { priority: REQUEST, flow: `peer ${i % 7}` }));
      await station.clock.advance(1_000);
      if (station.taken.includes(9)) break;
    }
    expect(station.taken).toContain(9);
    expect(station.timesMs.at(-1)).toBeGreaterThan(15 * 60_000);
    await station.stop();
  });
});

describe("the law", () => {
  test("counts what the radio sends for others: with it, we stay below", async () => {
    const station = new Station();
    station.limits = { modulation: PRESETS.LongFast, dutyCycle: 0.1, share: 1 };
    // 330 of the law's 360 s went on relaying.
    station.modem.use = { channelUtilization: 0, airUtilTx: 330 / 3_600 };
    for (let name = 0; name < 60; name++) station.scheduler.offer(frame(name, { priority: REQUEST }));
    await station.clock.advance(HOUR_MS / 2);
    const { usedUs, budgetUs, othersUs, lawUs, waitingFor } = station.scheduler.status();
    expect([budgetUs, othersUs, lawUs, waitingFor]).toEqual([30_000_000, 330_000_000, 360_000_000, "budget"]);
    expect(usedUs).toBeLessThanOrEqual(0.9 * 30_000_000);
    expect(usedUs).toBeGreaterThan(20_000_000);
    // Relaying grew less: what waited goes, and nothing was refused for good.
    station.modem.use = { channelUtilization: 0, airUtilTx: 0.05 };
    await station.clock.advance(60_000);
    expect(station.scheduler.status().usedUs).toBeGreaterThan(27_000_000);
    expect(station.scheduler.status().refused).toBe(0);
    await station.stop();
  });

  test("refuses a packet that is longer than the region lets it be", async () => {
    const station = new Station();
    station.limits = { ...station.limits, modulation: PRESETS.LongModerate, maxPacketUs: 4_000_000 };
    station.scheduler.offer(frame(1));
    station.scheduler.offer({ payload: Uint8Array.of(2), priority: INDEX, hopLimit: 0 });
    await station.clock.advance(60_000);
    expect(station.taken).toEqual([2]);
    expect(station.scheduler.status().refused).toBe(1);
    await station.stop();
  });

  test("silence that the radio wants outlasts a restart", async () => {
    const station = new Station();
    station.modem.answers.push({ kind: "duty-cycle", waitMs: 50 * 60_000 });
    station.scheduler.offer(frame(1));
    await station.clock.advance(10 * 60_000);
    expect(station.scheduler.status().silentMs).toBe(40 * 60_000);
    await station.stop();
    const now = { monotonicMs: 5_000, wallMs: station.clock.nowMs() };
    const ledger = AirtimeLedger.restore(station.saved.at(-1) ?? new Uint8Array(0), now);
    if (!ledger.ok) throw new Error(ledger.reason);
    const again = new Station({ ledger: ledger.value });
    again.scheduler.offer(frame(2));
    await again.clock.advance(40 * 60_000 - 1);
    expect(again.taken).toEqual([]);
    await again.clock.advance(2);
    expect(again.taken).toEqual([2]);
    await again.stop();
  });

  test("room for relays is a matter of setting", async () => {
    const station = new Station({ relaySlack: 1 });
    station.scheduler.offer(frame(1, { hopLimit: 3 }));
    station.scheduler.offer(frame(2, { hopLimit: 3 }));
    await station.clock.advance(2 * FULL_MS);
    expect(station.taken).toEqual([1, 2]);
    await station.stop();
  });
});

describe("when it is stopped", () => {
  test("it ends at once, whatever it waits for, and sends nothing more", async () => {
    for (const current of [READY, { kind: "configuring" } as const]) {
      const station = new Station();
      station.modem.current = current;
      station.scheduler.offer(frame(1));
      station.scheduler.offer(frame(2));
      await station.clock.advance(100);
      const sent = station.modem.sent.length;
      await station.stop();
      await station.clock.advance(HOUR_MS);
      expect(station.modem.sent).toHaveLength(sent);
    }
  });

  test("while the ledger is being saved, the packet is not sent and costs nothing", async () => {
    let release = (): void => undefined;
    const station = new Station({ saveLedger: () => new Promise((resolve) => (release = resolve)) });
    station.scheduler.offer(frame(1));
    await station.clock.advance(0);
    const stopped = station.stop();
    release();
    await stopped;
    expect(station.modem.sent).toEqual([]);
    expect(station.scheduler.status().usedUs).toBe(0);
  });

  test("before it began, it ends", async () => {
    const station = new Station();
    await station.scheduler.run(AbortSignal.abort());
    await station.stop();
  });
});
