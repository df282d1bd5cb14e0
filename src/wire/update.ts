/** UPDATE: an author's new entries, as a piece of the stream that they make. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { MAX_DELTA, MAX_STREAM_SLOTS, SHORT_ID_BYTES, SLOT_BYTES } from "./holdings.ts";
import { MAX_SEQUENCE, within, type MessageCodec } from "./message-codec.ts";

/** Slots of one stream in a row, not coded; mostly the whole stream. */
export interface Update {
  readonly type: "update";
  /** The first 4 bytes of the author's id. */
  readonly author: Uint8Array;
  /** Entries before those of the stream. */
  readonly from: number;
  /** Entries of the stream, 1 … 65,535. */
  readonly delta: number;
  /** Authors beside this one of whom the sender has news, 0 … 255 or more: it tells others how well placed they are. */
  readonly known: number;
  /** Slots of the whole stream, 1 … 4,096. */
  readonly slots: number;
  /** The first slot that it brings, from 0. */
  readonly slot: number;
  /** To the end of the stream (whose last slot is not filled up), or as many whole slots as fit. */
  readonly bytes: Uint8Array;
}

export const updateCodec: MessageCodec<Update> = {
  type: "update",
  number: 2,
  write: writeUpdate,
  read: readUpdate,
  flaw: flawOfUpdate,
};

/** A stream that fits one packet needs no numbers of slots; of others a piece says how many slots there are, and its first. */
function writeUpdate(writer: ByteWriter, { author, from, delta, known, slots, slot, bytes }: Update): void {
  writer.bytes(author).varint(from).varint(delta).u8(known);
  if (isWhole({ slots, slot, bytes })) writer.varint(0);
  else writer.varint(slots).varint(slot);
  writer.bytes(bytes);
}

function readUpdate(reader: ByteReader): Update {
  const author = copyBytes(reader.take(SHORT_ID_BYTES));
  const from = reader.varint();
  const delta = reader.varint();
  const known = reader.u8();
  const said = reader.varint();
  const slot = said === 0 ? 0 : reader.varint();
  const bytes = copyBytes(reader.rest());
  const slots = said === 0 ? slotsIn(bytes) : said;
  if (said !== 0 && isWhole({ slots, slot, bytes })) reader.fail("whole stream as a piece");
  return { type: "update", author, from, delta, known, slots, slot, bytes };
}

function flawOfUpdate({ author, from, delta, known, slots, slot, bytes }: Update): string | undefined {
  if (author.length !== SHORT_ID_BYTES) return "author id not 4 bytes";
  if (!within(delta, 1, MAX_DELTA)) return "entries not 1 to 65535";
  if (!within(from, 0, MAX_SEQUENCE - delta)) return "sequence out of range";
  if (!within(known, 0, 255)) return "known authors not 0 to 255";
  if (bytes.length === 0) return "empty piece";
  if (!within(slots, 1, MAX_STREAM_SLOTS)) return "slots out of range";
  if (!within(slot, 0, slots - slotsIn(bytes))) return "piece beyond the stream";
  return slot + slotsIn(bytes) < slots && bytes.length % SLOT_BYTES !== 0 ? "slots not whole" : undefined;
}

function isWhole({ slots, slot, bytes }: Pick<Update, "slots" | "slot" | "bytes">): boolean {
  return slot === 0 && slots === slotsIn(bytes);
}

function slotsIn(bytes: Uint8Array): number {
  return Math.ceil(bytes.length / SLOT_BYTES);
}
