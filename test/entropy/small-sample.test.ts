/** The gate's thresholds: no perfect device fails, and what is broken does. A thousand boots: `npm run bench -- entropy-boots`. */
import { expect, test } from "vitest";
import { assess } from "../../src/entropy/assess.ts";
import { gateFigures, GATE_SAMPLES, genericFloor } from "../../src/entropy/small-sample.ts";
import { seeded } from "../fakes/seeded.ts";

test.each([
  [1, 40],
  [2, 10],
  [4, 8],
  [8, 8],
])("of %d bits an ideal source passes each of %d boots, though all of its bits are claimed", (bits, boots) => {
  for (let boot = 0; boot < boots; boot++) {
    const { below } = seeded(1000 * bits + boot);
    const samples = Uint8Array.from({ length: GATE_SAMPLES }, () => below(2 ** bits));
    expect(assess(samples, bits).assessed).toBeGreaterThan(genericFloor(bits, bits));
  }
});

test.each([
  ["counts", (i: number) => i & 0xff],
  ["repeats itself", (i: number) => (((i % 4096) * 2_654_435_761) >>> 24) & 0xff],
  ["says two things", (i: number) => (((i * 2_654_435_761) >>> 13) & 1) * 255],
  ["says one thing in its second half", (i: number) => (i < 5000 ? (i * 2_654_435_761) >>> 24 : 7)],
])("what %s fails", (_how, sampleOf) => {
  const samples = Uint8Array.from({ length: GATE_SAMPLES }, (_, i) => sampleOf(i));
  expect(assess(samples, 8).assessed).toBeLessThan(genericFloor(7, 8));
});

test("a device's own threshold lies below all of its pieces, by as much as the lowest from the median or a tenth", () => {
  expect(gateFigures([6, 5.2, 6.1, 5.9, 5.8])).toEqual({ lowest: 5.2, median: 5.9, threshold: expect.closeTo(4.5) });
  expect(gateFigures([6, 5.95, 6.1, 5.97, 6]).threshold).toBeCloseTo(5.4);
  expect(gateFigures([0.1, 0.5, 0.6]).threshold).toBe(0);
});
