import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlidingSum } from "../../src/sim/sliding-sum.ts";

describe("the sum over a sliding window", () => {
  test("is that of the entries in the window, for any entries", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(50), fc.nat(9)), { maxLength: 200 }), fc.nat(100), (steps, window) => {
        const sum = new SlidingSum(window);
        const all: { atMs: number; amount: number }[] = [];
        let nowMs = 0;
        for (const [step, amount] of steps) {
          nowMs += step;
          sum.add(nowMs, amount);
          all.push({ atMs: nowMs, amount });
          const inside = all.filter(({ atMs }) => atMs > nowMs - window).reduce((a, { amount }) => a + amount, 0);
          expect(sum.total(nowMs)).toBe(window === 0 ? 0 : inside);
          const waitMs = sum.msUntilAtMost(5, nowMs);
          if (waitMs > 0) expect(sum.total(nowMs)).toBeGreaterThan(5);
          const later = all.filter(({ atMs }) => atMs > nowMs + waitMs - window);
          expect(later.reduce((a, { amount }) => a + amount, 0)).toBeLessThanOrEqual(5);
        }
      }),
    );
  });
});
