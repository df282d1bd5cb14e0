/** Ed25519 (RFC 8032), by OpenSSL: key pairs from a seed, and what their signatures are worth. @module */
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { type Bytes, concatBytes, copyBytes } from "./bytes.ts";

export const ED25519_SEED_BYTES = 32;
export const ED25519_PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

// RFC 8410: the DER that stands before the 32 bytes of a private and of a public key.
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0);

export interface Ed25519Signer {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  /** 64 bytes. */
  sign(message: Uint8Array): Bytes;
}

/** @throws RangeError unless the seed has 32 bytes: a fault of ours */
export function ed25519FromSeed(seed: Uint8Array): Ed25519Signer {
  if (seed.length !== ED25519_SEED_BYTES) throw new RangeError("a seed of Ed25519 has 32 bytes");
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, seed));
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const publicKey = copyBytes(spki.subarray(SPKI_PREFIX.length));
  return { publicKey, sign: (message) => new Uint8Array(sign(null, message, privateKey)) };
}

/** False for anything but a good signature, malformed keys included. Never throws. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    const der = Buffer.from(concatBytes(SPKI_PREFIX, publicKey));
    return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}
