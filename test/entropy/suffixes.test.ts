/** The suffix array and its common prefixes, against sorting and comparing by hand. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { commonPrefixes, suffixArray } from "../../src/entropy/suffixes.ts";

function sorted(text: Uint8Array): number[] {
  const suffix = (start: number): Buffer => Buffer.from(text.subarray(start));
  return Array.from(text.keys()).toSorted((a, b) => Buffer.compare(suffix(a), suffix(b)));
}

function sharedWithPrevious(text: Uint8Array): number[] {
  const order = sorted(text);
  return order.map((start, i) => {
    const before = order[i - 1];
    if (before === undefined) return 0;
    let length = 0;
    while (Math.max(start, before) + length < text.length && text[start + length] === text[before + length]) length++;
    return length;
  });
}

const texts = fc.integer({ min: 0, max: 255 }).chain((max) =>
  fc.oneof(
    fc.uint8Array({ max, maxLength: 200 }),
    // What repeats is what recursion is for.
    fc
      .tuple(fc.uint8Array({ max, minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 200 }))
      .map(([once, length]) => Uint8Array.from({ length }, (_, i) => once[i % once.length]!)),
  ),
);

test("suffixes are sorted, and know what they share with the one before", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const order = suffixArray(text, 256);
      expect([...order]).toEqual(sorted(text));
      expect([...commonPrefixes(text, order)]).toEqual(sharedWithPrevious(text));
    }),
    { numRuns: 500 },
  );
});

test("bits, constants and the shortest texts are sorted, too", () => {
  for (let length = 0; length <= 10; length++) {
    for (let number = 0; number < 2 ** length; number++) {
      const text = Uint8Array.from({ length }, (_, i) => (number >> i) & 1);
      expect([...suffixArray(text, 2)]).toEqual(sorted(text));
    }
  }
  const zeros = new Uint8Array(5000);
  expect(suffixArray(zeros, 1)).toEqual(Int32Array.from(zeros, (_, i) => 4999 - i));
});
