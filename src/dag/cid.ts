/**
 * Content identifiers: CIDv1, codec raw or dag-cbor, SHA-256, written in base32. Nothing else is spoken here.
 * @module
 */
import { createHash } from "node:crypto";
import { CID } from "multiformats/cid";
import { create as createDigest } from "multiformats/hashes/digest";
import { type Bytes, copyBytes, toHex } from "../kernel/bytes.ts";

export type Codec = "raw" | "dag-cbor";

const CODES = { raw: 0x55, "dag-cbor": 0x71 } as const;
const SHA2_256 = 0x12;

export const DIGEST_BYTES = 32;
/** Version, codec, hash code, hash length, hash. */
export const CID_BYTES = 36;

export type Cid = CID<unknown, (typeof CODES)[Codec], typeof SHA2_256, 1>;

export function sha256(...parts: readonly Uint8Array[]): Bytes {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

/** The CID of these bytes. */
export function cidOf(codec: Codec, bytes: Uint8Array): Cid {
  return cidFromDigest(codec, sha256(bytes));
}

/** @param digest SHA-256, copied. @throws RangeError unless it has 32 bytes: a fault of ours */
export function cidFromDigest(codec: Codec, digest: Uint8Array): Cid {
  if (digest.length !== DIGEST_BYTES) throw new RangeError("a SHA-256 digest has 32 bytes");
  return CID.createV1(CODES[codec], createDigest(SHA2_256, copyBytes(digest)));
}

export function codecOf(cid: Cid): Codec {
  return cid.code === CODES.raw ? "raw" : "dag-cbor";
}

/** The 32 bytes of SHA-256: a view, not a copy. */
export function digestOf(cid: Cid): Uint8Array {
  return cid.multihash.digest;
}

/** A key for maps: two blocks with the same bytes share it, whatever their codec. */
export function digestHex(cid: Cid): string {
  return toHex(digestOf(cid));
}

/** The CID of that text; undefined unless it is exactly how {@link Cid} prints itself. */
export function parseCid(text: string): Cid | undefined {
  if (!/^b[a-z2-7]{58}$/.test(text)) return undefined;
  try {
    const cid = narrowCid(CID.parse(text));
    return cid?.toString() === text ? cid : undefined;
  } catch {
    return undefined;
  }
}

/** The CID in its 36 bytes; undefined for any other bytes. */
export function decodeCid(bytes: Uint8Array): Cid | undefined {
  if (bytes.length !== CID_BYTES || bytes[0] !== 1 || bytes[2] !== SHA2_256 || bytes[3] !== DIGEST_BYTES) {
    return undefined;
  }
  const codec = codecOfCode(bytes[1]);
  return codec === undefined ? undefined : cidFromDigest(codec, bytes.subarray(4));
}

/** The same CID if it is one of ours: v1, raw or dag-cbor, SHA-256 in full. Takes anything, as a decoder gives it. */
export function narrowCid(value: unknown): Cid | undefined {
  const cid = CID.asCID(value);
  return cid === null ? undefined : decodeCid(cid.bytes);
}

function codecOfCode(code: number | undefined): Codec | undefined {
  if (code === CODES.raw) return "raw";
  return code === CODES["dag-cbor"] ? "dag-cbor" : undefined;
}
