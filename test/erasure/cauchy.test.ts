/** The erasure code: golden symbols, every loss pattern for small blocks, random ones for large. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SymbolCollector, sourceSymbols, symbolAt } from "../../src/erasure/cauchy.ts";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import vectors from "../vectors/erasure.json" with { type: "json" };
import { seeded } from "../fakes/seeded.ts";

function bytesOf(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}

/** All ways to choose `size` of the numbers below `limit`. */
function* choices(limit: number, size: number, from = 0): Generator<number[]> {
  if (size === 0) yield [];
  else {
    for (let first = from; first <= limit - size; first++) {
      for (const rest of choices(limit, size - 1, first + 1)) yield [first, ...rest];
    }
  }
}

function recovered(block: Uint8Array, symbolBytes: number, indices: readonly number[]): Uint8Array | undefined {
  const collector = new SymbolCollector(block.length, symbolBytes);
  for (const index of indices) expect(collector.add(index, symbolAt(block, symbolBytes, index))).toBe("new");
  return collector.recover();
}

describe("golden symbols", () => {
  for (const { block, symbolBytes, symbols } of vectors.codes) {
    test(`of ${block.length / 2} bytes in pieces of ${symbolBytes}`, () => {
      for (const { index, symbol } of symbols) {
        expect(toHex(symbolAt(bytesOf(block), symbolBytes, index)), `symbol ${index}`).toBe(symbol);
      }
    });
  }
});

test("any k of up to 12 symbols give the block back, for every k up to 6", () => {
  const { random } = seeded(1);
  let patterns = 0;
  for (let k = 1; k <= 6; k++) {
    // Not a multiple of k: the last piece is padded.
    const block = random.bytes(5 * k - 2);
    const symbols = Array.from({ length: 12 }, (_, index) => symbolAt(block, 5, index));
    for (const chosen of choices(12, k)) {
      const collector = new SymbolCollector(block.length, 5);
      for (const index of chosen) collector.add(index, symbols[index] ?? block);
      expect(collector.recover(), `k ${k}, symbols ${chosen.join()}`).toEqual(block);
      patterns++;
    }
  }
  expect(patterns).toBe(12 + 66 + 220 + 495 + 792 + 924);
});

test("any k of the 256 symbols give the block back, for random k up to 128", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 128 }).chain((k) =>
        fc.record({
          block: fc.uint8Array({ minLength: 3 * (k - 1) + 1, maxLength: 3 * k }),
          indices: fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: k, maxLength: k }),
        }),
      ),
      ({ block, indices }) => {
        expect(recovered(block, 3, indices)).toEqual(new Uint8Array(block));
      },
    ),
    { seed: 7, numRuns: 60 },
  );
});

test("the last 128 of the 256 symbols give 128 pieces back", () => {
  const block = seeded(2).random.bytes(128 * 7 - 6);
  const last = Array.from({ length: 128 }, (_, i) => 128 + i);
  expect(recovered(block, 7, last)).toEqual(block);
});

describe("the collector", () => {
  const block = seeded(3).random.bytes(28);

  test("counts what is needed, and takes symbols in any order", () => {
    const collector = new SymbolCollector(28, 10);
    expect(collector.needed()).toBe(3);
    expect(collector.recover()).toBeUndefined();
    expect(collector.add(200, symbolAt(block, 10, 200))).toBe("new");
    expect(collector.add(1, symbolAt(block, 10, 1))).toBe("new");
    expect(collector.has(1)).toBe(true);
    expect(collector.has(0)).toBe(false);
    expect(collector.needed()).toBe(1);
    expect(collector.add(7, symbolAt(block, 10, 7))).toBe("new");
    expect(collector.needed()).toBe(0);
    expect(collector.recover()).toEqual(block);
    expect(collector.recover()).toEqual(block);
  });

  test("knows a symbol that came twice, and any beyond those that it needs", () => {
    const collector = new SymbolCollector(28, 10);
    expect(collector.add(4, symbolAt(block, 10, 4))).toBe("new");
    expect(collector.add(4, symbolAt(block, 10, 4))).toBe("known");
    expect(collector.needed()).toBe(2);
    collector.add(0, symbolAt(block, 10, 0));
    collector.add(1, symbolAt(block, 10, 1));
    expect(collector.add(2, symbolAt(block, 10, 2))).toBe("known");
    expect(collector.recover()).toEqual(block);
  });

  test("refuses an index outside, another length, and a padding that is not zero", () => {
    const collector = new SymbolCollector(28, 10);
    for (const index of [-1, 256, 1.5, Number.NaN]) {
      expect(collector.add(index, new Uint8Array(10))).toBe("refused");
    }
    expect(collector.add(0, new Uint8Array(9))).toBe("refused");
    expect(collector.add(0, new Uint8Array(11))).toBe("refused");
    const padded = symbolAt(block, 10, 2);
    padded[9] = 1;
    expect(collector.add(2, padded)).toBe("refused");
    expect(collector.needed()).toBe(3);
  });

  test("keeps copies: a buffer that is used again does not spoil the block", () => {
    const collector = new SymbolCollector(28, 10);
    const buffer = new Uint8Array(10);
    for (const index of [0, 9, 2]) {
      buffer.set(symbolAt(block, 10, index));
      collector.add(index, buffer);
    }
    buffer.fill(0xff);
    expect(collector.recover()).toEqual(block);
  });
});

test("refuses blocks that are no 1 to 128 symbols", () => {
  expect(sourceSymbols(128, 1)).toBe(128);
  expect(sourceSymbols(16_384, 219)).toBe(75);
  for (const [blockBytes, symbolBytes] of [
    [0, 1],
    [129, 1],
    [10, 0],
    [10, -1],
    [10, 2.5],
    [Number.NaN, 1],
    [10, Number.POSITIVE_INFINITY],
  ] as const) {
    expect(() => new SymbolCollector(blockBytes, symbolBytes), `${blockBytes}/${symbolBytes}`).toThrow(RangeError);
  }
  expect(() => symbolAt(new Uint8Array(0), 1, 0)).toThrow(RangeError);
  expect(() => symbolAt(new Uint8Array(4), 1, 256)).toThrow(RangeError);
});
