/** Packing: the greatest that fits, never more. @module */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { encodeMessage, MAX_MESSAGE_BYTES } from "../../src/wire/codec.ts";
import {
  authorsThatFit,
  entriesThatFit,
  MAX_SYMBOL_BYTES,
  packBeacon,
  symbolBytesFor,
} from "../../src/wire/packing.ts";
import type { Beacon } from "../../src/wire/beacon.ts";
import type { Message } from "../../src/wire/messages.ts";

const author = new Uint8Array(8).fill(7);

function fits(message: Message): boolean {
  try {
    return encodeMessage(message).length <= MAX_MESSAGE_BYTES;
  } catch {
    return false;
  }
}

test("packs as many entries as fit an update, and not one more would", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 90 }), { maxLength: 40 }),
      fc.integer({ min: 1, max: 0xffff_0000 }),
      fc.boolean(),
      (entries, first, signed) => {
        const signature = signed ? new Uint8Array(64) : undefined;
        const update = (count: number): Message => ({
          type: "update",
          author,
          first,
          entries: entries.slice(0, count),
          signature,
        });
        const fitting = entriesThatFit(first, entries, signed);
        if (fitting > 0) expect(fits(update(fitting))).toBe(true);
        if (fitting < entries.length) expect(fits(update(fitting + 1))).toBe(false);
      },
    ),
    { seed: 3, numRuns: 500 },
  );
});

test("fits an entry of 156 bytes with its signature, of 200 without, and none that is longer", () => {
  expect(entriesThatFit(1, [new Uint8Array(156)], true)).toBe(1);
  expect(entriesThatFit(1, [new Uint8Array(157)], true)).toBe(0);
  expect(entriesThatFit(0xffff_ffff, [new Uint8Array(200)], false)).toBe(1);
  expect(entriesThatFit(1, [], true)).toBe(0);
});

test("packs as much of a vector as fits a beacon, says so, and not one author more would fit", () => {
  const arbitrary = fc.record({
    lengths: fc.array(fc.constantFrom(0, 127, 128, 16_384, 2_097_152, 0xffff_ffff), { maxLength: 30 }),
    ownFirst: fc.boolean(),
  });
  fc.assert(
    fc.property(arbitrary, ({ lengths, ownFirst }) => {
      const vector: Beacon["vector"] = lengths.map((count, i) => ({
        author: ownFirst && i === 0 ? author : new Uint8Array(8).fill(100 + i),
        count,
      }));
      const beacon = packBeacon(author, vector);
      expect(fits(beacon)).toBe(true);
      expect(beacon.partial).toBe(beacon.vector.length < vector.length);
      const fitting = authorsThatFit(author, vector);
      expect(beacon.vector.length).toBe(fitting);
      if (fitting < vector.length) {
        expect(fits({ ...beacon, vector: vector.slice(0, fitting + 1) })).toBe(false);
      }
    }),
    { seed: 5, numRuns: 500 },
  );
});

test("cuts a block into the fewest symbols that fit, all about equally long", () => {
  for (let blockBytes = 1; blockBytes <= 16_384; blockBytes++) {
    const symbolBytes = symbolBytesFor(blockBytes);
    const symbols = Math.ceil(blockBytes / symbolBytes);
    if (symbolBytes > MAX_SYMBOL_BYTES) expect.fail(`a symbol of ${symbolBytes} bytes`);
    if (symbols !== Math.ceil(blockBytes / MAX_SYMBOL_BYTES)) expect.fail(`${symbols} symbols for ${blockBytes}`);
    // The padding of the last symbol is less than one byte a symbol.
    if (symbols * symbolBytes - blockBytes >= symbols) expect.fail(`unbalanced at ${blockBytes}`);
  }
  expect(MAX_SYMBOL_BYTES).toBe(222);
  expect(symbolBytesFor(1024)).toBe(205);
  for (const outside of [0, 16_385, 1.5, Number.NaN]) expect(() => symbolBytesFor(outside)).toThrow(RangeError);
});

test("fills the packet with the largest symbol", () => {
  const symbol = new Uint8Array(MAX_SYMBOL_BYTES);
  const prefix = author.subarray(0, 4);
  const coded = { type: "coded", prefix, streamBytes: 16_384, check: undefined, index: 255, left: 0, symbol } as const;
  expect(encodeMessage(coded).length).toBe(MAX_MESSAGE_BYTES);
  const packed = { ...coded, check: 7, symbol: new Uint8Array(symbolBytesFor(10 * 221, { packed: true })) };
  expect(encodeMessage(packed).length).toBe(MAX_MESSAGE_BYTES);
  const small = { ...coded, symbol: new Uint8Array(symbolBytesFor(16_384, { maxMessageBytes: 200 })) };
  expect(encodeMessage(small).length).toBeLessThanOrEqual(200);
});
