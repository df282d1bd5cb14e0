/**
 * The keys that a store's values are under: one, or while they move to another key, both.
 *
 * A ring never changes: a change makes another one, so that whoever reads with the ring from before still reads.
 * @module
 */
import type { Bytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { KeysInUse } from "../../ports/store.ts";
import type { ValueCipher } from "./cipher.ts";
import { demandFormat, type Header, isCheck } from "./header.ts";

export interface KeyRing {
  readonly keysInUse: KeysInUse;
  /** Values are written under this one. */
  readonly current: ValueCipher;
  /** The other one, as long as values are under it. */
  readonly former: ValueCipher | undefined;
  /** While values move: all up to this key of the database were moved. Empty at the beginning. */
  readonly cursor: Bytes;
}

/** The two keys that somebody brought: the next one only when a change of keys may be under way. */
export interface BroughtKeys {
  readonly first: ValueCipher;
  readonly next: ValueCipher | undefined;
}

const NO_CURSOR: Bytes = new Uint8Array();

/** Of a store that has no header yet. With two keys it may have lost one that said so: both are kept in use. */
export function newRing({ first, next }: BroughtKeys, isEmpty: boolean): KeyRing {
  const alone: KeyRing = { keysInUse: "first", current: first, former: undefined, cursor: NO_CURSOR };
  return next === undefined || isEmpty ? alone : movingRing(alone, next);
}

/** @throws AgentError "STORE_NEWER", "STORE_KEY" when these keys are not the store's, or one of two is missing */
export function ringOf(header: Header, { first, next }: BroughtKeys, directory: string): KeyRing {
  demandFormat(header, directory);
  const { check, former, cursor } = header;
  if (former === undefined) {
    if (isCheck(check, first.check)) return newRing({ first, next: undefined }, false);
    if (isCheck(check, next?.check) && next !== undefined) return arrivedRing(next);
    throw otherKey(directory, "was written under another key");
  }
  if (next === undefined && (isCheck(former, first.check) || isCheck(check, first.check))) {
    throw otherKey(directory, "is on its way from one key to another, and needs both");
  }
  if (next === undefined || !isCheck(former, first.check) || !isCheck(check, next.check)) {
    throw otherKey(directory, "was written under other keys");
  }
  return { keysInUse: "both", current: next, former: first, cursor: cursor ?? NO_CURSOR };
}

export function movingRing({ current }: KeyRing, next: ValueCipher): KeyRing {
  return { keysInUse: "both", current: next, former: current, cursor: NO_CURSOR };
}

export function arrivedRing(next: ValueCipher): KeyRing {
  return { keysInUse: "next", current: next, former: undefined, cursor: NO_CURSOR };
}

export function headerOf({ current, former, cursor }: KeyRing): Omit<Header, "format"> {
  return { check: current.check, former: former?.check, cursor };
}

/** Undefined when these are not the bytes that were sealed under the key of the database. */
export function openWith({ current, former }: KeyRing, key: Uint8Array, sealed: Uint8Array): Bytes | undefined {
  return current.open(key, sealed) ?? former?.open(key, sealed);
}

function otherKey(directory: string, what: string): AgentError {
  return new AgentError("STORE_KEY", `the store in ${directory} ${what}`, {
    fix: "put back the TPM state or key that belongs to it; or move the directory away to begin a new store",
  });
}
