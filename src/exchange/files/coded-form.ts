/**
 * What of a block is coded: its own bytes, or its packed form where that saves air.
 * @module
 */
import { pack } from "../../codec/pack.ts";
import { sha256 } from "../../dag/cid.ts";
import { symbolBytesFor } from "../../wire/packing.ts";
import type { Cut } from "./symbols.ts";

export interface CodedForm extends Cut {
  readonly stream: Uint8Array;
  /** Symbols that a decoding needs. */
  readonly k: number;
}

/** What a symbol costs besides its bytes, in bytes: the radio's header and preamble, and ours. */
const OVERHEAD_BYTES = 48;
/** A packed form is taken only when it saves so much of the air: unpacking costs the receivers something, too. */
const WORTH = 0.95;

/** @param block 1 … 16,384 bytes. Takes some ms for each KB. */
export function codedForm(block: Uint8Array, maxMessageBytes: number): CodedForm {
  const raw = formOf(block, undefined, maxMessageBytes);
  const packed = pack(block);
  if (packed.length >= block.length) return raw;
  const small = formOf(packed, sha256(packed)[0] ?? 0, maxMessageBytes);
  return costOf(small) <= WORTH * costOf(raw) ? small : raw;
}

function formOf(stream: Uint8Array, check: number | undefined, maxMessageBytes: number): CodedForm {
  const symbolBytes = symbolBytesFor(stream.length, { maxMessageBytes, packed: check !== undefined });
  return { stream, streamBytes: stream.length, check, symbolBytes, k: Math.ceil(stream.length / symbolBytes) };
}

function costOf({ k, symbolBytes }: CodedForm): number {
  return k * (symbolBytes + OVERHEAD_BYTES);
}
