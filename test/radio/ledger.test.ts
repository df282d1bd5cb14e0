/** The airtime ledger: the law, and that a restart does not forget. @module */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { AirtimeLedger, WINDOW_MS, type Moment } from "../../src/radio/ledger.ts";
import { seeded } from "../fakes/seeded.ts";

const HOUR_MS = 3_600_000;

function at(monotonicMs: number, wallMs = 1_750_000_000_000 + monotonicMs): Moment {
  return { monotonicMs, wallMs };
}

function restored(bytes: Uint8Array, now: Moment): AirtimeLedger {
  const outcome = AirtimeLedger.restore(bytes, now);
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.value;
}

/** The most airtime in any hour, in µs: it is reached in an hour that ends with a packet's end. */
function busiestHourUs(sends: readonly { readonly startMs: number; readonly airtimeUs: number }[]): number {
  let busiest = 0;
  for (const last of sends) {
    const endMs = last.startMs + last.airtimeUs / 1000;
    let sum = 0;
    for (const { startMs, airtimeUs } of sends) {
      const overlapMs = Math.min(endMs, startMs + airtimeUs / 1000) - Math.max(endMs - HOUR_MS, startMs);
      sum += Math.max(0, 1000 * overlapMs);
    }
    busiest = Math.max(busiest, sum);
  }
  return busiest;
}

test("whoever waits as told exceeds the budget in no rolling hour, across restarts too", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          idleMs: fc.oneof(fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: 0, max: 1_200_000 })),
          airtimeUs: fc.integer({ min: 20_000, max: 14_000_000 }),
          restart: fc.integer({ min: 0, max: 9 }).map((roll) => roll === 0),
        }),
        { minLength: 20, maxLength: 150 },
      ),
      fc.integer({ min: 15_000_000, max: 120_000_000 }),
      (steps, budgetUs) => {
        let ledger = new AirtimeLedger();
        let nowMs = 1_000;
        const sends: { startMs: number; airtimeUs: number }[] = [];
        for (const { idleMs, airtimeUs, restart } of steps) {
          nowMs += idleMs;
          if (restart) ledger = restored(ledger.snapshot(at(nowMs)), at(nowMs));
          for (let wait = ledger.waitMs(nowMs, airtimeUs, budgetUs); wait > 0;) {
            nowMs += wait;
            wait = ledger.waitMs(nowMs, airtimeUs, budgetUs);
          }
          ledger.record(nowMs, airtimeUs);
          sends.push({ startMs: nowMs, airtimeUs });
          nowMs += airtimeUs / 1000;
        }
        expect(busiestHourUs(sends)).toBeLessThanOrEqual(budgetUs + 1);
      },
    ),
    { seed: 17, numRuns: 150 },
  );
});

test("lets the budget be used up, and says when there is room again", () => {
  const ledger = new AirtimeLedger();
  ledger.record(0, 2_000_000);
  ledger.record(60_000, 3_000_000);
  expect(ledger.usedUs(60_000)).toBe(5_000_000);
  expect(ledger.waitMs(60_000, 1_000_000, 6_000_000)).toBe(0);
  expect(ledger.waitMs(60_000, 1_000_001, 6_000_000)).toBe(2_000 + WINDOW_MS - 60_000);
  expect(ledger.waitMs(60_000, 6_000_000, 6_000_000)).toBe(63_000 + WINDOW_MS - 60_000);
  expect(ledger.usedUs(2_000 + WINDOW_MS)).toBe(3_000_000);
  expect(ledger.usedUs(63_000 + WINDOW_MS)).toBe(0);
});

test("says Infinity for a packet that is longer than the whole budget", () => {
  expect(new AirtimeLedger().waitMs(0, 2_000_001, 2_000_000)).toBe(Number.POSITIVE_INFINITY);
});

test("takes back what the radio did not take", () => {
  const ledger = new AirtimeLedger();
  ledger.takeBack(5);
  ledger.record(0, 2_000_000);
  ledger.record(2_500, 1_000_000);
  ledger.takeBack(1_000_000);
  expect(ledger.usedUs(3_000)).toBe(2_000_000);
});

test("books packets of ten seconds together, and all of them leave with the last", () => {
  const ledger = new AirtimeLedger();
  for (let second = 0; second < 9; second++) ledger.record(1_000 * second, 500_000);
  expect(ledger.usedUs(8_499 + WINDOW_MS)).toBe(4_500_000);
  expect(ledger.usedUs(8_500 + WINDOW_MS)).toBe(0);
});

test("stays small for a day of the shortest packets", () => {
  const ledger = new AirtimeLedger();
  for (let nowMs = 0; nowMs < 24 * HOUR_MS; nowMs += 100) ledger.record(nowMs, 20_000);
  expect(ledger.snapshot(at(24 * HOUR_MS)).length).toBeLessThan(5_120);
});

test("stays small when it restarts before every packet, and forgets none", () => {
  let ledger = new AirtimeLedger();
  let nowMs = 0;
  for (; nowMs < 30 * 60_000; nowMs += 1_000) {
    ledger = restored(ledger.snapshot(at(nowMs)), at(nowMs));
    ledger.record(nowMs, 50_000);
  }
  expect(ledger.usedUs(nowMs)).toBe(30 * 60 * 50_000);
  expect(ledger.snapshot(at(nowMs)).length).toBeLessThan(5_120);
});

test("a restart takes off the time that passed by the wall clock, on a monotonic clock that began anew", () => {
  const ledger = new AirtimeLedger();
  ledger.record(500_000, 2_000_000);
  const bytes = ledger.snapshot(at(502_000, 1_000_000_000));
  const later = restored(bytes, at(30, 1_000_000_000 + HOUR_MS));
  expect(later.usedUs(30)).toBe(2_000_000);
  expect(later.usedUs(30 + WINDOW_MS - HOUR_MS)).toBe(0);
  expect(restored(bytes, at(30, 1_000_000_000 + WINDOW_MS)).usedUs(30)).toBe(0);
});

test("a wall clock that went back counts as no time passed", () => {
  const ledger = new AirtimeLedger();
  ledger.record(0, 2_000_000);
  const back = restored(ledger.snapshot(at(2_000, 1_000_000_000)), at(0, 5_000));
  expect(back.usedUs(WINDOW_MS - 1)).toBe(2_000_000);
  expect(back.usedUs(WINDOW_MS)).toBe(0);
});

test("refuses a snapshot that is not one", () => {
  const ledger = new AirtimeLedger();
  ledger.record(0, 2_000_000);
  ledger.record(20_000, 1_000_000);
  const bytes = ledger.snapshot(at(25_000));
  const reason = (changed: Uint8Array): string => {
    const outcome = AirtimeLedger.restore(changed, at(0));
    return outcome.ok ? "taken" : outcome.reason;
  };
  expect(reason(bytes)).toBe("taken");
  expect(reason(new Uint8Array(0))).toBe("not a ledger of version 1 or 2");
  expect(reason(Uint8Array.of(3, ...bytes.subarray(1)))).toBe("not a ledger of version 1 or 2");
  expect(reason(Uint8Array.of(...bytes, 0))).toBe("trailing bytes");
  for (let length = 1; length < bytes.length; length++) expect(reason(bytes.subarray(0, length))).toBe("truncated");
  const head = [...bytes.subarray(0, 9), 0];
  expect(reason(Uint8Array.of(...head, 1, 0, 5))).toBe("bucket out of order");
  expect(reason(Uint8Array.of(...head, 2, 9, 5, 8, 5))).toBe("bucket out of order");
  expect(reason(Uint8Array.of(...head, 1, 0xff, 0xff, 0xff, 0x7f, 5))).toBe("bucket out of order");
  expect(reason(Uint8Array.of(...head, 0x81, 4))).toBe("too many buckets");
  const hours = Uint8Array.of(...bytes.subarray(0, 9), 0xff, 0xff, 0xff, 0x7f, 0);
  expect(reason(hours)).toBe("a silence of more than an hour");
});

test("reads a book of version 1, which knew no silence", () => {
  const ledger = new AirtimeLedger();
  ledger.record(0, 2_000_000);
  const bytes = ledger.snapshot(at(2_000));
  const older = Uint8Array.of(1, ...bytes.subarray(1, 9), ...bytes.subarray(10));
  expect(restored(older, at(2_000)).usedUs(2_000)).toBe(2_000_000);
});

test("remembers for how long the radio wants silence, an hour at most, and takes off the time that passed", () => {
  const ledger = new AirtimeLedger();
  expect(ledger.silentMs(0)).toBe(0);
  ledger.silence(0, 1e12);
  expect(ledger.silentMs(600_000)).toBe(HOUR_MS - 600_000);
  const bytes = ledger.snapshot(at(600_000, 1_000_000_000));
  expect(restored(bytes, at(7, 1_000_000_000 + 600_000)).silentMs(7)).toBe(HOUR_MS - 1_200_000);
  expect(restored(bytes, at(7, 1_000_000_000 + HOUR_MS)).silentMs(7)).toBe(0);
  expect(restored(bytes, at(7, 5)).silentMs(7)).toBe(HOUR_MS - 600_000);
});

test("takes or refuses a hundred thousand damaged snapshots, and never throws", () => {
  const { below } = seeded(99);
  const ledger = new AirtimeLedger();
  for (let i = 0; i < 20; i++) ledger.record(15_000 * i, 1_000_000 + i);
  const whole = ledger.snapshot(at(310_000));
  for (let round = 0; round < 100_000; round++) {
    const bytes = whole.slice(0, below(3) === 0 ? below(whole.length + 1) : whole.length);
    for (let change = below(3); change >= 0 && bytes.length > 0; change--) bytes[below(bytes.length)] = below(256);
    const outcome = AirtimeLedger.restore(bytes, at(0));
    if (outcome.ok && !(outcome.value.usedUs(0) >= 0)) expect.fail("no amount");
  }
});
