/**
 * Entries of an author's index log, as few bytes as can be: each byte costs 9 ms of air.
 *
 * Layout: kind u8, then
 * - 0, the author: Ed25519 public key (32), name (the rest);
 * - 1, a file of one raw block, or 2, a file under a manifest: SHA-256 (32), length in bytes (varint), name (the rest).
 *
 * A name is 1 … 64 bytes of UTF-8 in normal form C. It becomes a file name at the receiver and is shown on terminals,
 * so it has no `/`, no `\`, no leading dot, no space at either end, and no character that controls or reorders text.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, copyBytes, equalBytes, fromUtf8, utf8 } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { type Cid, DIGEST_BYTES, cidFromDigest, cidOf, codecOf, digestOf } from "./cid.ts";
import { MAX_FILE_BYTES } from "./manifest.ts";
import { MAX_BLOCK_BYTES } from "./node.ts";

export const PUBLIC_KEY_BYTES = 32;
export const MAX_NAME_BYTES = 64;
export const MAX_ENTRY_BYTES = 200;

/** Who writes the log: always its first entry; a later one gives a new name. */
export interface AuthorEntry {
  readonly kind: "author";
  readonly publicKey: Uint8Array;
  readonly name: string;
}

/** A file: what it is called, and the CID of its raw block (up to 16,384 bytes) or of its manifest (above). */
export interface FileEntry {
  readonly kind: "file";
  readonly cid: Cid;
  readonly bytes: number;
  readonly name: string;
}

export type Entry = AuthorEntry | FileEntry;

const AUTHOR = 0;
const RAW_FILE = 1;
const MANIFEST_FILE = 2;

// Listed, not taken from Unicode's classes: those grow with every Node release, and then two nodes would disagree on
// which entries are valid.
// C0 and `/`, `\\`, DEL and C1; what is invisible or turns the direction of writing; line and paragraph separators.
const FORBIDDEN: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x2f, 0x2f],
  [0x5c, 0x5c],
  [0x7f, 0x9f],
  [0x61c, 0x61c],
  [0x200b, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
];

/** What is wrong with a name, as a short phrase; undefined when it is fit for an entry. */
export function nameFlaw(name: string): string | undefined {
  const length = utf8(name).length;
  if (length === 0) return "empty name";
  if (length > MAX_NAME_BYTES) return "name too long";
  if (!name.isWellFormed()) return "name not well-formed";
  if (hasForbidden(name)) return "name with a forbidden character";
  if (name.startsWith(".")) return "name with a leading dot";
  if (name !== name.trim()) return "name with a space at an end";
  return name === name.normalize("NFC") ? undefined : "name not in normal form C";
}

function hasForbidden(name: string): boolean {
  for (const character of name) {
    const point = character.codePointAt(0) ?? 0;
    if (FORBIDDEN.some(([first, last]) => point >= first && point <= last)) return true;
  }
  return false;
}

/** @throws RangeError when the entry could not be decoded again: a fault of ours */
export function encodeEntry(entry: Entry): Bytes {
  const writer = new ByteWriter();
  if (entry.kind === "author") writer.u8(AUTHOR).bytes(entry.publicKey);
  else {
    writer.u8(codecOf(entry.cid) === "raw" ? RAW_FILE : MANIFEST_FILE);
    writer.bytes(digestOf(entry.cid)).varint(entry.bytes);
  }
  const bytes = writer.bytes(utf8(entry.name)).finish();
  const round = decodeEntry(bytes);
  if (!round.ok) throw new RangeError(`cannot be an entry: ${round.reason}`);
  if (round.value.name !== entry.name) throw new RangeError("cannot be an entry: name not well-formed");
  return bytes;
}

export function decodeEntry(bytes: Uint8Array): Decoded<Entry> {
  if (bytes.length > MAX_ENTRY_BYTES) return refused("entry too long");
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  if (reader.failure !== undefined) return refused(reader.failure);
  if (kind === AUTHOR) return decodeAuthor(reader);
  return kind === RAW_FILE || kind === MANIFEST_FILE ? decodeFile(reader, kind) : refused("entry of an unknown kind");
}

function decodeAuthor(reader: ByteReader): Decoded<Entry> {
  const publicKey = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const name = takeName(reader);
  return name.ok ? decoded({ kind: "author", publicKey, name: name.value }) : name;
}

function decodeFile(reader: ByteReader, kind: number): Decoded<Entry> {
  const digest = copyBytes(reader.take(DIGEST_BYTES));
  const bytes = reader.varint();
  const name = takeName(reader);
  if (!name.ok) return name;
  const flaw = lengthFlaw(kind, bytes, digest);
  if (flaw !== undefined) return refused(flaw);
  const cid = cidFromDigest(kind === RAW_FILE ? "raw" : "dag-cbor", digest);
  return decoded({ kind: "file", cid, bytes, name: name.value });
}

function lengthFlaw(kind: number, bytes: number, digest: Uint8Array): string | undefined {
  if (kind === RAW_FILE ? bytes > MAX_BLOCK_BYTES : bytes <= MAX_BLOCK_BYTES || bytes > MAX_FILE_BYTES) {
    return "file length that does not fit its kind";
  }
  const empty = equalBytes(digest, digestOf(cidOf("raw", new Uint8Array())));
  return empty === (bytes === 0) ? undefined : "file length that does not fit its hash";
}

function takeName(reader: ByteReader): Decoded<string> {
  const bytes = reader.rest();
  if (reader.failure !== undefined) return refused(reader.failure);
  const name = fromUtf8(bytes);
  if (name === undefined) return refused("name not UTF-8");
  const flaw = nameFlaw(name);
  return flaw === undefined ? decoded(name) : refused(flaw);
}
