/** How many symbols to ask for: laws, and figures reckoned another way. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { burstFor, chanceOfEnough, guessListeners, misfortune, skewed } from "../../../src/exchange/files/burst.ts";
import { Losses } from "../../../src/exchange/files/losses.ts";

describe("the chance that enough came", () => {
  test("is the binomial one", () => {
    // P(X ≥ 2) of 3 at 7 in 10: 3 × .49 × .3 + .343.
    expect(chanceOfEnough(3, 2, 0.3)).toBeCloseTo(0.784, 12);
    expect(chanceOfEnough(1, 1, 0.3)).toBeCloseTo(0.7, 12);
    expect(chanceOfEnough(4, 5, 0.3)).toBe(0);
    expect(chanceOfEnough(5, 5, 0)).toBe(1);
  });

  test("grows with what is sent, and falls with what is needed and lost", () => {
    const size = fc.integer({ min: 1, max: 128 });
    const loss = fc.double({ min: 0.01, max: 0.9, noNaN: true });
    fc.assert(
      fc.property(size, size, loss, (sent, needed, lossRatio) => {
        const chance = chanceOfEnough(sent, needed, lossRatio);
        expect(chance).toBeGreaterThanOrEqual(0);
        expect(chance).toBeLessThanOrEqual(1);
        expect(chanceOfEnough(sent + 1, needed, lossRatio)).toBeGreaterThanOrEqual(chance - 1e-9);
        expect(chanceOfEnough(sent, needed + 1, lossRatio)).toBeLessThanOrEqual(chance + 1e-9);
      }),
      { seed: 3, numRuns: 300 },
    );
  });
});

describe("a burst", () => {
  test("is what is needed when nothing is lost, and longer with loss and with listeners", () => {
    expect(burstFor(5, 0, 0.4)).toBe(5);
    expect(burstFor(1, 0.3, 0.4)).toBe(1);
    expect(burstFor(5, 0.3, 0.4)).toBe(6);
    expect(burstFor(5, 0.3, 0.4, [{ listeners: 20, weight: 1 }])).toBe(10);
    expect(burstFor(64, 0.3, 0.4)).toBeGreaterThan(84);
  });

  test("is never shorter than what is needed, nor longer than a message can ask for", () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 128 }), ratio, ratio, (needed, lossRatio, draw) => {
        const burst = burstFor(needed, Math.min(lossRatio, 0.75), 0.4, guessListeners(draw, 20));
        expect(burst).toBeGreaterThanOrEqual(needed);
        expect(burst).toBeLessThanOrEqual(255);
      }),
      { seed: 5, numRuns: 300 },
    );
  });
});

test("who is first early guesses many, who is first late guesses few; never more than there are", () => {
  const mean = (draw: number, audience: number): number =>
    guessListeners(draw, audience).reduce((sum, { listeners, weight }) => sum + listeners * weight, 0);
  expect(mean(0.01, 20)).toBeGreaterThan(8);
  expect(mean(0.9, 20)).toBeLessThan(1.5);
  expect(mean(0.01, 1)).toBe(1);
  expect(guessListeners(0.5, 20).reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 12);
});

test("waits stay in their window, few of them early", () => {
  expect([skewed(0), skewed(1)]).toEqual([0, 1]);
  expect(skewed(0.5)).toBeGreaterThan(0.6);
});

test("misfortune is in standard deviations, and positive for who heard less", () => {
  expect(misfortune(100, 70, 0.3)).toBeCloseTo(0, 12);
  expect(misfortune(100, 70 - Math.sqrt(21), 0.3)).toBeCloseTo(1, 12);
  expect(misfortune(100, 80, 0.3)).toBeLessThan(0);
});

describe("what is known of losses", () => {
  test("begins with a village's, and comes to what was seen, for each radio", () => {
    const losses = new Losses();
    expect(losses.ratio(1)).toBeCloseTo(0.3, 12);
    for (let i = 0; i < 50; i++) losses.note(1, 10, 1);
    expect(losses.ratio(1)).toBeCloseTo(0.11, 1);
    expect(losses.ratio(2)).toBeCloseTo(losses.ratio(undefined), 12);
    for (let i = 0; i < 100; i++) losses.note(1, 10, 10);
    expect(losses.ratio(1)).toBe(0.75);
  });
});
