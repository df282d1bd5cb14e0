/**
 * ML-DSA-44 (FIPS 204), by OpenSSL: signatures that a quantum computer can't forge. A key pair comes from a 32-byte seed;
 * a signature is hedged with randomness, so that two of one message differ.
 *
 * What is signed begins with a label of its own, so that no signature can stand for another purpose.
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from "node:crypto";
import { type Bytes, concatBytes, copyBytes, fromHex } from "./bytes.ts";

export const ML_DSA_PUBLIC_KEY_BYTES = 1_312;
export const ML_DSA_SIGNATURE_BYTES = 2_420;
const SEED_BYTES = 32;

// RFC 9881: the DER that stands before the seed of a private key, and before a public key.
const PKCS8_PREFIX = fromHex("3034020100300b060960864801650304031104228020") ?? new Uint8Array();
const SPKI_PREFIX = fromHex("30820532300b06096086480165030403110382052100") ?? new Uint8Array();

export interface MlDsaSigner {
  /** 1,312 bytes. */
  readonly publicKey: Bytes;
  /** SHA-256 of the public key. */
  readonly fingerprint: Bytes;
  /** 2,420 bytes. */
  sign(message: Uint8Array): Bytes;
}

/** @throws RangeError unless the seed has 32 bytes: a fault of ours */
export function mlDsaFromSeed(seed: Uint8Array): MlDsaSigner {
  if (seed.length !== SEED_BYTES) throw new RangeError("a seed of ML-DSA has 32 bytes");
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, seed));
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const publicKey = copyBytes(spki.subarray(SPKI_PREFIX.length));
  return {
    publicKey,
    fingerprint: new Uint8Array(createHash("sha256").update(publicKey).digest()),
    sign: (message) => copyBytes(sign(null, message, privateKey)),
  };
}

/** The seed of an author's ML-DSA key, from the seed of its Ed25519 key: one secret to keep. */
export function mlDsaSeedOf(authorSeed: Uint8Array): Bytes {
  return new Uint8Array(hkdfSync("sha256", authorSeed, new Uint8Array(0), "caye ml-dsa-44 v1", SEED_BYTES));
}

/** False for anything but a good signature, malformed keys included. Never throws. */
export function verifyMlDsa(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ML_DSA_PUBLIC_KEY_BYTES || signature.length !== ML_DSA_SIGNATURE_BYTES) return false;
  try {
    const der = Buffer.from(concatBytes(SPKI_PREFIX, publicKey));
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}
