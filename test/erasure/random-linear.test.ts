/** The random linear code: golden combinations, and laws of what comes out of equations. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Eliminator, addCombination, coefficients } from "../../src/erasure/random-linear.ts";
import { fromHex, toHex } from "../../src/kernel/bytes.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import golden from "../vectors/random-linear.json" with { type: "json" };

const SYMBOL = 16;

function combination(pieces: readonly Uint8Array[], seed: number, index: number): Uint8Array {
  const sum = new Uint8Array(SYMBOL);
  addCombination(sum, pieces, coefficients(seed, index, pieces.length));
  return sum;
}

describe("a combination", () => {
  const pieces = golden.pieces.map((hex) => fromHex(hex) ?? new Uint8Array(0));
  for (const { seed, index, coefficients: factors, combination: sum } of golden.combinations) {
    test(`${index} of seed ${seed} is as computed elsewhere`, () => {
      expect(toHex(coefficients(seed, index, pieces.length))).toBe(factors);
      expect(toHex(combination(pieces, seed, index))).toBe(sum);
    });
  }

  test("of coefficients hardly ever needs more equations than unknowns", () => {
    let extra = 0;
    for (let seed = 0; seed < 100; seed++) {
      const eliminator = new Eliminator(1, 40);
      const columns = Array.from({ length: 40 }, () => eliminator.open() ?? -1);
      for (let i = 0; eliminator.needed > 0; i++) {
        const factors = coefficients(seed, i, 40);
        const terms = columns.map((column, at) => ({ column, factor: factors[at] ?? 0 }));
        if (eliminator.learn(terms, new Uint8Array(1)) === "known") extra++;
      }
    }
    // Each run needs one more in about 255.
    expect(extra).toBeLessThan(4);
  });
});

interface Bench {
  readonly eliminator: Eliminator;
  readonly pieces: readonly Uint8Array[];
  readonly columns: readonly number[];
  readonly learn: (seed: number, index: number) => string;
}

function bench(size: number, seed: string): Bench {
  const random = seededRandom(seed);
  const eliminator = new Eliminator(SYMBOL, size + 8);
  const pieces = Array.from({ length: size }, () => random.bytes(SYMBOL));
  const columns = pieces.map(() => eliminator.open() ?? -1);
  return {
    eliminator,
    pieces,
    columns,
    learn: (from, index) => {
      const factors = coefficients(from, index, size);
      const terms = columns.map((column, at) => ({ column, factor: factors[at] ?? 0 }));
      return eliminator.learn(terms, combination(pieces, from, index));
    },
  };
}

describe("the eliminator", () => {
  test("gives back all pieces once it has as many equations, from whichever seeds, and pieces as they are", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.integer(),
        fc.integer({ min: 0, max: 10 }),
        (size, salt, plain) => {
          const { eliminator, pieces, columns, learn } = bench(size, `${salt}`);
          for (let i = 0; i < Math.min(plain, size); i++) {
            const piece = pieces[i] ?? new Uint8Array(SYMBOL);
            expect(eliminator.learn([{ column: columns[i] ?? -1, factor: 1 }], piece)).toBe("new");
          }
          for (let i = 0; eliminator.needed > 0; i++) {
            const before = eliminator.needed;
            const learnt = learn((salt >>> 8) & 0xffff, i);
            expect(eliminator.needed).toBe(learnt === "new" ? before - 1 : before);
          }
          expect(columns.map((column) => toHex(eliminator.solved(column) ?? new Uint8Array(0)))).toEqual(
            pieces.map(toHex),
          );
        },
      ),
      { seed: 3, numRuns: 100 },
    );
  });

  test("tells no piece before it is certain", () => {
    const { eliminator, columns, learn } = bench(5, "early");
    for (let i = 0; i < 4; i++) learn(1, i);
    expect(eliminator.needed).toBe(1);
    expect(columns.map((column) => eliminator.solved(column))).toEqual(columns.map(() => undefined));
  });

  test("finds an equation that contradicts the others, and keeps what it knew", () => {
    const { eliminator, pieces, columns, learn } = bench(4, "liar");
    for (let i = 0; i < 4; i++) learn(9, i);
    const terms = columns.map((column) => ({ column, factor: 7 }));
    expect(eliminator.learn(terms, new Uint8Array(SYMBOL))).toBe("conflict");
    expect(columns.map((column) => eliminator.solved(column))).toEqual(pieces);
  });

  test("forgets an unknown at the cost of one equation, and its column can be used again", () => {
    for (const known of [0, 2, 5]) {
      const { eliminator, pieces, columns, learn } = bench(6, "forgotten");
      for (let i = 0; i < known; i++) learn(2, i);
      eliminator.close(columns[3] ?? -1);
      expect(eliminator.columns).toBe(5);
      expect(eliminator.needed).toBe(5 - Math.max(0, known - 1));
      const again = eliminator.open() ?? -1;
      expect(eliminator.isUsed(again)).toBe(false);
      const replaced = pieces.map((piece, i) => (i === 3 ? new Uint8Array(SYMBOL).fill(5) : piece));
      const now = columns.map((column, i) => (i === 3 ? again : column));
      for (let i = 0; eliminator.needed > 0; i++) {
        const factors = coefficients(77, i, 6);
        const terms = now.map((column, at) => ({ column, factor: factors[at] ?? 0 }));
        eliminator.learn(terms, combination(replaced, 77, i));
      }
      expect(now.map((column) => eliminator.solved(column))).toEqual(replaced);
    }
  });

  test("counts what is needed for some unknowns by the equations that speak of them alone", () => {
    const { eliminator, columns } = bench(4, "some");
    const [a = -1, b = -1, c = -1] = columns;
    eliminator.learn(
      [
        { column: a, factor: 3 },
        { column: b, factor: 5 },
      ],
      new Uint8Array(SYMBOL),
    );
    expect(eliminator.neededFor(new Set([a, b]))).toBe(1);
    expect(eliminator.neededFor(new Set([a, c]))).toBe(2);
    expect(eliminator.neededFor(new Set(columns))).toBe(3);
  });

  test("has room for as many unknowns as it was told, and no more", () => {
    const eliminator = new Eliminator(1, 2);
    expect([eliminator.open(), eliminator.open(), eliminator.open()]).toEqual([0, 1, undefined]);
  });
});
