import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aptCutoff, HealthTests, rctCutoff } from "../../src/entropy/health.ts";
import { firstAlarm } from "../../src/trust/seed.ts";

describe("cutoffs", () => {
  // H, window, and RCT / APT for α = 2^-20, 2^-30, 2^-40: exact rational arithmetic over SP 800-90B 4.4.
  test.each([
    [8, 512, [4, 13], [5, 16], [6, 19]],
    [7, 512, [4, 18], [6, 22], [7, 26]],
    [6, 512, [5, 25], [6, 31], [8, 35]],
    [4, 512, [6, 62], [9, 71], [11, 78]],
    [2, 512, [11, 177], [16, 190], [21, 201]],
    [1, 512, [21, 311], [31, 325], [41, 336]],
    [1, 1024, [21, 589], [31, 609], [41, 625]],
    [0.9, 1024, [24, 625], [35, 645], [46, 661]],
    [0.7, 1024, [30, 705], [44, 723], [59, 739]],
    [0.5, 1024, [41, 793], [61, 810], [81, 824]],
    [0.2, 1024, [101, 941], [151, 952], [201, 961]],
  ] as const)("for %d bits in a window of %d are exact", (bits, window, ...expected) => {
    const computed = [20, 30, 40].map((alpha) => [rctCutoff(bits, alpha), aptCutoff(bits, window, alpha)]);
    expect(computed).toEqual(expected);
  });
});

describe("the health tests", () => {
  test("pass ideal bytes", () => {
    expect(firstAlarm(randomBytes(60_000), 7)).toBeUndefined();
  });

  test("see a source that sticks at the sixth equal sample, for a claim of 7 bits", () => {
    const samples = Uint8Array.from({ length: 1024 }, (_, i) => (i < 500 ? i & 0xff : 0xa5));
    expect(firstAlarm(samples, 7)).toEqual({ test: "repetition", sample: 506 });
  });

  test("see a value that comes too often, though never twice in a row", () => {
    const samples = Uint8Array.from({ length: 1024 }, (_, i) => (i % 8 === 0 ? 7 : (i * 37) & 0xff || 1));
    expect(firstAlarm(samples, 7)?.test).toBe("proportion");
  });

  test("see one symbol only, whatever little is claimed", () => {
    expect(firstAlarm(new Uint8Array(1024), 0.1)?.test).toBe("repetition");
  });

  test("still fire after a failure and a recovery", () => {
    const tests = new HealthTests(7);
    const feed = (samples: Uint8Array): boolean => [...samples].some((sample) => tests.feed(sample) !== undefined);
    expect(feed(new Uint8Array(10))).toBe(true);
    expect(feed(randomBytes(2000))).toBe(false);
    expect(feed(new Uint8Array(10).fill(3))).toBe(true);
  });

  test("do not see a counter: they tell a broken device, no more", () => {
    expect(
      firstAlarm(
        Uint8Array.from({ length: 4096 }, (_, i) => i & 0xff),
        7,
      ),
    ).toBeUndefined();
  });
});
