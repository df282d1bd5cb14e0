import { generateKeyPairSync, type KeyObject } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ALGORITHM,
  attestationKeyArea,
  authorityKeyArea,
  decodeEccPublic,
  decodePublic,
  eccPublicArea,
  OBJECT,
  objectName,
  publicKeyOf,
  rsaAttestationKeyArea,
  rsaPublicArea,
} from "../../src/kernel/tpm-public.ts";

const ecc = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;

function part(key: KeyObject, name: "x" | "y" | "n"): Uint8Array {
  return Buffer.from(key.export({ format: "jwk" })[name] ?? "", "base64url");
}

const areas: readonly (readonly [string, Uint8Array])[] = [
  ["a P-256 attestation key", attestationKeyArea(part(ecc, "x"), part(ecc, "y"))],
  ["an RSA attestation key", rsaAttestationKeyArea(part(rsa, "n"))],
  ["an authority's key", authorityKeyArea(part(ecc, "x"), part(ecc, "y"))],
  [
    "an RSA key that keeps others",
    rsaPublicArea({
      attributes: OBJECT.restricted | OBJECT.decrypt,
      policy: new Uint8Array(32).fill(7),
      cipher: true,
      modulus: part(rsa, "n"),
      signs: false,
    }),
  ],
];

function decodes(area: Uint8Array) {
  const key = decodePublic(area);
  if (!key.ok) throw new Error(key.reason);
  return key.value;
}

describe("the public area of a key", () => {
  test.each(areas)("of %s is refused when it is cut short or has bytes after it", (_what, area) => {
    expect(decodePublic(area).ok).toBe(true);
    for (let length = 0; length < area.length; length++) expect(decodePublic(area.subarray(0, length)).ok).toBe(false);
    expect(decodePublic(Uint8Array.of(...area, 0)).ok).toBe(false);
  });

  test.each(areas)("of %s with any bit flipped is refused, or another key by name", (_what, area) => {
    const name = decodes(area).name;
    for (let bit = 0; bit < 8 * area.length; bit++) {
      const other = Uint8Array.from(area);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const key = decodePublic(other);
      if (key.ok) expect(key.value.name).not.toEqual(name);
    }
  });

  test("gives the key that it was made of", () => {
    const p256 = decodes(attestationKeyArea(part(ecc, "x"), part(ecc, "y")));
    expect(publicKeyOf(p256)?.equals(ecc)).toBe(true);
    expect(p256).toMatchObject({ kind: "ecc", attributes: 0x5_0472, scheme: ALGORITHM.ecdsa, schemeHash: 0xb });
    const big = decodes(rsaAttestationKeyArea(part(rsa, "n")));
    expect(publicKeyOf(big)?.equals(rsa)).toBe(true);
    expect(big).toMatchObject({ kind: "rsa", attributes: 0x5_0472, scheme: ALGORITHM.rsaSsa, exponent: 65_537 });
  });

  test("of an authority names a key that lives in no TPM and is bound by no restriction", () => {
    const { attributes } = decodes(authorityKeyArea(part(ecc, "x"), part(ecc, "y")));
    expect(attributes & (OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.restricted | OBJECT.decrypt)).toBe(0);
    expect(attributes & OBJECT.sign).toBe(OBJECT.sign);
  });

  test("that is a template is no key", () => {
    expect(decodePublic(attestationKeyArea(new Uint8Array(), new Uint8Array())).ok).toBe(false);
    expect(decodePublic(rsaAttestationKeyArea(new Uint8Array())).ok).toBe(false);
  });

  test("with a point off the curve or an even modulus is no key", () => {
    expect(publicKeyOf(decodes(attestationKeyArea(new Uint8Array(32), new Uint8Array(32).fill(1))))).toBeUndefined();
    expect(publicKeyOf(decodes(rsaAttestationKeyArea(new Uint8Array(256).fill(2))))).toBeUndefined();
  });

  test("with leading zeros left away is the same point under another name", () => {
    const x = new Uint8Array(32).fill(3, 1);
    const y = new Uint8Array(32).fill(4);
    const whole = decodes(attestationKeyArea(x, y));
    const short = decodes(attestationKeyArea(x.subarray(1), y));
    expect(short).toMatchObject({ x: whole.kind === "ecc" && whole.x });
    expect(short.name).not.toEqual(whole.name);
  });

  test.each([
    ["an exponent of 3", (area: DataView) => area.setUint32(18, 3)],
    ["a size of 1,024 bits", (area: DataView) => area.setUint16(16, 1024)],
    ["a name by SHA-1", (area: DataView) => area.setUint16(2, 4)],
    ["an unknown scheme", (area: DataView) => area.setUint16(12, 0x17)],
  ])("with %s is refused", (_what, change) => {
    const area = rsaAttestationKeyArea(part(rsa, "n"));
    change(new DataView(area.buffer));
    expect(decodePublic(area).ok).toBe(false);
  });

  test("that was never one is refused without a throw", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(decodePublic(bytes).ok).toBe(false);
      }),
    );
    expect(decodeEccPublic(rsaAttestationKeyArea(part(rsa, "n"))).ok).toBe(false);
  });

  test("reads back whatever was written", () => {
    const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(
        bytes32,
        bytes32,
        fc.nat(0xffff_ffff),
        fc.boolean(),
        fc.boolean(),
        (x, y, attributes, cipher, signs) => {
          const area = eccPublicArea({ attributes, x, y, cipher, signs, policy: x });
          expect(decodes(area)).toMatchObject({ attributes, x, y, cipher, policy: x, name: objectName(area) });
        },
      ),
    );
  });
});
