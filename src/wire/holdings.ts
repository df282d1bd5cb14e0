/**
 * What a node holds beyond a base: a part of BEACON and REPAIR.
 *
 * A base is a vector (entries by author) that many nodes remember, named by a tag of 3 bytes. Against it every author of
 * the base has a number, its place in the order of the ids, and a count from which on entries are new. Authors that are
 * not of the base are named by the beginning of their ids.
 *
 * Bits: gamma(rows + 1), for each row in the order of its numbers: gamma(number − the last one; number + 1 for the first),
 * gamma(delta), gamma(1 + zigzag(slots − predicted)); gamma(strangers + 1), for each in the order of its ids: 1 bit that is
 * set for an id of 8 bytes, id, gamma(from + 1), gamma(delta), gamma(1 + zigzag(slots − predicted)).
 * @module
 */
import { toHex, type ByteReader, type ByteWriter } from "../kernel/bytes.ts";
import { type BitReader, type BitWriter, unzigzag, zigzag } from "./bits.ts";
import { MAX_SEQUENCE, SIGNATURE_BYTES, within } from "./message-codec.ts";

/** A stream is cut into slots of as many bytes. */
export const SLOT_BYTES = 16;
/** What an entry takes in a stream, on average: it makes the slots predictable. */
const TYPICAL_ENTRY_BYTES = 25;
export const MAX_ROWS = 512;
export const MAX_STRANGERS = 40;
export const MAX_DELTA = 65_535;
/** Slots of one stream. */
export const MAX_STREAM_SLOTS = 4_096;
export const SHORT_ID_BYTES = 4;
export const LONG_ID_BYTES = 8;

/** New entries of an author of the base. */
export interface Row {
  /** Place of the author in the base, from 0. */
  readonly number: number;
  /** Entries beyond the base's count, 1 … 65,535. */
  readonly delta: number;
  /** Of the stream that these entries make, 1 … 4,096. */
  readonly slots: number;
}

/** Entries of an author that the base does not know. */
export interface Stranger {
  /** The first 4 bytes of its id; all 8 when the sender knows two that begin alike. */
  readonly author: Uint8Array;
  /** Entries that come before the stream's. */
  readonly from: number;
  readonly delta: number;
  readonly slots: number;
}

export interface Holdings {
  /** Tag of the base, 0 … 2^24 − 1; 0 is the vector of nothing. */
  readonly base: number;
  /** True when not all that the sender holds fitted. */
  readonly partial: boolean;
  readonly rows: readonly Row[];
  readonly strangers: readonly Stranger[];
}

/** Slots that a stream of so many entries most likely has. */
export function predictedSlots(delta: number): number {
  return Math.min(MAX_STREAM_SLOTS, Math.ceil((SIGNATURE_BYTES + delta * TYPICAL_ENTRY_BYTES) / SLOT_BYTES));
}

export function writeHoldings(bits: BitWriter, { partial, rows, strangers }: Holdings): void {
  bits.bits(partial ? 1 : 0, 1).gamma(rows.length + 1);
  let last = -1;
  for (const row of rows) {
    bits.gamma(row.number - last);
    writeStream(bits, row);
    last = row.number;
  }
  bits.gamma(strangers.length + 1);
  for (const stranger of strangers) {
    bits.bits(stranger.author.length === LONG_ID_BYTES ? 1 : 0, 1);
    for (const byte of stranger.author) bits.bits(byte, 8);
    bits.gamma(stranger.from + 1);
    writeStream(bits, stranger);
  }
}

function writeStream(bits: BitWriter, { delta, slots }: { readonly delta: number; readonly slots: number }): void {
  bits.gamma(delta).gamma(1 + zigzag(slots - predictedSlots(delta)));
}

/** @param failed whether the reading has come to nothing: ends the loops */
export function readHoldings(bits: BitReader, base: number, failed: () => boolean): Holdings {
  const partial = bits.bits(1) === 1;
  const rows: Row[] = [];
  let number = -1;
  for (let left = bits.gamma() - 1; left > 0 && rows.length <= MAX_ROWS && !failed(); left--) {
    number += bits.gamma();
    rows.push({ number, ...readStream(bits) });
  }
  const strangers: Stranger[] = [];
  for (let left = bits.gamma() - 1; left > 0 && strangers.length <= MAX_STRANGERS && !failed(); left--) {
    const author = new Uint8Array(bits.bits(1) === 1 ? LONG_ID_BYTES : SHORT_ID_BYTES);
    for (let i = 0; i < author.length; i++) author[i] = bits.bits(8);
    const from = bits.gamma() - 1;
    strangers.push({ author, from, ...readStream(bits) });
  }
  return { base, partial, rows, strangers };
}

function readStream(bits: BitReader): { readonly delta: number; readonly slots: number } {
  const delta = bits.gamma();
  return { delta, slots: predictedSlots(delta) + unzigzag(bits.gamma() - 1) };
}

export function flawOfHoldings({ base, rows, strangers }: Holdings): string | undefined {
  if (!within(base, 0, 0xff_ffff)) return "base not 24 bits";
  if (rows.length > MAX_ROWS || strangers.length > MAX_STRANGERS) return "too many authors";
  let last = -1;
  for (const row of rows) {
    if (!within(row.number, last + 1, 0xffff)) return "author number out of range";
    if (!isStream(row)) return "stream out of range";
    last = row.number;
  }
  return flawOfStrangers(strangers);
}

function flawOfStrangers(strangers: readonly Stranger[]): string | undefined {
  let before = "";
  for (const { author, from, delta, slots } of strangers) {
    if (author.length !== SHORT_ID_BYTES && author.length !== LONG_ID_BYTES) return "author id not 4 or 8 bytes";
    if (before >= toHex(author)) return "authors not in order";
    if (!isStream({ delta, slots })) return "stream out of range";
    if (!within(from, 0, MAX_SEQUENCE - delta)) return "sequence out of range";
    before = toHex(author);
  }
  return undefined;
}

function isStream({ delta, slots }: { readonly delta: number; readonly slots: number }): boolean {
  return within(delta, 1, MAX_DELTA) && within(slots, 1, MAX_STREAM_SLOTS);
}

export function writeTag(writer: ByteWriter, tag: number): void {
  writer.u8(tag >>> 16).u16(tag & 0xffff);
}

export function readTag(reader: ByteReader): number {
  const high = reader.u8();
  return high * 0x1_0000 + reader.u16();
}
