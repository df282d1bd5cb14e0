/** PULL: asks for what one lacks, author by author; for newcomers, the long absent, and where a count would not tell. @module */
import { type ByteReader, type ByteWriter, copyBytes, toHex } from "../kernel/bytes.ts";
import { SHORT_ID_BYTES, readTag, writeTag } from "./holdings.ts";
import { MAX_SEQUENCE, within, type MessageCodec } from "./message-codec.ts";

export interface Pull {
  readonly type: "pull";
  /** How often it was asked in vain, 0 … 15. */
  readonly tries: number;
  /** Tags of bases that the asker knows and holds all of, the newest first; up to 4. */
  readonly bases: readonly number[];
  /** True: asks for these authors only. False: for all; of others the asker holds what the bases say, or nothing. */
  readonly partial: boolean;
  /** By the first 4 bytes of the author's id, in their order; `count` entries are held, 0 for none. */
  readonly vector: readonly { readonly author: Uint8Array; readonly count: number }[];
}

export const MAX_PULL_BASES = 4;
export const MAX_PULL_AUTHORS = 44;
export const MAX_PULL_TRIES = 15;
const PARTIAL = 0x80;

export const pullCodec: MessageCodec<Pull> = {
  type: "pull",
  number: 5,
  write: writePull,
  read: readPull,
  flaw: flawOfPull,
};

function writePull(writer: ByteWriter, { tries, bases, partial, vector }: Pull): void {
  writer.u8((partial ? PARTIAL : 0) | (bases.length << 4) | tries);
  for (const tag of bases) writeTag(writer, tag);
  for (const { author, count } of vector) writer.bytes(author).varint(count);
}

function readPull(reader: ByteReader): Pull {
  const head = reader.u8();
  const bases = Array.from({ length: (head >> 4) & 7 }, () => readTag(reader));
  const vector: { author: Uint8Array; count: number }[] = [];
  while (reader.remaining > 0 && reader.failure === undefined && vector.length <= MAX_PULL_AUTHORS) {
    const author = copyBytes(reader.take(SHORT_ID_BYTES));
    vector.push({ author, count: reader.varint() });
  }
  return { type: "pull", tries: head & 15, bases, partial: (head & PARTIAL) !== 0, vector };
}

function flawOfPull({ tries, bases, vector }: Pull): string | undefined {
  if (!within(tries, 0, MAX_PULL_TRIES)) return "tries not 0 to 15";
  if (bases.length > MAX_PULL_BASES) return "too many bases";
  if (!bases.every((tag) => within(tag, 1, 0xff_ffff))) return "base not 24 bits";
  if (vector.length > MAX_PULL_AUTHORS) return "too many authors";
  let before = "";
  for (const { author, count } of vector) {
    if (author.length !== SHORT_ID_BYTES) return "author id not 4 bytes";
    if (before >= toHex(author)) return "authors not in order";
    if (!within(count, 0, MAX_SEQUENCE)) return "count out of range";
    before = toHex(author);
  }
  return undefined;
}
