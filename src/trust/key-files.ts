/**
 * The files that hold the store's key, sealed. Byte layout of a sealed file, big-endian: "CAYEKEY", version u8 = 1,
 * PCR mask 3 bytes, policy digest 32, key id 8, public part (u16 and bytes), private part (u16 and bytes), SHA-256 over
 * all before it. The hash tells a damaged file from a TPM that refuses; it protects against nobody.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter, concatBytes, copyBytes, equalBytes, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { pcrMask, pcrsOfMask } from "../kernel/pcr.ts";
import type { Memory } from "../ports/memory.ts";
import type { SealedBlob } from "../ports/tpm.ts";

/** Sealed to the accepted state. */
export const SEALED_FILE = "sealed.bin";
/** Sealed to a state that was announced: see `allowNext`. */
export const SEALED_NEXT_FILE = "sealed-next.bin";
/** Sealed to this TPM in any state: exists only while the policy is to warn. */
export const SEALED_FALLBACK_FILE = "sealed-fallback.bin";
/** The bare key, where there is no TPM and the policy is to warn. */
export const KEY_FILE = "store.key";
/** A sealed file that could not be read, kept before a good one takes its name. */
export const DAMAGED_FILE = "sealed-damaged.bin";

export const SEALED_FILES: readonly string[] = [SEALED_FILE, SEALED_NEXT_FILE, SEALED_FALLBACK_FILE];

export const STORE_KEY_BYTES = 32;

const MAGIC = utf8("CAYEKEY");
const VERSION = 1;
const HASH_BYTES = 32;
const KEY_ID_BYTES = 8;
const MAX_PART_BYTES = 1024;

export interface SealedKey {
  /** Registers of the policy, rising; none: every state of the TPM opens it. */
  readonly pcrs: readonly number[];
  readonly policyDigest: Bytes;
  /** Tells which key lies within, see {@link keyId}. */
  readonly keyId: Bytes;
  readonly blob: SealedBlob;
}

/** 8 bytes that name a key and tell nothing else of it. */
export function keyId(key: Uint8Array): Bytes {
  const digest = createHash("sha256").update("caye store key id v1").update(key).digest();
  return new Uint8Array(digest.subarray(0, KEY_ID_BYTES));
}

export function encodeSealed(sealed: SealedKey): Bytes {
  const { publicPart, privatePart } = sealed.blob;
  const content = new ByteWriter()
    .bytes(MAGIC)
    .u8(VERSION)
    .bytes(pcrMask(sealed.pcrs))
    .bytes(sealed.policyDigest)
    .bytes(sealed.keyId)
    .u16(publicPart.length)
    .bytes(publicPart)
    .u16(privatePart.length)
    .bytes(privatePart)
    .finish();
  return concatBytes(content, sha256(content));
}

export function decodeSealed(bytes: Uint8Array): Decoded<SealedKey> {
  if (bytes.length < HASH_BYTES) return refused("truncated");
  const content = bytes.subarray(0, -HASH_BYTES);
  if (!equalBytes(sha256(content), bytes.subarray(-HASH_BYTES))) return refused("damaged");
  const reader = new ByteReader(content);
  if (!equalBytes(reader.take(MAGIC.length), MAGIC)) reader.fail("not a sealed key");
  if (reader.u8() !== VERSION) reader.fail("another version");
  const pcrs = pcrsOfMask(reader.take(3));
  const policyDigest = copyBytes(reader.take(32));
  const id = copyBytes(reader.take(KEY_ID_BYTES));
  const publicPart = part(reader);
  const privatePart = part(reader);
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({ pcrs, policyDigest, keyId: id, blob: { publicPart, privatePart } });
}

/** Undefined when there is no such file. */
export async function readSealed(memory: Memory, name: string): Promise<Decoded<SealedKey> | undefined> {
  const bytes = await memory.read(name);
  return bytes === undefined ? undefined : decodeSealed(bytes);
}

export async function anySealed(memory: Memory): Promise<boolean> {
  for (const name of SEALED_FILES) if ((await memory.read(name)) !== undefined) return true;
  return false;
}

function part(reader: ByteReader): Bytes {
  const bytes = copyBytes(reader.take(reader.u16()));
  if (bytes.length === 0 || bytes.length > MAX_PART_BYTES) reader.fail("a part of an impossible length");
  return bytes;
}

function sha256(bytes: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}
