/** SEALED: any other message under a private village's group key. What is inside is told by `exchange/sealed.ts`. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { within, type MessageCodec } from "./message-codec.ts";

export interface Sealed {
  readonly type: "sealed";
  /** Which of the village's keys, by the lower two bits of its number: 0 … 3. */
  readonly slot: number;
  /** Never the same twice from one radio, 1 … 2^30 − 1. */
  readonly counter: number;
  /** The message, encrypted, and behind it the tag: 9 … 226 bytes. */
  readonly box: Uint8Array;
}

export const SLOTS = 4;
export const MAX_COUNTER = 2 ** 30 - 1;
export const TAG_BYTES = 8;
/** What sealing adds to a message: first byte, slot and counter, tag. */
export const SEALED_OVERHEAD_BYTES = 1 + 4 + TAG_BYTES;
const MAX_BOX_BYTES = 226;

export const sealedCodec: MessageCodec<Sealed> = {
  type: "sealed",
  number: 13,
  write: writeSealed,
  read: readSealed,
  flaw: flawOfSealed,
};

function writeSealed(writer: ByteWriter, { slot, counter, box }: Sealed): void {
  writer.u32(slot * (MAX_COUNTER + 1) + counter).bytes(box);
}

function readSealed(reader: ByteReader): Sealed {
  const head = reader.u32();
  const counter = head % (MAX_COUNTER + 1);
  return { type: "sealed", slot: (head - counter) / (MAX_COUNTER + 1), counter, box: copyBytes(reader.rest()) };
}

function flawOfSealed({ slot, counter, box }: Sealed): string | undefined {
  if (!within(slot, 0, SLOTS - 1)) return "slot not 0 to 3";
  if (!within(counter, 1, MAX_COUNTER)) return "counter out of range";
  return within(box.length, TAG_BYTES + 1, MAX_BOX_BYTES) ? undefined : "box not 9 to 226 bytes";
}
