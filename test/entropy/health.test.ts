/** The continuous health tests: their cutoffs, what they catch and how soon, what they let pass, and no false alarm. */
import { createHash, randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { aptCutoff, HealthTests, rctCutoff } from "../../src/entropy/health.ts";
import { seeded } from "../fakes/seeded.ts";

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

  test("are those of a window of 1,024 for samples of one bit, of 512 for wider ones", () => {
    expect([new HealthTests(1, 1).apt, new HealthTests(1, 2).apt, new HealthTests(1).apt]).toEqual([609, 325, 325]);
  });
});

/** The number of the first sample at which a test fails. */
function caughtAt(claimed: number, bits: number, samples: Uint8Array): number | undefined {
  return new HealthTests(claimed, bits).feedAll(samples)?.sample;
}

describe("a source that sticks", () => {
  // At the ninth equal sample at 4 bits; the first of them may have been a good one.
  test.each([8, 7, 6, 5, 4.5, 4])("is caught within 8 samples at a claim of %d bits", (claimed) => {
    const { random } = seeded(7);
    const good = random.bytes(3000);
    expect(caughtAt(claimed, 8, good)).toBeUndefined();
    const last = good.at(-1) ?? 0;
    const within = caughtAt(claimed, 8, Uint8Array.of(...good, ...new Uint8Array(20).fill(last))) ?? Infinity;
    expect(within - good.length).toBeLessThanOrEqual(8);
    const another = caughtAt(claimed, 8, Uint8Array.of(...good, ...new Uint8Array(20).fill(last ^ 1))) ?? Infinity;
    expect(another - good.length).toBeLessThanOrEqual(rctCutoff(claimed));
  });

  test("is caught, whatever little is claimed", () => {
    expect(new HealthTests(0.1).feedAll(new Uint8Array(1024))).toEqual({ test: "repetition", sample: 301 });
    expect(new HealthTests(0.05, 1).feedAll(new Uint8Array(2048))?.test).toBe("repetition");
  });
});

/** Numbers of 0 … 1 from SHA-256 in counter mode: a test of rare runs must not depend on a weak generator. */
function unitNumbers(seed: string): () => number {
  let counter = 0;
  let block = Buffer.alloc(0);
  return () => {
    if (block.length < 4) block = createHash("sha512").update(`${seed}${counter++}`).digest();
    const number = block.readUInt32BE(0) / 2 ** 32;
    block = block.subarray(4);
    return number;
  };
}

const WINDOWS = 2000;

/** In which window a source is caught whose commonest sample has half the claimed entropy. */
function windowOfHalf(claimed: number, bits: number, shape: "one" | "few" | "sticky"): number {
  const p = 2 ** (-claimed / 2);
  const unit = unitNumbers(`${claimed} ${bits} ${shape}`);
  const symbols = 2 ** bits;
  let last = 0;
  const next = {
    // One sample too often, the others as they should be.
    one: () => (unit() < p ? 0 : 1 + Math.floor(unit() * (symbols - 1))),
    // As few different ones as that entropy allows.
    few: () => Math.floor(unit() / p),
    // The sample before comes again too often.
    sticky: () => (last = unit() < p ? last : (last + 1 + Math.floor(unit() * (symbols - 1))) % symbols),
  }[shape];
  const tests = new HealthTests(claimed, bits);
  const window = bits === 1 ? 1024 : 512;
  for (let i = 0; i < WINDOWS * window; i++) if (tests.feed(next()) !== undefined) return Math.ceil((i + 1) / window);
  return Infinity;
}

describe("a source at half its claimed entropy", () => {
  test.each([
    [8, 8],
    [7, 8],
    [6, 8],
    [4, 8],
    [2, 8],
    [1, 8],
    [0.5, 8],
    [4, 4],
    [2, 2],
    [1, 1],
    [0.9, 1],
    [0.7, 1],
    [0.5, 1],
    [0.2, 1],
  ])("%d of %d bits is caught within 2,000 windows, whichever way it fails", (claimed, bits) => {
    for (const shape of ["one", "few", "sticky"] as const) {
      expect(windowOfHalf(claimed, bits, shape), shape).toBeLessThanOrEqual(WINDOWS);
    }
  });
});

describe("an ideal source", () => {
  /** Boots among `count` that raise an alarm in their 1,024 samples: α = 2^-30 lets none. */
  function falseAlarms(count: number, claimed: number, bits: number): number {
    // xorshift32: fast, and its 2^32 numbers don't repeat within the boots.
    let state = 20_261;
    const mask = 2 ** bits - 1;
    const boot = new Uint8Array(1024);
    // One after another in the same tests: what is no alarm across boots is none in any of them.
    const tests = new HealthTests(claimed, bits);
    let alarms = 0;
    for (let i = 0; i < count; i++) {
      for (let at = 0; at < boot.length; at++) {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        boot[at] = (state >>> 11) & mask;
      }
      if (tests.feedAll(boot) !== undefined) alarms++;
    }
    return alarms;
  }

  test.each([
    [7, 8],
    [1, 1],
  ])("raises no false alarm in 100,000 boots, claimed at %d of %d bits", (claimed, bits) => {
    expect(falseAlarms(100_000, claimed, bits)).toBe(0);
  });

  test("would raise one for a cutoff of one less than its entropy: the count above is a count", () => {
    const { below } = seeded(20_261);
    const seen = new Map<number, number>();
    for (let i = 0, run = 0, last = -1; i < 1e7; i++) {
      const sample = below(256);
      run = sample === last ? run + 1 : 1;
      last = sample;
      seen.set(run, (seen.get(run) ?? 0) + 1);
    }
    expect(seen.get(3) ?? 0).toBeGreaterThan(50);
    expect(seen.get(rctCutoff(8)) ?? 0).toBe(0);
  });

  test("passes for as long as it is ideal", () => {
    expect(caughtAt(7, 8, randomBytes(60_000))).toBeUndefined();
  });
});

describe("the health tests", () => {
  test("see a source that sticks at the sixth equal sample, for a claim of 7 bits", () => {
    const samples = Uint8Array.from({ length: 1024 }, (_, i) => (i < 500 ? i & 0xff : 0xa5));
    expect(new HealthTests(7).feedAll(samples)).toEqual({ test: "repetition", sample: 506 });
  });

  test("see a value that comes too often, though never twice in a row", () => {
    const samples = Uint8Array.from({ length: 1024 }, (_, i) => (i % 8 === 0 ? 7 : (i * 37) & 0xff || 1));
    expect(new HealthTests(7).feedAll(samples)?.test).toBe("proportion");
  });

  test("still fire after each of many failures and recoveries", () => {
    const tests = new HealthTests(7);
    const { random } = seeded(31);
    // What was begun with bad samples may end with good ones: a window that is half full of them still counts.
    const settle = (): void => void tests.feedAll(random.bytes(1024));
    const often = Uint8Array.from({ length: 6 * 512 }, (_, i) => (i % 5 < 2 ? 7 : (i * 37) & 0xff || 1));
    for (let round = 0; round < 50; round++) {
      expect(tests.feedAll(new Uint8Array(10).fill(round))?.test).toBe("repetition");
      settle();
      expect(tests.feedAll(random.bytes(2000))).toBeUndefined();
      expect(tests.feedAll(often)?.test).toBe("proportion");
      settle();
      expect(tests.feedAll(random.bytes(2000))).toBeUndefined();
    }
  });

  test("fire at every sample for as long as a source sticks", () => {
    const tests = new HealthTests(7);
    tests.feedAll(new Uint8Array(10));
    for (let i = 0; i < 1000; i++) expect(tests.feed(0)).toBe("repetition");
  });

  test("see what sticks across two readings", () => {
    const tests = new HealthTests(7);
    expect(tests.feedAll(new Uint8Array(3))).toBeUndefined();
    expect(tests.feedAll(new Uint8Array(3))).toEqual({ test: "repetition", sample: 3 });
  });

  test("do not see a counter: they tell a broken device, no more", () => {
    const counter = Uint8Array.from({ length: 4096 }, (_, i) => i & 0xff);
    expect(caughtAt(7, 8, counter)).toBeUndefined();
  });
});
