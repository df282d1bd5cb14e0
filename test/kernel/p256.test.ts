/** Points and keys of P-256: against the standard's example, laws over any secret, and points that are none. @module */
import * as fc from "fast-check";
import { createPublicKey, verify } from "node:crypto";
import { expect, test } from "vitest";
import { fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { compressedPoint, p256FromSecret, p256PublicKey, pointOf, verifyP256 } from "../../src/kernel/p256.ts";

// FIPS 186-5 by way of SP 800-186, section 3.2.1.3: the base point of P-256.
const GX = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296";
const GY = "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

test("the base point is compressed, and found again", () => {
  const base = { x: fromHex(GX)!, y: fromHex(GY)! };
  expect(toHex(compressedPoint(base))).toBe(`03${GX}`);
  expect(pointOf(fromHex(`03${GX}`)!)).toEqual(base);
  // The other root of the same x is another point.
  expect(pointOf(fromHex(`02${GX}`)!)?.y).not.toEqual(base.y);
});

test("what is no point is none, and never a throw", () => {
  const none = ["", GX, `04${GX}`, `03${GX}00`, `03${"ff".repeat(32)}`, `02${"00".repeat(31)}05`];
  // x = 5 lies on the curve; x = 1 has no y.
  expect(none.map((hex) => pointOf(fromHex(hex)!) === undefined)).toEqual([true, true, true, true, true, false]);
  expect(pointOf(fromHex(`02${"00".repeat(31)}01`)!)).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const point = pointOf(bytes);
      if (point !== undefined) expect(toHex(compressedPoint(point))).toBe(toHex(bytes));
    }),
  );
});

test("one secret gives one key a purpose, whose signatures others verify", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 64 }), fc.string(), (secret, text) => {
      const key = p256FromSecret(secret, "caye test v1");
      const again = p256FromSecret(secret, "caye test v1");
      expect(compressedPoint(again)).toEqual(compressedPoint(key));
      expect(compressedPoint(p256FromSecret(secret, "caye other v1"))).not.toEqual(compressedPoint(key));
      const message = utf8(text);
      const signature = key.sign(message);
      expect(signature.length).toBe(64);
      expect(verifyP256(key, message, signature)).toBe(true);
      expect(verifyP256(key, utf8(`${text}.`), signature)).toBe(false);
      const spki = p256PublicKey(key)!.export({ format: "der", type: "spki" });
      const stranger = createPublicKey({ key: spki, format: "der", type: "spki" });
      expect(verify("sha256", message, { key: stranger, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test("signatures of a wrong length and keys off the curve are refused", () => {
  const key = p256FromSecret(new Uint8Array(32), "caye test v1");
  const signature = key.sign(utf8("caye"));
  expect(verifyP256(key, utf8("caye"), signature.subarray(1))).toBe(false);
  expect(verifyP256({ ...key, y: key.x }, utf8("caye"), signature)).toBe(false);
});
