/**
 * An ordered store of small values that belongs to one process.
 *
 * Values are encrypted at rest and authenticated with their key: what comes back is what was written under that key,
 * or an error. An older value of the same key can't be told from the newest: whoever cares links or counts.
 * @module
 */

/** `value: undefined` deletes. */
export interface Change {
  readonly key: Uint8Array;
  readonly value: Uint8Array | undefined;
}

export interface Range {
  /** First key, inclusive. */
  readonly from: Uint8Array;
  /** End, exclusive. */
  readonly until: Uint8Array;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** Which of the two keys that a store was opened with its values are under. */
export type KeysInUse = "first" | "both" | "next";

/** A change of the key that the values are under, while the store serves. Power may fail at any moment of it. */
export interface Rekeying {
  keysInUse(): KeysInUse;
  /**
   * From when it resolves on, new values are under the next key, and the store opens with both keys only.
   * @param next 32 bytes; not kept: the caller may wipe it
   * @throws AgentError "STORE_REKEYING" when another change is under way, and as `write`; whether it has begun shows
   *   at the next opening then
   */
  begin(next: Uint8Array): Promise<void>;
  /** Moves the next few values to the new key; at the end of all, and of a second look, gives up the former one. */
  step(): Promise<RekeyStep>;
}

export interface RekeyStep {
  /** Values that this step looked at, and how many of them it moved. */
  readonly looked: number;
  readonly moved: number;
  /** True when no value is under the former key any more, and the store opens without it. */
  readonly done: boolean;
}

export interface Store extends AsyncDisposable {
  /** Undefined where values are not encrypted at rest. */
  readonly rekeying?: Rekeying;
  /**
   * The value, or undefined when there is none.
   * @throws AgentError "STORE_CORRUPT" when the value fails authentication; "STORE_IO" when the disk fails
   */
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  has(key: Uint8Array): Promise<boolean>;
  /**
   * All of the changes or none; resolves once they are on disk (fsync). Calls that come together share one sync.
   * @throws AgentError "DISK_FULL", "STORE_IO", "STORE_CLOSED"
   */
  write(changes: readonly Change[]): Promise<void>;
  /** In key order. Corrupt values throw as in `get`. */
  entries(range: Range): AsyncIterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  keys(range: Range): AsyncIterable<Uint8Array>;
}
