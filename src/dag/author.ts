/**
 * Authors: an Ed25519 key pair, named by the first 8 bytes of the SHA-256 of its public key.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { ED25519_SEED_BYTES, type Ed25519Signer, ed25519FromSeed } from "../kernel/ed25519.ts";
import { type MlDsaSigner, mlDsaFromSeed, mlDsaSeedOf } from "../kernel/ml-dsa.ts";
import { sha256 } from "./cid.ts";

export const AUTHOR_ID_BYTES = 8;
export const SEED_BYTES = ED25519_SEED_BYTES;

export interface Author extends Ed25519Signer {
  /** 8 bytes. */
  readonly id: Uint8Array;
  /** The second key pair, for what has to hold against a quantum computer. */
  readonly mlDsa: MlDsaSigner;
}

/** @throws RangeError unless the seed has 32 bytes: a fault of ours */
export function authorFromSeed(seed: Uint8Array): Author {
  const signer = ed25519FromSeed(seed);
  return { ...signer, id: authorId(signer.publicKey), mlDsa: mlDsaFromSeed(mlDsaSeedOf(seed)) };
}

export function authorId(publicKey: Uint8Array): Bytes {
  return sha256(publicKey).slice(0, AUTHOR_ID_BYTES);
}
