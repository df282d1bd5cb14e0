/**
 * Entries of an author's index log, as few bytes as can be: each byte costs 9 ms of air.
 *
 * Layout, by the two highest bits of the first byte:
 * - 00, a file of one raw block: with the next byte, 14 bits: its length less one; then the first 16 bytes of its SHA-256,
 *   and the name;
 * - 01, a file under a manifest: with the next three bytes, 30 bits: its length less 16,385; then the first 16 bytes of the
 *   manifest's SHA-256, and the name;
 * - 10, a file that rides inside: in 6 bits the length of its packed content, 1 … 60; the packed content; the name;
 * - 11, in 6 bits another kind: 0, the author: Ed25519 public key (32), name. Any other kind is for later versions: it is
 *   held and passed on as it is, and means nothing here.
 *
 * A name stands packed (`codec/short-text.ts`), to the end of the entry; see `name.ts` for what it may be. What is hashed and
 * signed are the bytes as the author made them: a packer may improve without harm to older entries.
 * @module
 */
import { pack } from "../codec/pack.ts";
import { packText } from "../codec/short-text.ts";
import { type Bytes, ByteReader, ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { FILE_PREFIX_BYTES, type BlockRef, isEmptyRef, prefixOf } from "./block-ref.ts";
import { type Codec, sha256 } from "./cid.ts";
import { MAX_FILE_BYTES } from "./manifest.ts";
import { nameFlaw } from "./name.ts";
import { MAX_BLOCK_BYTES } from "./node.ts";
import { MAX_INLINE_BYTES, unpackInline, unpackName } from "./unpacked.ts";

export const PUBLIC_KEY_BYTES = 32;
export const MAX_ENTRY_BYTES = 200;

/** Who writes the log: always its first entry; a later one gives a new name. */
export interface AuthorEntry {
  readonly kind: "author";
  readonly publicKey: Uint8Array;
  readonly name: string;
}

/** A file: what it is called, and its raw block (up to 16,384 bytes) or its manifest (above). */
export interface FileEntry {
  readonly kind: "file";
  readonly codec: Codec;
  /** The first 16 bytes of the SHA-256 of that block. */
  readonly prefix: Bytes;
  /** Length of the file. */
  readonly bytes: number;
  readonly name: string;
  /** The whole file, when it rides inside its entry. */
  readonly content: Bytes | undefined;
}

/** Of a kind that this version does not know. */
export interface OtherEntry {
  readonly kind: "other";
  /** 1 … 63. */
  readonly number: number;
}

export type Entry = AuthorEntry | FileEntry | OtherEntry;

const RAW_FILE = 0;
const MANIFEST_FILE = 1;
const INLINE_FILE = 2;
const AUTHOR = 0;
const OTHERS = 0xc0;
const NUMBER_MASK = 0x3f;

/** What rides inside its entry has at most so many bytes, packed. */
export const MAX_PACKED_BYTES = 60;

/** What a file of this content has in its entry. */
export function fileEntry(name: string, root: BlockRef, content: Uint8Array): FileEntry {
  const inside = packInside(content) === undefined ? undefined : copyBytes(content);
  return {
    kind: "file",
    codec: root.codec,
    prefix: prefixOf(root.digest),
    bytes: content.length,
    name,
    content: inside,
  };
}

/** The packed content if it can ride inside an entry. */
function packInside(content: Uint8Array): Bytes | undefined {
  if (content.length > MAX_INLINE_BYTES) return undefined;
  const packed = pack(content);
  return packed.length > MAX_PACKED_BYTES ? undefined : packed;
}

/** @throws RangeError when the entry could not be decoded again: a fault of ours */
export function encodeEntry(entry: AuthorEntry | FileEntry): Bytes {
  if (nameFlaw(entry.name) !== undefined) throw new RangeError(`cannot be an entry: ${nameFlaw(entry.name)}`);
  const writer = new ByteWriter();
  if (entry.kind === "author") writer.u8(OTHERS | AUTHOR).bytes(entry.publicKey);
  else writeFile(writer, entry);
  const bytes = writer.bytes(packText(entry.name)).finish();
  const round = decodeEntry(bytes);
  if (!round.ok) throw new RangeError(`cannot be an entry: ${round.reason}`);
  return bytes;
}

function writeFile(writer: ByteWriter, { codec, prefix, bytes, content }: FileEntry): void {
  if (content !== undefined) {
    const packed = packInside(content);
    if (packed === undefined) throw new RangeError("cannot be an entry: content too long to ride inside");
    writer.u8((INLINE_FILE << 6) | packed.length).bytes(packed);
  } else if (codec === "raw") writer.u16(bytes - 1).bytes(prefix);
  else writer.u32(2 ** 30 * MANIFEST_FILE + (bytes - MAX_BLOCK_BYTES - 1)).bytes(prefix);
}

export function decodeEntry(bytes: Uint8Array): Decoded<Entry> {
  const [first] = bytes;
  if (first === undefined) return refused("truncated");
  if (bytes.length > MAX_ENTRY_BYTES) return refused("entry too long");
  const reader = new ByteReader(bytes);
  switch (first >> 6) {
    case RAW_FILE:
      return decodeFile(reader, "raw", reader.u16() + 1);
    case MANIFEST_FILE:
      return decodeFile(reader, "dag-cbor", (reader.u32() % 2 ** 30) + MAX_BLOCK_BYTES + 1);
    case INLINE_FILE:
      return decodeInline(reader);
    default:
      return decodeOther(reader);
  }
}

function decodeFile(reader: ByteReader, codec: Codec, bytes: number): Decoded<Entry> {
  const prefix = copyBytes(reader.take(FILE_PREFIX_BYTES));
  const name = takeName(reader);
  if (!name.ok) return name;
  if (bytes > MAX_FILE_BYTES) return refused("file too large");
  if (isEmptyRef({ codec, digest: prefix })) return refused("file length that does not fit its hash");
  return decoded({ kind: "file", codec, prefix, bytes, name: name.value, content: undefined });
}

function decodeInline(reader: ByteReader): Decoded<Entry> {
  const length = reader.u8() & NUMBER_MASK;
  const packed = reader.take(length);
  const name = takeName(reader);
  if (!name.ok) return name;
  if (length > MAX_PACKED_BYTES) return refused("content too long to ride inside");
  const content = unpackInline(packed);
  if (!content.ok) return content;
  const prefix = prefixOf(sha256(content.value));
  return decoded({
    kind: "file",
    codec: "raw",
    prefix,
    bytes: content.value.length,
    name: name.value,
    content: content.value,
  });
}

function decodeOther(reader: ByteReader): Decoded<Entry> {
  const number = reader.u8() & NUMBER_MASK;
  if (number !== AUTHOR) return decoded({ kind: "other", number });
  const publicKey = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const name = takeName(reader);
  return name.ok ? decoded({ kind: "author", publicKey, name: name.value }) : name;
}

function takeName(reader: ByteReader): Decoded<string> {
  const bytes = reader.rest();
  if (reader.failure !== undefined) return refused(reader.failure);
  const name = unpackName(bytes);
  if (!name.ok) return name;
  const flaw = nameFlaw(name.value);
  return flaw === undefined ? name : refused(flaw);
}
