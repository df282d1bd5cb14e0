/**
 * The messages of the radio protocol, version 1, as values. Byte layouts: `docs/protocol.md`; codecs beside this file.
 * @module
 */

/** First 8 bytes of SHA-256 of the author's Ed25519 public key. */
export type AuthorId = Uint8Array;

/** What its sender holds of each author's index log. Says which neighbour lacks what. */
export interface Beacon {
  readonly type: "beacon";
  readonly sender: AuthorId;
  /** True when the vector did not fit: an author that is not named is then not one that the sender lacks. */
  readonly partial: boolean;
  /** At most {@link MAX_BEACON_AUTHORS}; `count` entries are held, from sequence 1, without a gap. */
  readonly vector: readonly { readonly author: AuthorId; readonly count: number }[];
}

/** Entries of one log in a row, and where the sender has it, the author's signature over the head after the last. */
export interface Update {
  readonly type: "update";
  readonly author: AuthorId;
  /** Sequence number of the first entry, from 1. */
  readonly first: number;
  /** Encoded entries (`dag/entry.ts`), 1 to 32, each 1 … 200 bytes. */
  readonly entries: readonly Uint8Array[];
  readonly signature: Uint8Array | undefined;
}

/** Asks for `count` (1 … 255) entries of a log, from sequence `first` on. */
export interface Want {
  readonly type: "want";
  readonly author: AuthorId;
  readonly first: number;
  readonly count: number;
}

/** Asks for `symbols` more coded symbols of a block (1 … 255; 0 when its size is not known yet: as many as it takes). */
export interface Get {
  readonly type: "get";
  /** First 8 bytes of the block's SHA-256. */
  readonly prefix: Uint8Array;
  readonly symbols: number;
}

/** One symbol of a block under the Cauchy code. Describes itself: an overhearer can use it. */
export interface Coded {
  readonly type: "coded";
  readonly prefix: Uint8Array;
  /** Length of the whole block, 1 … 16,384. */
  readonly blockBytes: number;
  /** 0 … k − 1 the block's own pieces in order (the last padded with zeros), from k on parity; below 256. */
  readonly index: number;
  /** k = ceil(blockBytes / symbol.length) is at most 128. */
  readonly symbol: Uint8Array;
}

export type Message = Beacon | Update | Want | Get | Coded;

export const AUTHOR_ID_BYTES = 8;
export const PREFIX_BYTES = 8;
export const SIGNATURE_BYTES = 64;
export const MAX_BEACON_AUTHORS = 24;
export const MAX_UPDATE_ENTRIES = 32;
export const MAX_ENTRY_BYTES = 200;
export const MAX_BLOCK_BYTES = 16_384;
export const MAX_SOURCE_SYMBOLS = 128;
