/**
 * What names a block: its codec, and its SHA-256 as far as that is known.
 *
 * An entry of a log tells the first 16 bytes, which nobody else can match with another block (second preimage: 2^128); a CID
 * and a manifest tell all 32. Whoever holds the block knows all 32.
 * @module
 */
import { type Bytes, copyBytes, startsWith, toHex } from "../kernel/bytes.ts";
import { type Cid, type Codec, DIGEST_BYTES, cidFromDigest, cidOf, codecOf, digestOf } from "./cid.ts";

/** Bytes of the digest that an entry tells. */
export const FILE_PREFIX_BYTES = 16;

export interface BlockRef {
  readonly codec: Codec;
  /** The first 16 … 32 bytes of the SHA-256. */
  readonly digest: Uint8Array;
}

const EMPTY_DIGEST = digestOf(cidOf("raw", new Uint8Array()));

export function refOf(cid: Cid): BlockRef {
  return { codec: codecOf(cid), digest: digestOf(cid) };
}

/** The root of a file: by its CID where that is known, else by what its entry tells. */
export function rootOf(file: {
  readonly cid: Cid | undefined;
  readonly codec: Codec;
  readonly prefix: Bytes;
}): BlockRef {
  return file.cid === undefined ? { codec: file.codec, digest: file.prefix } : refOf(file.cid);
}

/** Undefined unless all 32 bytes are known. */
export function cidOfRef({ codec, digest }: BlockRef): Cid | undefined {
  return digest.length === DIGEST_BYTES ? cidFromDigest(codec, digest) : undefined;
}

/** The first 16 bytes: what entries know of any block. Copied. */
export function prefixOf(digest: Uint8Array): Bytes {
  return copyBytes(digest.subarray(0, FILE_PREFIX_BYTES));
}

/** A key for maps, 32 hex digits: the same for a file's entry and for its CID. */
export function refKey({ digest }: BlockRef): string {
  return toHex(digest.subarray(0, FILE_PREFIX_BYTES));
}

/** True for the block of no bytes: always here, since nobody could send it. */
export function isEmptyRef({ digest }: BlockRef): boolean {
  return startsWith(EMPTY_DIGEST, digest);
}

/** The CID's text; while only its beginning is known, that and `…`. For people, and for `Shard.resolve`. */
export function textOfRef({ codec, digest }: BlockRef): string {
  const padded = new Uint8Array(DIGEST_BYTES);
  padded.set(digest);
  const text = cidFromDigest(codec, padded).toString();
  if (digest.length === DIGEST_BYTES) return text;
  // A character stands for 5 bits, after the `b`; the CID's head takes 4 bytes.
  return `${text.slice(0, 1 + Math.floor((8 * (4 + digest.length)) / 5))}…`;
}
