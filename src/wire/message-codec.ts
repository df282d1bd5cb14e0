/**
 * What the codec of one kind of message gives: its number, its layout both ways, and the rules that its values keep.
 * @module
 */
import type { ByteReader, ByteWriter } from "../kernel/bytes.ts";

export interface MessageCodec<M extends { readonly type: string }> {
  readonly type: M["type"];
  /** The lower four bits of the first byte, 1 … 15; the registry is in `docs/protocol.md`. */
  readonly number: number;
  /** All that follows the first byte. */
  readonly write: (writer: ByteWriter, message: M) => void;
  /** Failures are the reader's. What the message keeps is copied: it must not pin the packet's buffer. */
  readonly read: (reader: ByteReader) => M;
  /** Why a value is not such a message, as a short constant phrase; undefined when it is. Asked both ways. */
  readonly flaw: (message: M) => string | undefined;
}

export function within(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high;
}

/** The largest sequence number and the largest count of a log. */
export const MAX_SEQUENCE = 0xffff_ffff;
export const AUTHOR_ID_BYTES = 8;
export const SIGNATURE_BYTES = 64;

/** First 8 bytes of SHA-256 of the author's Ed25519 public key. */
export type AuthorId = Uint8Array;
