/** Packing: the greatest that fits, never more. @module */
import { expect, test } from "vitest";
import { encodeMessage, MAX_MESSAGE_BYTES } from "../../src/wire/codec.ts";
import { MAX_SYMBOL_BYTES, symbolBytesFor } from "../../src/wire/packing.ts";

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

const author = new Uint8Array(8).fill(7);

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
