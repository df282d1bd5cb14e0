/** CODED: a symbol of a block. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { PREFIX_BYTES, within, type MessageCodec } from "./message-codec.ts";

/** One symbol of a block under the Cauchy code. Describes itself: an overhearer can use it. */
export interface Coded {
  readonly type: "coded";
  readonly prefix: Uint8Array;
  /** Length of the whole block, 1 … 16,384. */
  readonly blockBytes: number;
  /** 0 … k − 1 the block's own pieces in order (the last padded with zeros), from k on parity; below 256. */
  readonly index: number;
  /** k = ceil(blockBytes / symbol.length) is at most 128. */
  readonly symbol: Uint8Array;
}

export const MAX_BLOCK_BYTES = 16_384;
export const MAX_SOURCE_SYMBOLS = 128;

export const codedCodec: MessageCodec<Coded> = {
  type: "coded",
  number: 7,
  write: writeCoded,
  read: readCoded,
  flaw: flawOfCoded,
};

function writeCoded(writer: ByteWriter, { prefix, blockBytes, index, symbol }: Coded): void {
  // Less one, so that the largest block takes two bytes and not three.
  writer
    .bytes(prefix)
    .varint(blockBytes - 1)
    .u8(index)
    .bytes(symbol);
}

function readCoded(reader: ByteReader): Coded {
  const prefix = copyBytes(reader.take(PREFIX_BYTES));
  const blockBytes = reader.varint() + 1;
  return { type: "coded", prefix, blockBytes, index: reader.u8(), symbol: copyBytes(reader.rest()) };
}

/**
 * Any symbol length is taken whose k fits the code, not only the one that `symbolBytesFor` gives: a sender on a radio
 * with smaller packets cuts smaller. But a symbol that is longer than its block would only carry zeros.
 */
function flawOfCoded({ prefix, blockBytes, index, symbol }: Coded): string | undefined {
  if (prefix.length !== PREFIX_BYTES) return "prefix not 8 bytes";
  if (!within(blockBytes, 1, MAX_BLOCK_BYTES)) return "block not 1 to 16384 bytes";
  if (!within(index, 0, 255)) return "index not 0 to 255";
  if (symbol.length < 1) return "empty symbol";
  if (symbol.length > blockBytes) return "symbol longer than its block";
  return Math.ceil(blockBytes / symbol.length) <= MAX_SOURCE_SYMBOLS ? undefined : "more than 128 source symbols";
}
