/**
 * Where things stand in the store: one byte for the kind, then what identifies the thing, in the order of its iteration.
 * @module
 */
import { type Bytes, ByteWriter, concatBytes, utf8 } from "../kernel/bytes.ts";
import type { Range } from "../ports/store.ts";
import { AUTHOR_ID_BYTES } from "./author.ts";
import { FILE_PREFIX_BYTES } from "./block-ref.ts";
import { sha256 } from "./cid.ts";

/** Values: see `records.ts`. */
const KIND = {
  /** digest → block */
  block: 0x62,
  /** author ‖ seq → log record */
  entry: 0x65,
  /** author ‖ seq → signature over the head after that entry */
  signature: 0x73,
  /** author → author record */
  author: 0x61,
  /** author ‖ name → file record of the newest version */
  file: 0x66,
  /** first 16 bytes of a digest ‖ author ‖ seq → nothing: which entries name a file */
  named: 0x63,
  /** first 8 bytes of the SHA-256 of a name ‖ author → nothing: who has a file of that name */
  title: 0x6e,
  /** arrival → which entries came then */
  arrival: 0x74,
  /** author → proof of a fork, as `fork.ts` writes it */
  fork: 0x78,
  /** author → where it handed over, and to whom */
  handover: 0x68,
  /** → seed of the own author */
  seed: 0x6f,
  /** → nothing: the own author is replaced when the shard opens next */
  succession: 0x72,
  /** → totals */
  totals: 0x6b,
} as const;

const ARRIVAL_BYTES = 6;
const TITLE_BYTES = 8;

export const SEED_KEY = Uint8Array.of(KIND.seed);
/** Stands while the own author is to be replaced. */
export const SUCCESSION_KEY = Uint8Array.of(KIND.succession);
export const TOTALS_KEY = Uint8Array.of(KIND.totals);

export function blockKey(digest: Uint8Array): Bytes {
  return keyOf(KIND.block, digest);
}

/** Blocks whose hash begins with the prefix. */
export function blockRange(prefix: Uint8Array): Range {
  return below(keyOf(KIND.block, prefix));
}

export function entryKey(author: Uint8Array, seq: number): Bytes {
  return keyOf(KIND.entry, author, u32(seq));
}

/** Entries `first` … `last` of one log. */
export function entryRange(author: Uint8Array, first: number, last: number): Range {
  return { from: entryKey(author, first), until: concatBytes(entryKey(author, last), Uint8Array.of(0)) };
}

export function signatureKey(author: Uint8Array, seq: number): Bytes {
  return keyOf(KIND.signature, author, u32(seq));
}

/** Signatures over the head after entry `first` or a later one. */
export function signatureRange(author: Uint8Array, first: number): Range {
  const { until } = below(keyOf(KIND.signature, author));
  return { from: signatureKey(author, first), until };
}

export function authorKey(author: Uint8Array): Bytes {
  return keyOf(KIND.author, author);
}

export function authorRange(): Range {
  return below(Uint8Array.of(KIND.author));
}

export function fileKey(author: Uint8Array, name: string): Bytes {
  return keyOf(KIND.file, author, utf8(name));
}

/** All files of an author. */
export function fileRange(author: Uint8Array): Range {
  return below(keyOf(KIND.file, author));
}

/** @param prefix 16 bytes */
export function namedKey(prefix: Uint8Array, author: Uint8Array, seq: number): Bytes {
  return keyOf(KIND.named, prefix, author, u32(seq));
}

/** Entries that name a digest which begins so: see {@link parseNamedKey}. @param beginning 0 … 16 bytes */
export function namedRange(beginning: Uint8Array): Range {
  return below(keyOf(KIND.named, beginning));
}

/** The parts of a key that {@link namedKey} made: views. */
export function parseNamedKey(key: Uint8Array): {
  readonly prefix: Uint8Array;
  readonly author: Uint8Array;
  readonly seq: number;
} {
  const end = 1 + FILE_PREFIX_BYTES;
  return { prefix: key.subarray(1, end), author: key.subarray(end, end + AUTHOR_ID_BYTES), seq: seqOfKey(key) };
}

/** Stands once every file has its {@link titleKey}: stores that an earlier version wrote have none. */
export const TITLES_KEY = Uint8Array.of(KIND.title);

export function titleKey(name: string, author: Uint8Array): Bytes {
  return keyOf(KIND.title, titleOf(name), author);
}

/** Authors who have a file of that name, and once in a long while one who has not. */
export function titleRange(name: string): Range {
  return below(keyOf(KIND.title, titleOf(name)));
}

/** The author that a key of {@link titleKey} ends with: a view. */
export function authorOfTitle(key: Uint8Array): Uint8Array {
  return key.subarray(1 + TITLE_BYTES);
}

/** The files of all authors. */
export function filesRange(): Range {
  return below(Uint8Array.of(KIND.file));
}

/** The parts of a key that {@link fileKey} made: a view, and the name as its bytes. */
export function parseFileKey(key: Uint8Array): { readonly author: Uint8Array; readonly name: Uint8Array } {
  return { author: key.subarray(1, 1 + AUTHOR_ID_BYTES), name: key.subarray(1 + AUTHOR_ID_BYTES) };
}

function titleOf(name: string): Uint8Array {
  return sha256(utf8(name)).subarray(0, TITLE_BYTES);
}

/** The sequence number that a key of entries, signatures or names ends with. */
export function seqOfKey(key: Uint8Array): number {
  return Buffer.from(key.buffer, key.byteOffset, key.length).readUInt32BE(key.length - 4);
}

/** @param arrival counts the times that anything was added to any log, from 0, below 2^48 */
export function arrivalKey(arrival: number): Bytes {
  const bytes = Buffer.alloc(ARRIVAL_BYTES);
  bytes.writeUIntBE(arrival, 0, ARRIVAL_BYTES);
  return keyOf(KIND.arrival, bytes);
}

export function arrivalRange(): Range {
  return below(Uint8Array.of(KIND.arrival));
}

export function forkKey(author: Uint8Array): Bytes {
  return keyOf(KIND.fork, author);
}

export function forkRange(): Range {
  return below(Uint8Array.of(KIND.fork));
}

export function handoverKey(author: Uint8Array): Bytes {
  return keyOf(KIND.handover, author);
}

export function handoverRange(): Range {
  return below(Uint8Array.of(KIND.handover));
}

function keyOf(kind: number, ...parts: readonly Uint8Array[]): Bytes {
  return concatBytes(Uint8Array.of(kind), ...parts);
}

function u32(value: number): Bytes {
  return new ByteWriter().u32(value).finish();
}

/** All keys that begin so. The first byte is a kind, never 255, so there always is a next prefix. */
function below(prefix: Uint8Array): Range {
  let end = prefix.length;
  while (prefix[end - 1] === 0xff) end--;
  const until = new Uint8Array(prefix.subarray(0, end));
  until[end - 1] = (until[end - 1] ?? 0) + 1;
  return { from: prefix, until };
}
