/** WANT: asks for entries. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { AUTHOR_ID_BYTES, flawOfRange, within, type AuthorId, type MessageCodec } from "./message-codec.ts";

/** Asks for `count` (1 … 255) entries of a log, from sequence `first` on. */
export interface Want {
  readonly type: "want";
  readonly author: AuthorId;
  readonly first: number;
  readonly count: number;
}

export const wantCodec: MessageCodec<Want> = {
  type: "want",
  number: 4,
  write: writeWant,
  read: readWant,
  flaw: flawOfWant,
};

function writeWant(writer: ByteWriter, { author, first, count }: Want): void {
  writer.bytes(author).varint(first).u8(count);
}

function readWant(reader: ByteReader): Want {
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  return { type: "want", author, first: reader.varint(), count: reader.u8() };
}

function flawOfWant({ author, first, count }: Want): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author id not 8 bytes";
  if (!within(count, 1, 255)) return "count not 1 to 255";
  return flawOfRange(first, count);
}
