/**
 * How much of something fits one message: entries an update, authors a beacon, bytes a symbol.
 * @module
 */
import { equalBytes } from "../kernel/bytes.ts";
import { MAX_MESSAGE_BYTES } from "./codec.ts";
import { MAX_BEACON_AUTHORS, type Beacon } from "./beacon.ts";
import { MAX_BLOCK_BYTES } from "./coded.ts";
import { SHORT_PREFIX_BYTES } from "./get.ts";
import { AUTHOR_ID_BYTES, SIGNATURE_BYTES } from "./message-codec.ts";
import { MAX_UPDATE_ENTRIES } from "./update.ts";

/** Message number, and the byte of flags and count. */
const HEAD_BYTES = 2;
/** Message number, prefix, a stream's length in two bytes, index, symbols left. */
const CODED_HEADER_BYTES = 1 + SHORT_PREFIX_BYTES + 2 + 1 + 1;
/** A packed stream carries its check, too. */
const CHECK_BYTES = 1;

/** The largest symbol of a block that is not packed, in a whole packet: 222. */
export const MAX_SYMBOL_BYTES = MAX_MESSAGE_BYTES - CODED_HEADER_BYTES;

/**
 * How many entries, from the front of the list, fit one update; 0 when not even the first does.
 * @param first sequence number of the first entry
 * @param signed whether the update carries a signature (64 bytes)
 */
export function entriesThatFit(first: number, entries: readonly Uint8Array[], signed: boolean): number {
  let left = MAX_MESSAGE_BYTES - HEAD_BYTES - AUTHOR_ID_BYTES - varintBytes(first) - (signed ? SIGNATURE_BYTES : 0);
  let fitting = 0;
  for (const entry of entries.slice(0, MAX_UPDATE_ENTRIES)) {
    // The last needs no length; every one before it, one byte.
    left -= entry.length + (fitting > 0 ? 1 : 0);
    if (left < 0) break;
    fitting++;
  }
  return fitting;
}

/** How many authors, from the front of the vector, fit one beacon of this sender. Own log first saves 8 bytes. */
export function authorsThatFit(sender: Uint8Array, vector: Beacon["vector"]): number {
  let left = MAX_MESSAGE_BYTES - HEAD_BYTES - AUTHOR_ID_BYTES;
  let fitting = 0;
  for (const { author, count } of vector.slice(0, MAX_BEACON_AUTHORS)) {
    left -= varintBytes(count) + (fitting === 0 && equalBytes(author, sender) ? 0 : AUTHOR_ID_BYTES);
    if (left < 0) break;
    fitting++;
  }
  return fitting;
}

/** A beacon of as much of the vector, from its front, as fits; `partial` when that is not all. */
export function packBeacon(sender: Uint8Array, vector: Beacon["vector"]): Beacon {
  const fitting = authorsThatFit(sender, vector);
  return { type: "beacon", sender, partial: fitting < vector.length, vector: vector.slice(0, fitting) };
}

export interface SymbolRoom {
  /** Bytes of the longest message, 137 … 231; 231 when left out. */
  readonly maxMessageBytes?: number;
  readonly packed?: boolean;
}

/**
 * The symbol length for a stream: the fewest symbols that fit the radio's packets, all about equally long.
 * @param streamBytes 1 … 16,384
 * @throws RangeError outside of that: a fault of ours
 */
export function symbolBytesFor(streamBytes: number, room: SymbolRoom = {}): number {
  if (!Number.isInteger(streamBytes) || streamBytes < 1 || streamBytes > MAX_BLOCK_BYTES) {
    throw new RangeError("a block has 1 to 16384 bytes");
  }
  const header = CODED_HEADER_BYTES + (room.packed === true ? CHECK_BYTES : 0);
  const most = (room.maxMessageBytes ?? MAX_MESSAGE_BYTES) - header;
  return Math.ceil(streamBytes / Math.ceil(streamBytes / most));
}

/** Length of a varint, 1 … 5. @param value 0 … 2^32 − 1 */
function varintBytes(value: number): number {
  let bytes = 1;
  for (let left = value; left >= 0x80; left = Math.floor(left / 0x80)) bytes++;
  return bytes;
}
