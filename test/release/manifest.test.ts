/** What vouches for a release, and what does not. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes, fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { createReleaseKeys, decodeReleaseKey, decodeReleaseSecret } from "../../src/release/keys.ts";
import { fileRow, isOfRelease, signManifest, verifyManifest, type Release } from "../../src/release/manifest.ts";
import { seeded } from "../fakes/seeded.ts";

const files = createReleaseKeys(seeded(1).random);
const signer = valueOf(decodeReleaseSecret(files.secret));
const key = valueOf(decodeReleaseKey(files.publicKey));
const stranger = createReleaseKeys(seeded(2).random);
const DEB = utf8("!<arch>\ndebian-binary");
const NAME = "caye_0.2.0_arm64.deb";
const RELEASE: Omit<Release, "key"> = {
  version: "0.2.0",
  arch: "arm64",
  sourceTimeS: 1_763_600_000,
  files: [fileRow(NAME, DEB), fileRow("caye_0.2.0_arm64.cdx.json", utf8("{}\n"))],
};
const signed = signManifest(RELEASE, signer);

function valueOf<T>(
  read: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string },
): T {
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}

test("a release that a trusted key signed is what it states", () => {
  expect(verifyManifest(signed, [key])).toEqual({ ok: true, value: { ...RELEASE, key: files.id } });
  expect(key).toEqual(signer.key);
  expect(key.id).toBe(files.id);
  expect([key.ed25519.length, key.mlDsa.length]).toEqual([32, 1_952]);
});

test("its files are told from others by length and hash", () => {
  const release = valueOf(verifyManifest(signed, [key]));
  expect(isOfRelease(release, NAME, DEB).ok).toBe(true);
  expect(isOfRelease(release, NAME, utf8("!<arch>\ndebian-binarY"))).toEqual({
    ok: false,
    reason: "not the file that was signed",
  });
  expect(isOfRelease(release, "caye_0.3.0_arm64.deb", DEB)).toEqual({
    ok: false,
    reason: "not a file of this release",
  });
});

test("a release of somebody else is refused, also under the id of a trusted key", () => {
  const other = valueOf(decodeReleaseSecret(stranger.secret));
  expect(verifyManifest(signManifest(RELEASE, other), [key])).toEqual({ ok: false, reason: "unknown key" });
  const posing = signManifest(RELEASE, { ...other, key: { ...other.key, id: key.id } });
  expect(verifyManifest(posing, [key])).toEqual({ ok: false, reason: "signature does not hold" });
  expect(verifyManifest(signed, [])).toEqual({ ok: false, reason: "unknown key" });
});

test("each of the two signatures must hold", () => {
  const other = valueOf(decodeReleaseSecret(stranger.secret));
  for (const half of [0, 1] as const) {
    const mixed = signManifest(RELEASE, {
      key: signer.key,
      sign: (message) => {
        const [own, foreign] = [signer.sign(message), other.sign(message)];
        return half === 0 ? [foreign[0], own[1]] : [own[0], foreign[1]];
      },
    });
    expect(verifyManifest(mixed, [key])).toEqual({ ok: false, reason: "signature does not hold" });
  }
});

test("no bit of it can be changed, and no part of it left out", () => {
  fc.assert(
    fc.property(fc.nat(signed.length - 1), fc.integer({ min: 0, max: 7 }), (at, bit) => {
      const changed = new Uint8Array(signed);
      changed[at]! ^= 1 << bit;
      expect(verifyManifest(changed, [key]).ok).toBe(false);
    }),
    { numRuns: 300 },
  );
  for (let length = 0; length < signed.length; length += 61) {
    expect(verifyManifest(signed.subarray(0, length), [key]).ok).toBe(false);
  }
  expect(verifyManifest(concatBytes(signed, utf8("\n")), [key]).ok).toBe(false);
});

test("what is signed states one thing in one form: another order or spacing is refused", () => {
  const text = fromUtf8(signed) ?? "";
  const loose = utf8(text.slice(0, text.indexOf("\n}\n")).replace('"version": ', '"version":  ') + "\n}\n");
  const resigned = signer.sign(concatBytes(utf8("caye release v1\0"), loose));
  const lines = resigned.map((signature) => `${Buffer.from(signature).toString("base64")}\n`).join("");
  expect(verifyManifest(concatBytes(loose, utf8(lines)), [key])).toEqual({ ok: false, reason: "not in its one form" });
});

test("no bytes make the decoders fall", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4_000 }), (bytes) => {
      expect(verifyManifest(bytes, [key]).ok).toBe(false);
      expect(verifyManifest(concatBytes(utf8("caye-release 1\n"), bytes), [key]).ok).toBe(false);
      expect(decodeReleaseKey(bytes).ok).toBe(false);
      expect(decodeReleaseSecret(bytes).ok).toBe(false);
    }),
  );
});

test("a path, or a version that dpkg would not take, is no release", () => {
  const row = { ...fileRow(NAME, DEB), name: "../caye.deb" };
  expect(() => signManifest({ ...RELEASE, files: [row] }, signer)).toThrow();
  expect(() => signManifest({ ...RELEASE, version: "0.2.0 -x" }, signer)).toThrow();
});

test("a key's file has one form, and the secret's is no public key", () => {
  expect(decodeReleaseKey(files.secret).ok).toBe(false);
  expect(decodeReleaseSecret(files.publicKey).ok).toBe(false);
  const text = fromUtf8(files.publicKey) ?? "";
  expect(decodeReleaseKey(utf8(text.replace("# Releases", "# releases"))).ok).toBe(false);
  expect(decodeReleaseKey(utf8(text.toUpperCase())).ok).toBe(false);
});
