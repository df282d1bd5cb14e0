/**
 * The store's key; or, while the store moves from one key to another, both. As bytes, for what is sealed and boxed:
 * 32, or 64 with the next key behind.
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { concatBytes, copyBytes, equalBytes, type Bytes } from "../kernel/bytes.ts";
import type { KeysInUse } from "../ports/store.ts";

export const STORE_KEY_BYTES = 32;
export const KEY_ID_BYTES = 8;
export const PROOF_BYTES = 32;

export interface StoreKeys {
  /** 32 bytes. */
  readonly key: Bytes;
  /** 32 bytes: the key that the store may be on its way to. */
  readonly next: Bytes | undefined;
}

/** What files tell of the keys within, in clear: 8 bytes each. */
export interface KeyIds {
  readonly keyId: Bytes;
  readonly nextKeyId: Bytes | undefined;
}

/** 8 bytes that name a key and tell nothing else of it. */
export function keyId(key: Uint8Array): Bytes {
  const digest = createHash("sha256").update("caye store key id v1").update(key).digest();
  return new Uint8Array(digest.subarray(0, KEY_ID_BYTES));
}

export function idsOf({ key, next }: StoreKeys): KeyIds {
  return { keyId: keyId(key), nextKeyId: next === undefined ? undefined : keyId(next) };
}

export function encodeKeys({ key, next }: StoreKeys): Bytes {
  return next === undefined ? copyBytes(key) : concatBytes(key, next);
}

/** Undefined unless there are 32 or 64 bytes. */
export function decodeKeys(bytes: Uint8Array): StoreKeys | undefined {
  if (bytes.length !== STORE_KEY_BYTES && bytes.length !== 2 * STORE_KEY_BYTES) return undefined;
  const key = copyBytes(bytes.subarray(0, STORE_KEY_BYTES));
  return { key, next: bytes.length === STORE_KEY_BYTES ? undefined : copyBytes(bytes.subarray(STORE_KEY_BYTES)) };
}

/** Those that the store has proven to be in use. */
export function keysInForce({ key, next }: StoreKeys, inUse: KeysInUse): StoreKeys {
  if (inUse === "next" && next !== undefined) return { key: next, next: undefined };
  return inUse === "both" ? { key, next } : { key, next: undefined };
}

/**
 * Shows that whoever wrote these terms had the keys: HMAC-SHA256 under each, 32 bytes each. Ids are told in clear, and show
 * nothing.
 */
export function proofsOf({ key, next }: StoreKeys, terms: Uint8Array): Bytes {
  return concatBytes(...[key, next].flatMap((one) => (one === undefined ? [] : [proofOf(one, terms)])));
}

/** True when one of the proofs is by one of the keys. */
export function isProven({ key, next }: StoreKeys, terms: Uint8Array, proofs: Uint8Array): boolean {
  const given = Array.from({ length: Math.floor(proofs.length / PROOF_BYTES) }, (_, i) =>
    proofs.subarray(i * PROOF_BYTES, (i + 1) * PROOF_BYTES),
  );
  const own = [key, next].flatMap((one) => (one === undefined ? [] : [proofOf(one, terms)]));
  return given.some((proof) => own.some((right) => timingSafeEqual(proof, right)));
}

function proofOf(key: Uint8Array, terms: Uint8Array): Bytes {
  return new Uint8Array(createHmac("sha256", key).update("caye key file v1").update(terms).digest());
}

export function wipeKeys({ key, next }: StoreKeys): void {
  key.fill(0);
  next?.fill(0);
}

/** True when a file that tells these ids holds at least one of the keys. */
export function isOneOf(ids: KeyIds, known: KeyIds): boolean {
  return listed(ids).some((id) => listed(known).some((other) => equalBytes(id, other)));
}

export function areSameIds(a: KeyIds, b: KeyIds): boolean {
  const [ours, theirs] = [listed(a), listed(b)];
  return ours.length === theirs.length && ours.every((id, i) => equalBytes(id, theirs[i] ?? new Uint8Array()));
}

function listed({ keyId: first, nextKeyId }: KeyIds): readonly Bytes[] {
  return nextKeyId === undefined ? [first] : [first, nextKeyId];
}
