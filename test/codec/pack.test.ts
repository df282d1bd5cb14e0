/** Contents: round trips, bounds, and that damage is refused. @module */
import { deflateRawSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pack, unpack } from "../../src/codec/pack.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";

test("any content comes back, and is never more than one byte longer when packed", () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const text = fc.string({ unit: "grapheme", maxLength: 120 }).map(utf8);
  const repeated = fc.tuple(fc.uint8Array({ maxLength: 9 }), fc.nat(40)).map(([piece, times]) => {
    return Uint8Array.from({ length: piece.length * times }, (_, i) => piece[i % piece.length] ?? 0);
  });
  fc.assert(
    fc.property(fc.oneof(bytes, text, repeated), (content) => {
      const packed = pack(content);
      expect(packed.length).toBeLessThanOrEqual(content.length + 1);
      expect(unpack(packed, content.length)).toEqual({ ok: true, value: new Uint8Array(content) });
      if (content.length > 0) expect(unpack(packed, content.length - 1).ok).toBe(false);
    }),
    { numRuns: 150 },
  );
});

test("random and compressed content costs one byte more and no further", () => {
  const { random } = seeded(3);
  for (const content of [random.bytes(1), random.bytes(500), deflateRawSync(utf8(toHex(random.bytes(400))))]) {
    expect(pack(content).length).toBeLessThanOrEqual(content.length + 1);
  }
  expect(pack(new Uint8Array(0)).length).toBeLessThanOrEqual(1);
});

test("content longer than context mixing takes is deflated, within its bound", () => {
  const content = new Uint8Array(100_000).fill(65);
  const packed = pack(content);
  expect(packed[0]).toBe(0xf1);
  expect(packed.length).toBeLessThan(200);
  expect(unpack(packed, content.length)).toEqual({ ok: true, value: content });
  expect(unpack(packed, content.length - 1)).toEqual({ ok: false, reason: "unpacked content too long" });
  expect(unpack(Uint8Array.of(...packed, 1, 2), content.length).ok).toBe(false);
  expect(unpack(packed.subarray(0, -3), content.length).ok).toBe(false);
  expect(unpack(Uint8Array.of(0xf1), 10).ok).toBe(false);
});
