/** Names and short texts: round trips, bounds, and that nothing else than what was packed is unpacked. @module */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { packText, unpackText } from "../../src/codec/short-text.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";

const MAX_BYTES = 256;

describe("a short text", () => {
  test("comes back, and is never more than one byte longer than its UTF-8", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
        const packed = packText(text);
        expect(unpackText(packed, MAX_BYTES)).toEqual({ ok: true, value: text });
        expect(packed.length).toBeGreaterThan(0);
        expect(packed.length).toBeLessThanOrEqual(utf8(text).length + 1);
      }),
      { numRuns: 200 },
    );
  });

  test("takes few bytes when it is a usual name", () => {
    for (const [name, bytes] of [
      ["boat-times.csv", 7],
      ["horario-lancha.txt", 9],
      ["clinic-2026-03.csv", 9],
    ] as const) {
      expect(packText(name).length, name).toBeLessThanOrEqual(bytes);
    }
  });

  test("is packed alike whatever was packed or refused before", () => {
    const before = packText("medicine-list.csv");
    packText("\0\0ÿ".repeat(20));
    unpackText(Uint8Array.of(1, 2, 3, 4, 5, 6), 3);
    expect(packText("medicine-list.csv")).toEqual(before);
  });

  test("is refused when it is longer than allowed", () => {
    for (const text of ["boat-times.csv", "\u{1f6a4}\0\u{2}~"]) {
      const bytes = utf8(text).length;
      expect(unpackText(packText(text), bytes)).toEqual({ ok: true, value: text });
      expect(unpackText(packText(text), bytes - 1)).toEqual({ ok: false, reason: "unpacked text too long" });
    }
  });

  test("has one packed form: with a byte more, a byte less or a byte changed it is never the same text", () => {
    const packed = packText("school-bus-march.csv");
    const others = [
      packed.subarray(0, -1),
      Uint8Array.of(...packed, 0),
      Uint8Array.of(...packed, 77),
      ...Array.from(packed, (byte, at) => packed.with(at, byte ^ 1)),
    ];
    for (const other of others) {
      const result = unpackText(other, MAX_BYTES);
      if (result.ok) expect(result.value).not.toBe("school-bus-march.csv");
    }
  });
});

test("any bytes give a text within the bound or a reason, and never an exception", () => {
  const { below, random } = seeded(7);
  const reasons = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const packed = random.bytes(below(24));
    const result = unpackText(packed, 64);
    if (result.ok) {
      expect(utf8(result.value).length).toBeLessThanOrEqual(64);
      if (packed[0] !== 0xff) expect(packText(result.value)).toEqual(packed);
    } else reasons.add(result.reason);
  }
  expect(reasons.size).toBeGreaterThan(3);
});
