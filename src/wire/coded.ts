/** CODED: a symbol of a block. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { SHORT_PREFIX_BYTES } from "./get.ts";
import { within, type MessageCodec } from "./message-codec.ts";

/**
 * One symbol of a block under the Cauchy code. Describes itself: an overhearer can use it.
 *
 * What is coded is the block, or its packed form where that is shorter.
 */
export interface Coded {
  readonly type: "coded";
  /** First 4 bytes of the block's SHA-256. */
  readonly prefix: Uint8Array;
  /** Length of what is coded, 1 … 16,384. */
  readonly streamBytes: number;
  /** First byte of the SHA-256 of the packed form, so that symbols of two packings never mix; undefined: not packed. */
  readonly check: number | undefined;
  /** 0 … k − 1 the stream's own pieces in order (the last padded with zeros), from k on parity; below 256. */
  readonly index: number;
  /** Symbols that its sender is about to send after this one, 0 … 255. */
  readonly left: number;
  /** k = ceil(streamBytes / symbol.length) is at most 128. */
  readonly symbol: Uint8Array;
}

export const MAX_BLOCK_BYTES = 16_384;
export const MAX_SOURCE_SYMBOLS = 128;
/** In the 16 bits of the length. */
const PACKED = 0x8000;
const UNUSED = 0x4000;

export const codedCodec: MessageCodec<Coded> = {
  type: "coded",
  number: 7,
  write: writeCoded,
  read: readCoded,
  flaw: flawOfCoded,
};

function writeCoded(writer: ByteWriter, { prefix, streamBytes, check, index, left, symbol }: Coded): void {
  // Less one, so that the longest stream fits 14 bits.
  writer.bytes(prefix).u16((streamBytes - 1) | (check === undefined ? 0 : PACKED));
  if (check !== undefined) writer.u8(check);
  writer.u8(index).u8(left).bytes(symbol);
}

function readCoded(reader: ByteReader): Coded {
  const prefix = copyBytes(reader.take(SHORT_PREFIX_BYTES));
  const length = reader.u16();
  if ((length & UNUSED) !== 0) reader.fail("unused bit of a length is set");
  const check = (length & PACKED) === 0 ? undefined : reader.u8();
  const [index, left] = [reader.u8(), reader.u8()];
  const symbol = copyBytes(reader.rest());
  return { type: "coded", prefix, streamBytes: (length & (UNUSED - 1)) + 1, check, index, left, symbol };
}

/**
 * Any symbol length is taken whose k fits the code, not only the one that `symbolBytesFor` gives: a sender on a radio
 * with smaller packets cuts smaller. But a symbol that is longer than its block would only carry zeros.
 */
function flawOfCoded({ prefix, streamBytes, check, index, left, symbol }: Coded): string | undefined {
  if (prefix.length !== SHORT_PREFIX_BYTES) return "prefix not 4 bytes";
  if (!within(streamBytes, 1, MAX_BLOCK_BYTES)) return "stream not 1 to 16384 bytes";
  if (check !== undefined && !within(check, 0, 255)) return "check not 0 to 255";
  if (!within(index, 0, 255)) return "index not 0 to 255";
  if (!within(left, 0, 255)) return "symbols left not 0 to 255";
  if (symbol.length < 1) return "empty symbol";
  if (symbol.length > streamBytes) return "symbol longer than its block";
  return Math.ceil(streamBytes / symbol.length) <= MAX_SOURCE_SYMBOLS ? undefined : "more than 128 source symbols";
}
