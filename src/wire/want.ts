/** WANT: asks for more coded slots. @module */
import type { ByteReader, ByteWriter } from "../kernel/bytes.ts";
import { within, type MessageCodec } from "./message-codec.ts";

/** Names a count and no list: every new slot is as good as another. */
export interface Want {
  readonly type: "want";
  /** What is asked about: the seed of a REPAIR, or two bytes that both sides reckon of a BEACON or an UPDATE. */
  readonly re: number;
  /** Slots, 1 … 1,023. */
  readonly slots: number;
  /** How often it was asked in vain, 0 … 63: from 2 on others SHOULD answer, too. */
  readonly tries: number;
}

export const MAX_WANT_SLOTS = 1_023;
export const MAX_WANT_TRIES = 63;

export const wantCodec: MessageCodec<Want> = {
  type: "want",
  number: 4,
  write: writeWant,
  read: readWant,
  flaw: flawOfWant,
};

function writeWant(writer: ByteWriter, { re, slots, tries }: Want): void {
  writer.u16(re).u16(slots * 64 + tries);
}

function readWant(reader: ByteReader): Want {
  const re = reader.u16();
  const both = reader.u16();
  return { type: "want", re, slots: both >>> 6, tries: both & 63 };
}

function flawOfWant({ re, slots, tries }: Want): string | undefined {
  if (!within(re, 0, 0xffff)) return "reference not 16 bits";
  if (!within(slots, 1, MAX_WANT_SLOTS)) return "slots not 1 to 1023";
  return within(tries, 0, MAX_WANT_TRIES) ? undefined : "tries not 0 to 63";
}
