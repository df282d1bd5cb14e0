/**
 * Authors: an Ed25519 key pair, named by the first 8 bytes of the SHA-256 of its public key.
 * @module
 */
import { createPrivateKey, createPublicKey, sign, verify as verifySignature } from "node:crypto";
import { type Bytes, concatBytes, copyBytes } from "../kernel/bytes.ts";
import { sha256 } from "./cid.ts";
import { PUBLIC_KEY_BYTES } from "./entry.ts";
import { type MlDsaSigner, mlDsaFromSeed, mlDsaSeedOf } from "./ml-dsa.ts";

export const AUTHOR_ID_BYTES = 8;
export const SEED_BYTES = 32;
export const SIGNATURE_BYTES = 64;

// RFC 8410: the DER that stands before the 32 bytes of a private and of a public key.
const PKCS8_PREFIX = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20);
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0);

export interface Author {
  /** 8 bytes. */
  readonly id: Uint8Array;
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Uint8Array): Bytes;
  /** The second key pair, for what has to hold against a quantum computer. */
  readonly mlDsa: MlDsaSigner;
}

/** @throws RangeError unless the seed has 32 bytes: a fault of ours */
export function authorFromSeed(seed: Uint8Array): Author {
  if (seed.length !== SEED_BYTES) throw new RangeError("an author's seed has 32 bytes");
  const der = Buffer.from(concatBytes(PKCS8_PREFIX, seed));
  const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  const publicKey = copyBytes(spki.subarray(SPKI_PREFIX.length));
  return {
    id: authorId(publicKey),
    publicKey,
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
    mlDsa: mlDsaFromSeed(mlDsaSeedOf(seed)),
  };
}

export function authorId(publicKey: Uint8Array): Bytes {
  return sha256(publicKey).slice(0, AUTHOR_ID_BYTES);
}

/** False for anything but a good signature, malformed keys included. Never throws. */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== PUBLIC_KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    const der = Buffer.from(concatBytes(SPKI_PREFIX, publicKey));
    return verifySignature(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
  } catch {
    return false;
  }
}
