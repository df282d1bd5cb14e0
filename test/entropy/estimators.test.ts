/** Each estimator by its name: the fault that it sees, its limits, and what holds for any samples. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assess, LEAST_SAMPLES } from "../../src/entropy/assess.ts";
import { MOST_SAMPLE_BITS } from "../../src/kernel/entropy.ts";
import { compression } from "../../src/entropy/compression.ts";
import { collision, markov, mostCommonValue } from "../../src/entropy/counting.ts";
import { lag } from "../../src/entropy/lag.ts";
import { lz78y } from "../../src/entropy/lz78y.ts";
import { multiMmc } from "../../src/entropy/markov-models.ts";
import { Guesses } from "../../src/entropy/prediction.ts";
import { repeats } from "../../src/entropy/repeats.ts";
import { toBits, toSymbols } from "../../src/entropy/symbols.ts";
import { multiMcw } from "../../src/entropy/windows.ts";
import { ESTIMATORS, type EntropyStep } from "../../src/kernel/entropy.ts";
import { SOURCES } from "./sources.ts";

const uniform = SOURCES["uniform4"]!.make(10_000);
const bits = toBits(uniform, 4).subarray(0, 10_000);
const repeated = (period: number): Uint8Array => uniform.map((_, i) => uniform[i % period]!);
const zeros = new Uint8Array(10_000);
const alternating = zeros.map((_, i) => i % 2);

describe("most common value", () => {
  test("is the upper bound of its share: 8 of 20 give 0.5364 bits", () => {
    const example = Uint8Array.from([0, 1, 1, 2, 0, 1, 2, 2, 0, 1, 0, 1, 1, 0, 2, 2, 1, 0, 2, 1]);
    expect(mostCommonValue(example)).toBeCloseTo(0.5364, 4);
  });

  test("does not change when the symbols change their names", () => {
    fc.assert(
      fc.property(samplesOf(3), fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (samples, names) => {
        expect(mostCommonValue(samples.map((symbol) => names[symbol]!))).toBe(mostCommonValue(samples));
      }),
    );
  });

  test("falls, or stays, with each further sample that is the most common one", () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 0, max: 3, minLength: 10, maxLength: 100 }), fc.nat(), (samples, at) => {
        const counts = [0, 1, 2, 3].map((symbol) => samples.filter((sample) => sample === symbol).length);
        const worse = samples.slice();
        worse[at % worse.length] = counts.indexOf(Math.max(...counts));
        expect(mostCommonValue(worse)).toBeLessThanOrEqual(mostCommonValue(samples));
      }),
    );
  });
});

describe("collision", () => {
  test("gives nothing for a constant, all for bits that never come twice in a row, and waits for two", () => {
    expect(collision(zeros)).toBe(0);
    expect(collision(alternating)).toBe(1);
    expect(collision(Uint8Array.of(0, 1, 0))).toBeUndefined();
  });

  test("is the same for the opposite bits", () => {
    expect(collision(bits.map((bit) => 1 - bit))).toBe(collision(bits));
  });
});

describe("Markov", () => {
  test("sees that bits alternate: only the first of 128 is unknown", () => {
    expect(markov(alternating)).toBeCloseTo(1 / 128, 12);
    expect(markov(zeros)).toBe(0);
  });

  test("is the same for the opposite bits", () => {
    expect(markov(bits.map((bit) => 1 - bit))).toBeCloseTo(markov(bits), 12);
  });
});

describe("compression", () => {
  test("sees blocks that come again at once", () => {
    expect(compression(alternating)).toBeCloseTo(0, 6);
    expect(compression(bits)).toBeGreaterThan(0.5);
  });

  test("asks for 1,002 blocks of six bits", () => {
    expect(compression(bits.subarray(0, 6011))).toBeUndefined();
    expect(compression(bits.subarray(0, 6012))).toBeGreaterThanOrEqual(0);
  });
});

describe("t-tuple and longest repeated substring", () => {
  test("are what counting all tuples gives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ min: 0, max: 2, minLength: 2, maxLength: 150 }), (symbols) => {
        const found = repeats(symbols, 3);
        const counted = countedRepeats(symbols);
        for (const figure of ["tTuple", "lrs"] as const) {
          if (counted[figure] === undefined) expect(found[figure]).toBeUndefined();
          else expect(found[figure]).toBeCloseTo(counted[figure], 9);
        }
      }),
    );
  });

  test("see a period, whatever its length", () => {
    expect(repeats(repeated(37), 16).tTuple).toBeLessThan(0.05);
    expect(repeats(repeated(3000), 16).lrs).toBeLessThan(0.01);
  });
});

describe("multi most common in window", () => {
  test("sees what is common for a while only", () => {
    const waves = uniform.map((symbol, i) => (symbol < 8 ? Math.floor(i / 700) % 16 : symbol));
    expect(multiMcw(waves, 16)).toBeLessThan(mostCommonValue(waves) / 2);
  });

  test("asks for 4,096 symbols", () => {
    expect(multiMcw(uniform.subarray(0, 4095), 16)).toBeUndefined();
    expect(multiMcw(uniform.subarray(0, 4096), 16)).toBeGreaterThan(1);
  });
});

describe("lag", () => {
  test("sees a period up to 128 symbols, and none beyond", () => {
    expect(lag(repeated(128), 16)).toBeLessThan(0.1);
    expect(lag(repeated(129), 16)).toBeGreaterThan(2);
  });
});

describe("multi Markov model and LZ78Y", () => {
  test("see what follows what: the model a period far beyond the lag's, the dictionary what one symbol tells", () => {
    const counter = uniform.map((_, i) => (3 * i) % 16);
    expect(multiMmc(repeated(1000), 16)).toBeLessThan(0.2);
    expect(lz78y(counter, 16)).toBeLessThan(0.01);
    expect(lz78y(uniform.subarray(0, 18), 16)).toBeUndefined();
  });

  test("say the same of bits, whichever way the contexts are kept", () => {
    const biased = bits.map((bit, i) => (i % 3 === 0 ? 0 : bit));
    expect(multiMmc(biased, 3)).toBe(multiMmc(biased, 2));
    expect(lz78y(biased, 3)).toBe(lz78y(biased, 2));
  });
});

describe("guesses", () => {
  test("say less the more of them are right, and the longer they are right in a row", () => {
    const figure = (right: number, run: number): number => {
      const guesses = new Guesses();
      for (let i = 0; i < right; i++) {
        if (i % run === 0) guesses.miss();
        guesses.hit();
      }
      return guesses.figure(10_000, 16);
    };
    for (let right = 0; right < 10_000; right += 400)
      expect(figure(right + 400, 1)).toBeLessThanOrEqual(figure(right, 1));
    for (let run = 1; run < 500; run += 7) expect(figure(2_000, run + 7)).toBeLessThanOrEqual(figure(2_000, run));
    expect([figure(0, 1), figure(10_000, 10_000)]).toEqual([4, 0]);
    expect(figure(2_000, 400)).toBeLessThan(figure(2_000, 1) / 10);
  });
});

describe("an assessment", () => {
  test("is never above the bits of a sample, below 0 or no number, whatever the samples", () => {
    const anySamples = fc.integer({ min: 1, max: 8 }).chain((width) =>
      fc.record({
        width: fc.constant(width),
        samples: fc.oneof(
          samplesOf(width),
          runsOf(width),
          fc.nat({ max: 2 ** width - 1 }).map((one) => zeros.map(() => one)),
        ),
      }),
    );
    fc.assert(
      fc.property(anySamples, ({ width, samples }) => {
        const { literal, bitstring, hOriginal, hBitstring, assessed } = assess(samples, width);
        for (const [figures, most] of [[literal, width] as const, [bitstring, 1] as const]) {
          for (const estimator of ESTIMATORS) {
            const figure = figures?.[estimator] ?? 0;
            expect(figure, estimator).toBeGreaterThanOrEqual(0);
            // The standard takes the least of all figures and the width: this one may be above.
            if (estimator !== "lrs") expect(figure, estimator).toBeLessThanOrEqual(most + 1e-12);
          }
        }
        expect(hOriginal).toBeLessThanOrEqual(width);
        expect(hBitstring ?? 0).toBeLessThanOrEqual(1);
        expect(assessed).toBe(Math.min(hOriginal, width * (hBitstring ?? 1)));
        expect(assessed).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 60 },
    );
  });

  test("of samples that are all the same is 0", () => {
    const { literal, bitstring, assessed, symbols } = assess(zeros, 8);
    expect([assessed, symbols, literal.mcv, literal.lz78y, bitstring]).toEqual([0, 1, 0, null, null]);
  });

  test("takes samples of two symbols as bits, however wide they are", () => {
    const wide = assess(
      bits.map((bit) => (bit === 1 ? 0xf0 : 0x0f)),
      8,
    );
    expect(wide.literal).toEqual(assess(bits, 1).literal);
    expect([wide.bitstring, wide.hBitstring]).toEqual([null, null]);
    expect(wide.assessed).toBeLessThanOrEqual(1);
  });

  test("of few samples has figures where the estimators can speak, and names the others null", () => {
    const { literal, bitstring } = assess(uniform.subarray(0, LEAST_SAMPLES), 4);
    expect(ESTIMATORS.filter((estimator) => literal[estimator] === null)).toEqual([
      "collision",
      "markov",
      "compression",
      "multiMcw",
    ]);
    expect(ESTIMATORS.filter((estimator) => bitstring?.[estimator] === null)).toEqual(["compression"]);
  });

  test("tells of each estimate before it is made", () => {
    const steps: EntropyStep[] = [];
    assess(uniform.subarray(0, 2000), 4, (step) => steps.push(step));
    expect(steps.map(({ view, estimator }) => `${view} ${estimator}`)).toEqual(
      ["literal", "bitstring"].flatMap((view) => ESTIMATORS.map((estimator) => `${view} ${estimator}`)),
    );
    expect(steps.map(({ done, total }) => [done, total])).toEqual(steps.map((_, i) => [i, 20]));
    expect([steps[0]?.symbols, steps[10]?.symbols]).toEqual([2000, 8000]);
  });

  test("refuses too few samples, too many, and samples wider than was said", () => {
    const refusal = (samples: Uint8Array, width: number): unknown => {
      try {
        return assess(samples, width);
      } catch (error) {
        return error;
      }
    };
    expect(refusal(uniform.subarray(0, LEAST_SAMPLES - 1), 4)).toMatchObject({ code: "SAMPLES_TOO_FEW" });
    expect(refusal(new Uint8Array(MOST_SAMPLE_BITS / 8 + 1), 8)).toMatchObject({ code: "SAMPLES_TOO_MANY" });
    const wide = uniform.slice();
    wide[77] = 16;
    wide[99] = 255;
    expect(refusal(wide, 4)).toMatchObject({
      code: "SAMPLE_TOO_WIDE",
      message: expect.stringContaining("offset 77 is 16"),
    });
    expect(refusal(uniform, 9)).toBeInstanceOf(RangeError);
  });
});

test("symbols are numbered without gaps, in the order of the samples' values; bits come the highest first", () => {
  expect(toSymbols(Uint8Array.of(200, 3, 200, 77))).toEqual({ symbols: Uint8Array.of(2, 0, 2, 1), alphabet: 3 });
  expect(toBits(Uint8Array.of(6, 1), 3)).toEqual(Uint8Array.of(1, 1, 0, 0, 0, 1));
});

function samplesOf(width: number) {
  return fc.uint8Array({ min: 0, max: 2 ** width - 1, minLength: 1024, maxLength: 1300 });
}

/** Samples that stay as they are for long. */
function runsOf(width: number) {
  const run = fc.tuple(fc.nat({ max: 2 ** width - 1 }), fc.integer({ min: 1, max: 900 }));
  return fc.array(run, { minLength: 2, maxLength: 8 }).map((runs) => {
    const samples = runs.flatMap(([sample, length]) => Array.from({ length }, () => sample));
    return Uint8Array.from({ length: Math.max(1024, samples.length) }, (_, i) => samples[i % samples.length]!);
  });
}

/** By the words of the standard, 6.3.5 and 6.3.6, with a map of all tuples of each length. */
function countedRepeats(symbols: Uint8Array): {
  readonly tTuple: number | undefined;
  readonly lrs: number | undefined;
} {
  const n = symbols.length;
  const bound = (p: number): number =>
    -Math.log2(Math.min(1, p + 2.5758293035489 * Math.sqrt((p * (1 - p)) / (n - 1))));
  let often: number | undefined;
  let colliding: number | undefined;
  for (let length = 1; length < n; length++) {
    const counts = new Map<string, number>();
    for (let i = 0; i + length <= n; i++) {
      const tuple = symbols.subarray(i, i + length).join();
      counts.set(tuple, (counts.get(tuple) ?? 0) + 1);
    }
    const most = Math.max(...counts.values());
    const places = n - length + 1;
    if (most >= 35) often = Math.max(often ?? 0, (most / places) ** (1 / length));
    else if (most > 1) {
      const pairs = [...counts.values()].reduce((sum, count) => sum + (count * (count - 1)) / 2, 0);
      colliding = Math.max(colliding ?? 0, (pairs / ((places * (places - 1)) / 2)) ** (1 / length));
    }
  }
  return {
    tTuple: often === undefined ? undefined : bound(often),
    lrs: colliding === undefined ? undefined : bound(colliding),
  };
}
