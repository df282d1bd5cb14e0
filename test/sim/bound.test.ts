/** Bounds: what an all-knowing sender needs. */
import { expect, test } from "vitest";
import { PRESETS, payloadAirtimeUs } from "../../src/radio/airtime.ts";
import { indexBound, meanBound, packetsUntilAllHave, SharedLosses } from "../../src/sim/bound.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";

const modulation = PRESETS.LongFast;

test("without loss, as many packets are sent as are needed", () => {
  expect(packetsUntilAllHave(7, 20, () => true)).toBe(7);
});

test("the unluckiest receiver decides: who hears every third packet needs three times as many", () => {
  expect(packetsUntilAllHave(5, 3, (receiver, ordinal) => receiver !== 1 || ordinal % 3 === 2)).toBe(15);
});

test("one receiver at a loss of one half needs twice as many on average", () => {
  const { sent } = meanBound({
    needed: 40,
    payloadBytes: 231,
    receivers: 1,
    lossRatio: 0.5,
    modulation,
    random: seededRandom("bound"),
  });
  expect(sent).toBeGreaterThan(77);
  expect(sent).toBeLessThan(83);
});

test("the index's bound splits news and signatures evenly into full packets with 12 bytes of header", () => {
  const bound = indexBound({
    entryBytes: 2190 - 64,
    authors: 1,
    receivers: 9,
    lossRatio: 0,
    modulation,
    random: seededRandom("bound"),
  });
  expect(bound).toEqual({
    needed: 10,
    sent: 10,
    payloadBytes: 231,
    airMs: payloadAirtimeUs(231, modulation) / 100,
  });
});

test("shared losses are lost at the ratio, whoever sends, and each data packet alike for the run and its bound", () => {
  const losses = new SharedLosses(7, 0.3);
  let lost = 0;
  for (let ordinal = 0; ordinal < 2000; ordinal++) {
    const payload = Uint8Array.of(ordinal);
    losses.note(payload);
    for (let to = 1; to <= 10; to++) {
      const data = losses.losesData(to, ordinal);
      if (data) lost++;
      expect(losses.loses(99, to, 5, payload)).toBe(data);
      expect(losses.loses(98, to, 6, payload)).toBe(data);
    }
  }
  expect(lost / 20_000).toBeGreaterThan(0.29);
  expect(lost / 20_000).toBeLessThan(0.31);
});

test("other seeds have other luck", () => {
  const luck = (seed: number): string => {
    const losses = new SharedLosses(seed, 0.5);
    return Array.from({ length: 64 }, (_, i) => (losses.losesData(1, i) ? "1" : "0")).join("");
  };
  expect(new Set([luck(1), luck(2), luck(2 ** 32 + 1), luck(3)]).size).toBe(4);
});
