import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ByteReader,
  ByteWriter,
  concatBytes,
  equalBytes,
  fromHex,
  fromUtf8,
  startsWith,
  toHex,
  utf8,
} from "../../src/kernel/bytes.ts";

const bytes = fc.uint8Array({ maxLength: 64 });

describe("bytes", () => {
  test("hex names bytes and comes back, in either case", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(fromHex(toHex(value))).toEqual(value);
        expect(fromHex(toHex(value).toUpperCase())).toEqual(value);
      }),
    );
  });

  test.each(["0", "zz", "0g", " 00", "00 ", "0x00"])("%j is not hex", (text) => {
    expect(fromHex(text)).toBeUndefined();
  });

  test("joined parts are equal to the whole, and the whole starts with the first", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        const whole = concatBytes(a, b);
        expect(equalBytes(whole, Uint8Array.from([...a, ...b]))).toBe(true);
        expect(startsWith(whole, a)).toBe(true);
      }),
    );
  });

  test("text that is not well-formed UTF-8 is undefined", () => {
    expect(fromUtf8(Uint8Array.of(0xff))).toBeUndefined();
    expect(fromUtf8(Uint8Array.of(0xed, 0xa0, 0x80))).toBeUndefined();
    expect(fromUtf8(utf8("inundación"))).toBe("inundación");
  });
});

describe("reader and writer", () => {
  test("what was written is read again, to the last byte", () => {
    const u32 = fc.nat(0xffff_ffff);
    fc.assert(
      fc.property(fc.nat(255), fc.nat(65_535), u32, fc.bigInt(0n, 2n ** 64n - 1n), u32, bytes, (a, b, c, d, e, f) => {
        const written = new ByteWriter().u8(a).u16(b).u32(c).u64(d).varint(e).bytes(f).finish();
        const reader = new ByteReader(written);
        expect([reader.u8(), reader.u16(), reader.u32(), reader.u64(), reader.varint()]).toEqual([a, b, c, d, e]);
        expect(reader.rest()).toEqual(f);
        expect(reader.done()).toBeUndefined();
      }),
    );
  });

  test("a read beyond the end fails once and for good, and never throws", () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect(reader.u16()).toBe(0x0102);
    expect(reader.u32()).toBe(0);
    expect(reader.u8()).toBe(0);
    expect(reader.take(1).length).toBe(0);
    expect(reader.done()).toBe("truncated");
  });

  test.each([
    ["80 00", "varint not in its shortest form"],
    ["ff ff ff ff 7f", "varint beyond 32 bits"],
    ["ff ff ff ff ff 01", "varint too long"],
    ["80", "truncated"],
  ])("a varint of %s is refused: %s", (hex, reason) => {
    const reader = new ByteReader(fromHex(hex.replaceAll(" ", "")) ?? new Uint8Array());
    reader.varint();
    expect(reader.failure).toBe(reason);
  });

  test("bytes left over are told", () => {
    expect(new ByteReader(Uint8Array.of(1)).done()).toBe("trailing bytes");
  });

  test("a number that does not fit its field is our own fault, and thrown", () => {
    expect(() => new ByteWriter().u8(256)).toThrow(RangeError);
    expect(() => new ByteWriter().u16(-1)).toThrow(RangeError);
    expect(() => new ByteWriter().varint(2 ** 32)).toThrow(RangeError);
    expect(() => new ByteWriter().u64(2n ** 64n)).toThrow(RangeError);
  });
});
