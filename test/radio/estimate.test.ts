/** What sending would cost, told before. @module */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { payloadAirtimeUs, PRESETS } from "../../src/radio/airtime.ts";
import { shareUs } from "../../src/radio/budget.ts";
import { estimate } from "../../src/radio/estimate.ts";
import { AirtimeLedger, WINDOW_MS } from "../../src/radio/ledger.ts";

const LIMITS = { modulation: PRESETS.LongFast, dutyCycle: 0.1, share: 0.5 };
const FULL_US = payloadAirtimeUs(231, PRESETS.LongFast);
const ASKED = { payloadBytes: 231, limits: LIMITS, ledgerUsedUs: 0, nowMs: 0 };

test("a file of five packets takes eleven seconds and goes at once", () => {
  const told = estimate({ ...ASKED, packets: 5 });
  expect(told).toEqual({ airtimeUs: 5 * FULL_US, fitsBudget: true, finishInMs: Math.ceil((5 * FULL_US) / 1000) });
});

test("nothing costs nothing", () => {
  expect(estimate({ ...ASKED, packets: 0 })).toEqual({ airtimeUs: 0, fitsBudget: true, finishInMs: 0 });
});

test("what is more than the hour's rest waits for the next window", () => {
  const told = estimate({ ...ASKED, packets: 3, ledgerUsedUs: 180e6 - FULL_US });
  expect(told.fitsBudget).toBe(false);
  expect(told.finishInMs).toBe(Math.ceil(WINDOW_MS + (3 * FULL_US) / 1000));
});

test("silence that the radio wants comes first", () => {
  const told = estimate({ ...ASKED, packets: 1, nowMs: 1_000, silentUntilMs: 61_000 });
  expect(told.finishInMs).toBe(60_000 + Math.ceil(FULL_US / 1000));
});

test("a packet that never fits never ends", () => {
  const never = { fitsBudget: false, finishInMs: Number.POSITIVE_INFINITY };
  expect(estimate({ ...ASKED, packets: 1, budgetUs: 2_000_000 })).toMatchObject(never);
  expect(estimate({ ...ASKED, packets: 1, limits: { ...LIMITS, maxPacketUs: 2_000_000 } })).toMatchObject(never);
});

test("is kept by a ledger that sends as soon as it may, and not overstated when all fits", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 1, max: 231 }),
      fc.array(fc.integer({ min: 20_000, max: 20_000_000 }), { maxLength: 12 }),
      (packets, payloadBytes, before) => {
        const ledger = new AirtimeLedger();
        let nowMs = 0;
        for (const airtimeUs of before) {
          if (ledger.waitMs(nowMs, airtimeUs, shareUs(LIMITS)) > 0) break;
          ledger.record(nowMs, airtimeUs);
          nowMs += airtimeUs / 1000 + 20_000;
        }
        const startMs = nowMs;
        const told = estimate({ packets, payloadBytes, limits: LIMITS, ledgerUsedUs: ledger.usedUs(nowMs), nowMs });
        const packetUs = payloadAirtimeUs(payloadBytes, LIMITS.modulation);
        for (let i = 0; i < packets; i++) {
          nowMs += ledger.waitMs(nowMs, packetUs, shareUs(LIMITS));
          ledger.record(nowMs, packetUs);
          nowMs += packetUs / 1000;
        }
        expect(told.airtimeUs).toBe(packets * packetUs);
        // Buckets of ten seconds leave the window together: each full hour may cost so much more.
        const slackMs = 30_000 * Math.ceil(told.finishInMs / WINDOW_MS);
        expect(nowMs - startMs).toBeLessThanOrEqual(told.finishInMs + slackMs);
        if (told.fitsBudget) expect(told.finishInMs).toBe(Math.ceil((packets * packetUs) / 1000));
      },
    ),
    { seed: 7, numRuns: 200 },
  );
});
