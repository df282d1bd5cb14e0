/**
 * How much of something fits one message: bytes a symbol.
 * @module
 */
import { MAX_MESSAGE_BYTES } from "./codec.ts";
import { MAX_BLOCK_BYTES } from "./coded.ts";
import { SHORT_PREFIX_BYTES } from "./get.ts";

/** Message number, prefix, a stream's length in two bytes, index, symbols left. */
const CODED_HEADER_BYTES = 1 + SHORT_PREFIX_BYTES + 2 + 1 + 1;
/** A packed stream carries its check, too. */
const CHECK_BYTES = 1;

/** The largest symbol of a block that is not packed, in a whole packet: 222. */
export const MAX_SYMBOL_BYTES = MAX_MESSAGE_BYTES - CODED_HEADER_BYTES;

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
