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

export interface Store extends AsyncDisposable {
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
