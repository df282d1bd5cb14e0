/** GET: asks for a block. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { PREFIX_BYTES, within, type MessageCodec } from "./message-codec.ts";

/** Asks for `symbols` more coded symbols of a block (1 … 255; 0 when its size is not known yet: as many as it takes). */
export interface Get {
  readonly type: "get";
  /** First 8 bytes of the block's SHA-256. */
  readonly prefix: Uint8Array;
  readonly symbols: number;
}

export const getCodec: MessageCodec<Get> = { type: "get", number: 6, write: writeGet, read: readGet, flaw: flawOfGet };

function writeGet(writer: ByteWriter, { prefix, symbols }: Get): void {
  writer.bytes(prefix).u8(symbols);
}

function readGet(reader: ByteReader): Get {
  return { type: "get", prefix: copyBytes(reader.take(PREFIX_BYTES)), symbols: reader.u8() };
}

function flawOfGet({ prefix, symbols }: Get): string | undefined {
  if (prefix.length !== PREFIX_BYTES) return "prefix not 8 bytes";
  return within(symbols, 0, 255) ? undefined : "symbols not 0 to 255";
}
