/** How full the channel is, and how long one holds back because of it. @module */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { ChannelHold } from "../../src/radio/channel-hold.ts";
import { ChannelLoad } from "../../src/radio/channel-load.ts";
import { ALERT, ALERT_REPAIR, ANSWER, CHECKPOINT, INDEX, REQUEST } from "../../src/radio/priority.ts";

const MINUTE_MS = 60_000;

test("counts the airtime of the last minute, and forgets what is older", () => {
  const load = new ChannelLoad();
  load.add(6_000_000, 1_000);
  load.add(3_000_000, 31_000);
  expect(load.used(31_000)).toBeCloseTo(0.15, 9);
  expect(load.used(59_000)).toBeCloseTo(0.15, 9);
  expect(load.used(66_000)).toBeCloseTo(0.05, 9);
  expect(load.used(200_000)).toBe(0);
});

test("never counts more than the whole channel, nor remembers more than a minute", () => {
  const load = new ChannelLoad();
  for (let nowMs = 0; nowMs < 1_000_000; nowMs += 500) load.add(5_000_000, nowMs);
  expect(load.used(1_000_000)).toBe(1);
  expect(load.used(1_100_000)).toBe(0);
});

test("believes the radio for a minute and a half, then less and less, and a new report at once", () => {
  const load = new ChannelLoad();
  const report = { channelUtilization: 0.8, airUtilTx: undefined };
  expect(load.report(report, 0)).toBe(true);
  expect(load.report(report, 80_000)).toBe(false);
  expect([0, 90_000, 345_000, 600_000, 9e9].map((nowMs) => load.used(nowMs))).toEqual([0.8, 0.8, 0.4, 0, 0]);
  expect(load.report({ channelUtilization: 0.8, airUtilTx: undefined }, 9e9)).toBe(true);
  expect(load.used(9e9)).toBe(0.8);
  load.report({ channelUtilization: 0.1, airUtilTx: undefined }, 9e9 + 1);
  expect(load.used(9e9 + 1)).toBe(0.1);
});

test("a radio that does not say how full the channel is leaves its last word standing", () => {
  const load = new ChannelLoad();
  load.report({ channelUtilization: 0.5, airUtilTx: 0 }, 0);
  load.report({ channelUtilization: undefined, airUtilTx: 0.1 }, 10_000);
  expect(load.used(20_000)).toBe(0.5);
});

test("who matters more waits less, a fuller channel costs more, and nobody waits for ever", () => {
  const ranks = [ALERT, ALERT_REPAIR, REQUEST, ANSWER, INDEX, CHECKPOINT] as const;
  const wait = (rank: number, used: number, luck: number): number => new ChannelHold(() => luck).waitMs(rank, used, 0);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (one, other, luck) => {
        const [less, more] = one < other ? [one, other] : [other, one];
        const waits = ranks.map((rank) => wait(rank, more, luck));
        expect(waits).toEqual(waits.toSorted((a, b) => a - b));
        for (const rank of ranks) expect(wait(rank, less, luck)).toBeLessThanOrEqual(wait(rank, more, luck));
        expect(waits.at(-1)).toBeLessThanOrEqual(10 * MINUTE_MS);
        if (more <= 0.25) expect(waits).toEqual(ranks.map(() => 0));
      },
    ),
    { seed: 3, numRuns: 300 },
  );
});

test("a wait that began for one counts for all, and begins anew after a packet", () => {
  const hold = new ChannelHold(() => 0.5);
  expect(hold.waitMs(INDEX, 1, 0)).toBe(90_000);
  expect(hold.waitMs(REQUEST, 1, 7_000)).toBe(500);
  expect(hold.waitMs(REQUEST, 1, 8_000)).toBe(0);
  hold.release();
  expect(hold.waitMs(REQUEST, 1, 8_000)).toBe(7_500);
});
