/**
 * ML-DSA (FIPS 204), by OpenSSL: signatures that a quantum computer can't forge. A key pair comes from a 32-byte seed;
 * a signature is hedged with randomness, so that two of one message differ. Nodes use ML-DSA-44, whose signatures are the
 * shortest; releases use ML-DSA-65.
 *
 * What is signed begins with a label of its own, so that no signature can stand for another purpose.
 * @module
 */
import { createHash, createPrivateKey, createPublicKey, hkdfSync, sign, verify } from "node:crypto";
import { type Bytes, concatBytes, copyBytes, fromHex } from "./bytes.ts";

export interface MlDsaSet {
  readonly publicKeyBytes: number;
  readonly signatureBytes: number;
  // RFC 9881: the DER that stands before the seed of a private key, and before a public key.
  readonly pkcs8Prefix: Bytes;
  readonly spkiPrefix: Bytes;
}

export const ML_DSA_44: MlDsaSet = {
  publicKeyBytes: 1_312,
  signatureBytes: 2_420,
  pkcs8Prefix: hex("3034020100300b060960864801650304031104228020"),
  spkiPrefix: hex("30820532300b06096086480165030403110382052100"),
};
export const ML_DSA_65: MlDsaSet = {
  publicKeyBytes: 1_952,
  signatureBytes: 3_309,
  pkcs8Prefix: hex("3034020100300b060960864801650304031204228020"),
  spkiPrefix: hex("308207b2300b0609608648016503040312038207a100"),
};

export const ML_DSA_PUBLIC_KEY_BYTES = ML_DSA_44.publicKeyBytes;
export const ML_DSA_SIGNATURE_BYTES = ML_DSA_44.signatureBytes;
const SEED_BYTES = 32;

export interface MlDsaSigner {
  readonly publicKey: Bytes;
  /** SHA-256 of the public key. */
  readonly fingerprint: Bytes;
  sign(message: Uint8Array): Bytes;
}

/** @throws RangeError unless the seed has 32 bytes: a fault of ours */
export function mlDsaFromSeed(seed: Uint8Array, { pkcs8Prefix, spkiPrefix }: MlDsaSet = ML_DSA_44): MlDsaSigner {
  if (seed.length !== SEED_BYTES) throw new RangeError("a seed of ML-DSA has 32 bytes");
  const der = Buffer.from(concatBytes(pkcs8Prefix, seed));
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const publicKey = copyBytes(spki.subarray(spkiPrefix.length));
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
export function verifyMlDsa(
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  { publicKeyBytes, signatureBytes, spkiPrefix }: MlDsaSet = ML_DSA_44,
): boolean {
  if (publicKey.length !== publicKeyBytes || signature.length !== signatureBytes) return false;
  try {
    const der = Buffer.from(concatBytes(spkiPrefix, publicKey));
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}

function hex(text: string): Bytes {
  return fromHex(text) ?? new Uint8Array();
}
