/** Key pairs of X25519 (RFC 7748), by OpenSSL. @module */
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { type Bytes, concatBytes, copyBytes } from "./bytes.ts";

export const X25519_BYTES = 32;

/** What stands before the 32 bytes of a key in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410). */
const PRIVATE_HEAD = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32);
const PUBLIC_HEAD = Uint8Array.of(48, 42, 48, 5, 6, 3, 43, 101, 110, 3, 33, 0);

export interface X25519Pair {
  /** 32 bytes. */
  readonly publicKey: Bytes;
  readonly privateKey: KeyObject;
}

/** @param seed 32 bytes, any; wiped */
export function x25519FromSeed(seed: Uint8Array): X25519Pair {
  if (seed.length !== X25519_BYTES) throw new RangeError("a key of X25519 has 32 bytes");
  const der = concatBytes(PRIVATE_HEAD, seed);
  seed.fill(0);
  const privateKey = createPrivateKey({ key: Buffer.from(der.buffer), format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: "der", type: "spki" });
  return { publicKey: copyBytes(spki.subarray(PUBLIC_HEAD.length)), privateKey };
}

/** As node:crypto knows it; undefined unless there are 32 bytes. Points that no pair has show at the exchange only. */
export function x25519PublicKey(bytes: Uint8Array): KeyObject | undefined {
  if (bytes.length !== X25519_BYTES) return undefined;
  return createPublicKey({ key: Buffer.from(concatBytes(PUBLIC_HEAD, bytes)), format: "der", type: "spki" });
}
