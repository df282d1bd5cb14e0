/**
 * What stands in the store under the keys of `keys.ts`: our own bytes, yet decoded as if they came from a stranger.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, concatBytes, copyBytes, fromUtf8, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { SEED_BYTES } from "./author.ts";
import { FILE_PREFIX_BYTES } from "./block-ref.ts";
import type { Codec } from "./cid.ts";
import { PUBLIC_KEY_BYTES } from "./entry.ts";

const HEAD_BYTES = 32;
const SEED_VERSION = 1;
/** Format 1 was that of entries with whole digests. Each store has authors, so they tell the format of all that stands in it. */
const AUTHOR_VERSION = 2;
const TOTALS_VERSION = 1;

/** What is known of an author. The head covers `count` entries, and a signature covers the head. */
export interface AuthorRecord {
  readonly publicKey: Bytes;
  readonly count: number;
  readonly head: Bytes;
  readonly name: string;
  readonly quarantined: boolean;
}

export function encodeAuthorRecord(record: AuthorRecord): Bytes {
  return new ByteWriter()
    .u8(AUTHOR_VERSION)
    .bytes(record.publicKey)
    .u32(record.count)
    .bytes(record.head)
    .u8(record.quarantined ? 1 : 0)
    .bytes(utf8(record.name))
    .finish();
}

/** @throws AgentError "STORE_CORRUPT", as do all decoders here */
export function decodeAuthorRecord(bytes: Uint8Array): AuthorRecord {
  const reader = versioned(bytes, AUTHOR_VERSION, "author");
  const publicKey = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const count = reader.u32();
  const head = copyBytes(reader.take(HEAD_BYTES));
  const quarantined = reader.u8() === 1;
  const name = takeText(reader);
  demand(reader, "author");
  return { publicKey, count, head, quarantined, name };
}

/** What an entry says, in plain: to unpack names again and again would make lists slow. */
export type EntrySummary =
  | { readonly kind: "author"; readonly name: string }
  | ({ readonly kind: "file"; readonly bytes: number; readonly name: string } & Pick<FileRecord, "codec" | "prefix">)
  /** Nothing that this version understood. */
  | { readonly kind: "other" };

const SUMMARIES = ["author", "file", "other"] as const;

/** An entry with the head after it. */
export interface LogRecord {
  readonly head: Bytes;
  readonly entry: Bytes;
  readonly summary: EntrySummary;
}

export function encodeLogRecord({ head, entry, summary }: LogRecord): Bytes {
  const writer = new ByteWriter().bytes(head).u8(entry.length).bytes(entry).u8(SUMMARIES.indexOf(summary.kind));
  if (summary.kind === "other") return writer.finish();
  if (summary.kind === "file") writer.u8(codeOf(summary.codec)).bytes(summary.prefix).u32(summary.bytes);
  return writer.bytes(utf8(summary.name)).finish();
}

export function decodeLogRecord(bytes: Uint8Array): LogRecord {
  const reader = new ByteReader(bytes);
  const head = copyBytes(reader.take(HEAD_BYTES));
  const entry = copyBytes(reader.take(reader.u8()));
  const summary = takeSummary(reader);
  demand(reader, "entry");
  return { head, entry, summary };
}

function takeSummary(reader: ByteReader): EntrySummary {
  const kind = SUMMARIES[reader.u8()];
  if (kind === undefined) reader.fail("unknown kind of entry");
  if (kind === undefined || kind === "other") return { kind: "other" };
  if (kind === "author") return { kind, name: takeText(reader) };
  const codec = takeCodec(reader);
  const prefix = copyBytes(reader.take(FILE_PREFIX_BYTES));
  return { kind, codec, prefix, bytes: reader.u32(), name: takeText(reader) };
}

/** The newest version under a name. */
export interface FileRecord {
  readonly codec: Codec;
  /** The first 16 bytes of the root's digest. */
  readonly prefix: Bytes;
  readonly bytes: number;
  readonly seq: number;
  /** When it came to this node, in arrivals. */
  readonly arrival: number;
}

export function encodeFileRecord(record: FileRecord): Bytes {
  return new ByteWriter()
    .u8(codeOf(record.codec))
    .bytes(record.prefix)
    .u32(record.bytes)
    .u32(record.seq)
    .u64(BigInt(record.arrival))
    .finish();
}

export function decodeFileRecord(bytes: Uint8Array): FileRecord {
  const reader = new ByteReader(bytes);
  const codec = takeCodec(reader);
  const prefix = copyBytes(reader.take(FILE_PREFIX_BYTES));
  const length = reader.u32();
  const seq = reader.u32();
  const arrival = Number(reader.u64());
  demand(reader, "file");
  return { codec, prefix, bytes: length, seq, arrival };
}

/** A block with the codec that it first came under. The codec is a hint: hashes don't cover it. */
export function encodeBlockRecord(codec: Codec, bytes: Uint8Array): Bytes {
  return concatBytes(Uint8Array.of(codeOf(codec)), bytes);
}

export function decodeBlockRecord(record: Uint8Array): { readonly codec: Codec; readonly bytes: Uint8Array } {
  const reader = new ByteReader(record);
  const codec = takeCodec(reader);
  const bytes = reader.rest();
  demand(reader, "block");
  return { codec, bytes };
}

/** Where an author's log ends, and who goes on. */
export interface HandoverRecord {
  /** Of the entry that says so. What comes after it means nothing. */
  readonly seq: number;
  /** Public key, 32 bytes. */
  readonly successor: Bytes;
}

export function encodeHandoverRecord({ seq, successor }: HandoverRecord): Bytes {
  return new ByteWriter().u32(seq).bytes(successor).finish();
}

export function decodeHandoverRecord(bytes: Uint8Array): HandoverRecord {
  const reader = new ByteReader(bytes);
  const seq = reader.u32();
  const successor = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  demand(reader, "handover");
  return { seq, successor };
}

/** Entries that came together: `count` of one author, from `first` on. */
export interface ArrivalRecord {
  readonly author: Bytes;
  readonly first: number;
  readonly count: number;
}

export function encodeArrivalRecord(record: ArrivalRecord): Bytes {
  return new ByteWriter().bytes(record.author).u32(record.first).u32(record.count).finish();
}

export function decodeArrivalRecord(bytes: Uint8Array): ArrivalRecord {
  const reader = new ByteReader(bytes);
  const author = copyBytes(reader.take(8));
  const first = reader.u32();
  const count = reader.u32();
  demand(reader, "arrival");
  return { author, first, count };
}

export interface Totals {
  readonly blocks: number;
  readonly bytes: number;
  readonly files: number;
  /** The number that the next arrival gets. */
  readonly arrivals: number;
}

export function encodeTotals(totals: Totals): Bytes {
  const writer = new ByteWriter().u8(TOTALS_VERSION);
  for (const value of [totals.blocks, totals.bytes, totals.files, totals.arrivals]) writer.u64(BigInt(value));
  return writer.finish();
}

export function decodeTotals(bytes: Uint8Array): Totals {
  const reader = versioned(bytes, TOTALS_VERSION, "totals");
  const [blocks, length, files, arrivals] = [reader.u64(), reader.u64(), reader.u64(), reader.u64()].map(Number);
  demand(reader, "totals");
  return { blocks: blocks ?? 0, bytes: length ?? 0, files: files ?? 0, arrivals: arrivals ?? 0 };
}

export function encodeSeed(seed: Uint8Array): Bytes {
  return concatBytes(Uint8Array.of(SEED_VERSION), seed);
}

export function decodeSeed(bytes: Uint8Array): Bytes {
  const reader = versioned(bytes, SEED_VERSION, "seed");
  const seed = copyBytes(reader.take(SEED_BYTES));
  demand(reader, "seed");
  return seed;
}

function takeText(reader: ByteReader): string {
  const text = fromUtf8(reader.rest());
  if (text === undefined) reader.fail("name not UTF-8");
  return text ?? "";
}

function codeOf(codec: Codec): number {
  return codec === "raw" ? 0 : 1;
}

function takeCodec(reader: ByteReader): Codec {
  const code = reader.u8();
  if (code > 1) reader.fail("unknown codec");
  return code === 0 ? "raw" : "dag-cbor";
}

function versioned(bytes: Uint8Array, version: number, what: string): ByteReader {
  const reader = new ByteReader(bytes);
  const found = reader.u8();
  if (reader.failure === undefined && found > version) {
    throw new AgentError("STORE_NEWER", `the store holds a record (${what}) of a newer Caye, format ${found}`, {
      fix: "install the Caye that wrote it, or a newer one; the store is left as it is",
    });
  }
  if (reader.failure === undefined && found < version) {
    throw new AgentError("STORE_OLDER", `the store holds a record (${what}) of an earlier Caye, format ${found}`, {
      fix: "export its files with the Caye that wrote it (caye export), move the state directory away, start again, and import them",
    });
  }
  return reader;
}

function demand(reader: ByteReader, what: string): void {
  const failure = reader.done();
  if (failure !== undefined)
    throw new AgentError("STORE_CORRUPT", `a record of the store (${what}) is damaged: ${failure}`);
}
