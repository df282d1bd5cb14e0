/** UPDATE: entries of a log. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import {
  AUTHOR_ID_BYTES,
  SIGNATURE_BYTES,
  flawOfRange,
  within,
  type AuthorId,
  type MessageCodec,
} from "./message-codec.ts";

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

export const MAX_UPDATE_ENTRIES = 32;
export const MAX_ENTRY_BYTES = 200;

const SIGNED = 0x80;
const ENTRIES_MASK = 0x1f;

export const updateCodec: MessageCodec<Update> = {
  type: "update",
  number: 2,
  write: writeUpdate,
  read: readUpdate,
  flaw: flawOfUpdate,
};

function writeUpdate(writer: ByteWriter, { author, first, entries, signature }: Update): void {
  writer.u8((signature === undefined ? 0 : SIGNED) | (entries.length - 1));
  writer.bytes(author).varint(first);
  // The last entry ends where the message (or its signature) does: it needs no length.
  for (const [i, entry] of entries.entries()) {
    if (i < entries.length - 1) writer.u8(entry.length);
    writer.bytes(entry);
  }
  if (signature !== undefined) writer.bytes(signature);
}

function readUpdate(reader: ByteReader): Update {
  const head = reader.u8();
  if ((head & ~(SIGNED | ENTRIES_MASK)) !== 0) reader.fail("unknown flag");
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  const first = reader.varint();
  const last = head & ENTRIES_MASK;
  const signatureBytes = (head & SIGNED) === 0 ? 0 : SIGNATURE_BYTES;
  const entries: Uint8Array[] = [];
  for (let i = 0; i <= last && reader.failure === undefined; i++) {
    const length = i < last ? reader.u8() : reader.remaining - signatureBytes;
    if (length < 1) reader.fail("empty entry");
    else entries.push(copyBytes(reader.take(length)));
  }
  const signature = signatureBytes === 0 ? undefined : copyBytes(reader.take(signatureBytes));
  return { type: "update", author, first, entries, signature };
}

function flawOfUpdate({ author, first, entries, signature }: Update): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (!within(entries.length, 1, MAX_UPDATE_ENTRIES)) return "entries not 1 to 32";
  if (!entries.every((entry) => within(entry.length, 1, MAX_ENTRY_BYTES))) return "entry not 1 to 200 bytes";
  if (signature !== undefined && signature.length !== SIGNATURE_BYTES) return "signature not 64 bytes";
  return flawOfRange(first, entries.length);
}
