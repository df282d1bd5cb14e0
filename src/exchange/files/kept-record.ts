/**
 * A transfer as it lies on disk: what is fetched, and the symbols of the block under way.
 *
 * version 1 · flags · codec · prefix 16 · digest of the CID 0 or 32 · bytes 4 · author 0 or 8 · name · block: codec, digest ·
 * cut: stream 2, check 0 or 1, symbol bytes 1 · n 2 · n × (index 1, radio 4, symbol). What may be absent stands behind
 * a length of one byte.
 * @module
 */
import { type BlockRef, FILE_PREFIX_BYTES } from "../../dag/block-ref.ts";
import { cidFromDigest, digestOf, type Codec } from "../../dag/cid.ts";
import { ByteReader, ByteWriter, type Bytes, copyBytes, fromUtf8, toHex, fromHex, utf8 } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import type { Cut, Piece } from "./symbols.ts";
import type { TransferTarget } from "./transfer.ts";

export interface KeptRecord {
  readonly target: TransferTarget;
  /** False once it was given up: kept for whoever asks again. */
  readonly active: boolean;
  readonly block: BlockRef;
  /** Undefined before the first symbol. */
  readonly symbols: { readonly cut: Cut; readonly pieces: readonly Piece[] } | undefined;
}

const VERSION = 1;
const ACTIVE = 1;
const CODECS: readonly Codec[] = ["raw", "dag-cbor"];
const DIGEST_BYTES = 32;

export function encodeKept({ target, active, block, symbols }: KeptRecord): Bytes {
  const writer = new ByteWriter().u8(VERSION).u8(active ? ACTIVE : 0);
  writer.u8(CODECS.indexOf(target.codec)).bytes(target.prefix);
  short(writer, target.cid === undefined ? undefined : digestOf(target.cid));
  writer.u32(target.bytes);
  short(writer, target.author === undefined ? undefined : fromHex(target.author));
  short(writer, utf8(target.name));
  writer.u8(CODECS.indexOf(block.codec));
  short(writer, block.digest);
  if (symbols === undefined) return writer.u16(0).finish();
  const { cut, pieces } = symbols;
  writer.u16(cut.streamBytes);
  short(writer, cut.check === undefined ? undefined : Uint8Array.of(cut.check));
  writer.u8(cut.symbolBytes).u16(pieces.length);
  for (const { index, from, symbol } of pieces) writer.u8(index).u32(from).bytes(symbol);
  return writer.finish();
}

export function decodeKept(bytes: Uint8Array): Decoded<KeptRecord> {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) return refused("record of another version");
  const active = (reader.u8() & ACTIVE) !== 0;
  const target = readTarget(reader);
  const codec = CODECS[reader.u8()] ?? "raw";
  const block = { codec, digest: readShort(reader) };
  const symbols = readSymbols(reader);
  const flaw = reader.done();
  if (flaw !== undefined) return refused(flaw);
  if (block.digest.length < FILE_PREFIX_BYTES || block.digest.length > DIGEST_BYTES)
    return refused("block without a name");
  return decoded({ target, active, block, symbols });
}

function readTarget(reader: ByteReader): TransferTarget {
  const codec = CODECS[reader.u8()] ?? "raw";
  const prefix = copyBytes(reader.take(FILE_PREFIX_BYTES));
  const digest = readShort(reader);
  const bytes = reader.u32();
  const author = readShort(reader);
  const name = fromUtf8(readShort(reader)) ?? "";
  const cid = digest.length === DIGEST_BYTES ? cidFromDigest(codec, digest) : undefined;
  return { codec, prefix, cid, bytes, name, ...(author.length === 0 ? {} : { author: toHex(author) }) };
}

function readSymbols(reader: ByteReader): KeptRecord["symbols"] {
  const streamBytes = reader.u16();
  if (streamBytes === 0) return undefined;
  const [check] = readShort(reader);
  const symbolBytes = reader.u8();
  const count = reader.u16();
  const pieces: Piece[] = [];
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    pieces.push({ index: reader.u8(), from: reader.u32(), symbol: copyBytes(reader.take(symbolBytes)) });
  }
  return { cut: { streamBytes, check, symbolBytes }, pieces };
}

function short(writer: ByteWriter, bytes: Uint8Array | undefined): void {
  writer.u8(bytes?.length ?? 0).bytes(bytes ?? new Uint8Array(0));
}

function readShort(reader: ByteReader): Bytes {
  return copyBytes(reader.take(reader.u8()));
}
