/** REPAIR: coded slots over everything that its sender holds beyond the base. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { BitReader, BitWriter } from "./bits.ts";
import {
  SLOT_BYTES,
  flawOfHoldings,
  readHoldings,
  readTag,
  writeHoldings,
  writeTag,
  type Holdings,
} from "./holdings.ts";
import { within, type MessageCodec } from "./message-codec.ts";

/** Describes itself: whoever holds a part of it takes that out, and needs only as many slots as it lacks. */
export interface Repair {
  readonly type: "repair";
  readonly holdings: Holdings;
  /** Draws the coefficients (`erasure/random-linear.ts`): slot i of this packet is combination i of this seed. */
  readonly seed: number;
  /** Packets that the sender means to send after this one, 0 … 63. */
  readonly left: number;
  /** One or more coded slots of 16 bytes, one after the other. */
  readonly coded: Uint8Array;
}

export const MAX_LEFT = 63;
const LEFT_BITS = 6;
/** Message number, base, seed. */
const HEAD_BYTES = 1 + 3 + 2;

export const repairCodec: MessageCodec<Repair> = {
  type: "repair",
  number: 3,
  write: writeRepair,
  read: readRepair,
  flaw: flawOfRepair,
};

/** Bytes of a repair before its coded slots. */
export function repairHeadBytes(holdings: Holdings): number {
  const bits = new BitWriter().bits(0, LEFT_BITS);
  writeHoldings(bits, holdings);
  return HEAD_BYTES + bits.length;
}

function writeRepair(writer: ByteWriter, { holdings, seed, left, coded }: Repair): void {
  writeTag(writer, holdings.base);
  writer.u16(seed);
  const bits = new BitWriter().bits(left, LEFT_BITS);
  writeHoldings(bits, holdings);
  bits.finish(writer);
  writer.bytes(coded);
}

function readRepair(reader: ByteReader): Repair {
  const base = readTag(reader);
  const seed = reader.u16();
  const bits = new BitReader(reader);
  const left = bits.bits(LEFT_BITS);
  const holdings = readHoldings(bits, base, () => reader.failure !== undefined);
  bits.align();
  return { type: "repair", holdings, seed, left, coded: copyBytes(reader.rest()) };
}

function flawOfRepair({ holdings, seed, left, coded }: Repair): string | undefined {
  if (!within(seed, 0, 0xffff)) return "seed not 16 bits";
  if (!within(left, 0, MAX_LEFT)) return "packets left not 0 to 63";
  if (coded.length === 0 || coded.length % SLOT_BYTES !== 0) return "coded slots not whole";
  if (holdings.rows.length + holdings.strangers.length === 0) return "slots of nothing";
  return flawOfHoldings(holdings);
}
