/**
 * The files that hold the store's key, sealed. Byte layout of a sealed file, big-endian: "CAYEKEY", version u8,
 * PCR mask 3 bytes, policy digest 32, key id 8, with version 2 the extras, public part (u16 and bytes), private part
 * (u16 and bytes), SHA-256 over all before it. The hash tells a damaged file from a TPM that refuses; it protects
 * against nobody.
 *
 * Version 1 has no extras. Those of version 2: what they are u8 (the sum of 1: an authority, 2: a next key, 4: proofs); of the
 * authority its key's x and y 32 each, and policy reference (u8 length and bytes); of the next key its id 8; for each key
 * the proof by it that registers, policy digest and authority are the node's own choice, 32.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteReader, ByteWriter, concatBytes, copyBytes, equalBytes, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { pcrMask, pcrsOfMask } from "../kernel/pcr.ts";
import { authorizePolicyDigest, orPolicyDigest } from "../kernel/tpm-policy.ts";
import { authorityKeyArea, objectName } from "../kernel/tpm-public.ts";
import type { Memory } from "../ports/memory.ts";
import type { SealedBlob } from "../ports/tpm.ts";
import { KEY_ID_BYTES, PROOF_BYTES, type KeyIds } from "./store-keys.ts";

/** Sealed to the accepted state. */
export const SEALED_FILE = "sealed.bin";
/** Sealed to a state that was announced: see `allowNext`. */
export const SEALED_NEXT_FILE = "sealed-next.bin";
/** Sealed to the state before an update that is not confirmed yet: the way back. Whoever confirms it removes the file. */
export const SEALED_BEFORE_FILE = "sealed-before.bin";
/** Sealed to this TPM in any state: exists only while the policy is to warn. */
export const SEALED_FALLBACK_FILE = "sealed-fallback.bin";
/** The bare key, where there is no TPM and the policy is to warn. */
export const KEY_FILE = "store.key";
/** Says that the key file came from the recovery words: see `recover.ts`. */
export const RECOVERED_FILE = "recovered";
/** Of states that were announced: what they are is in no other place. */
export const ANNOUNCED_FILES: readonly string[] = [SEALED_NEXT_FILE, SEALED_BEFORE_FILE];
/** A sealed file that could not be read, kept before a good one takes its name. */
export const DAMAGED_FILE = "sealed-damaged.bin";

export const SEALED_FILES: readonly string[] = [
  SEALED_FILE,
  SEALED_NEXT_FILE,
  SEALED_BEFORE_FILE,
  SEALED_FALLBACK_FILE,
];

const MAGIC = utf8("CAYEKEY");
const PLAIN = 1;
const WITH_EXTRAS = 2;
const HAS_AUTHORITY = 1;
const HAS_NEXT = 2;
const HAS_PROOFS = 4;
const HASH_BYTES = 32;
const COORDINATE_BYTES = 32;
const MAX_REFERENCE_BYTES = 32;
const MAX_PART_BYTES = 1024;

/** Whose approvals open a sealed key in states that were not known when it was sealed. */
export interface UpdateAuthority {
  /** Of its P-256 key, 32 bytes each. */
  readonly x: Bytes;
  readonly y: Bytes;
  /** Says which node an approval is for: 1 … 32 bytes. */
  readonly policyRef: Bytes;
}

export interface SealedKey extends KeyIds {
  /** Registers of the policy, rising; none: every state of the TPM opens it. */
  readonly pcrs: readonly number[];
  /** Of the registers alone. */
  readonly policyDigest: Bytes;
  readonly authority: UpdateAuthority | undefined;
  readonly blob: SealedBlob;
  /** 32 bytes by each key, over {@link termsOf}. */
  readonly proofs?: Bytes;
}

/** What a key is sealed to, for proofs: whoever writes the file anew under the same terms must know whose they are. */
export function termsOf({ pcrs, policyDigest, authority }: Pick<SealedKey, "pcrs" | "policyDigest" | "authority">) {
  const { x, y, policyRef } = authority ?? { x: new Uint8Array(), y: new Uint8Array(), policyRef: new Uint8Array() };
  return concatBytes(utf8("sealed"), pcrMask(pcrs), policyDigest, x, y, policyRef);
}

/** The choice that a sealed object with an authority carries: the state it was sealed to, or one that is approved. */
export function branchesOf(policyDigest: Bytes, { x, y, policyRef }: UpdateAuthority): readonly Bytes[] {
  return [policyDigest, authorizePolicyDigest(objectName(authorityKeyArea(x, y)), policyRef)];
}

/** What the TPM is told to seal under. */
export function objectPolicy({ policyDigest, authority }: Pick<SealedKey, "policyDigest" | "authority">): Bytes {
  return authority === undefined ? policyDigest : orPolicyDigest(branchesOf(policyDigest, authority));
}

export function isSameAuthority(a: UpdateAuthority | undefined, b: UpdateAuthority | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return equalBytes(a.x, b.x) && equalBytes(a.y, b.y) && equalBytes(a.policyRef, b.policyRef);
}

export function encodeSealed(sealed: SealedKey): Bytes {
  const { publicPart, privatePart } = sealed.blob;
  const extras = extrasOf(sealed);
  const content = new ByteWriter()
    .bytes(MAGIC)
    .u8(extras.length === 0 ? PLAIN : WITH_EXTRAS)
    .bytes(pcrMask(sealed.pcrs))
    .bytes(sealed.policyDigest)
    .bytes(sealed.keyId)
    .bytes(extras)
    .u16(publicPart.length)
    .bytes(publicPart)
    .u16(privatePart.length)
    .bytes(privatePart)
    .finish();
  return withHash(content);
}

export function decodeSealed(bytes: Uint8Array): Decoded<SealedKey> {
  const content = withoutHash(bytes);
  if (!content.ok) return content;
  const reader = new ByteReader(content.value);
  if (!equalBytes(reader.take(MAGIC.length), MAGIC)) reader.fail("not a sealed key");
  const version = reader.u8();
  if (version !== PLAIN && version !== WITH_EXTRAS) reader.fail("another version");
  const pcrs = pcrsOfMask(reader.take(3));
  const policyDigest = copyBytes(reader.take(32));
  const id = copyBytes(reader.take(KEY_ID_BYTES));
  const extras = version === WITH_EXTRAS ? readExtras(reader) : { authority: undefined, nextKeyId: undefined };
  const publicPart = part(reader);
  const privatePart = part(reader);
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({ pcrs, policyDigest, keyId: id, ...extras, blob: { publicPart, privatePart } });
}

function extrasOf({ authority, nextKeyId, proofs = new Uint8Array() }: SealedKey): Bytes {
  const keys = (authority === undefined ? 0 : HAS_AUTHORITY) + (nextKeyId === undefined ? 0 : HAS_NEXT);
  const what = keys + (proofs.length === 0 ? 0 : HAS_PROOFS);
  const writer = new ByteWriter();
  if (what === 0) return writer.finish();
  writer.u8(what);
  if (authority !== undefined) {
    const { x, y, policyRef } = authority;
    writer.bytes(x).bytes(y).u8(policyRef.length).bytes(policyRef);
  }
  return writer
    .bytes(nextKeyId ?? new Uint8Array())
    .bytes(proofs)
    .finish();
}

function readExtras(reader: ByteReader): Pick<SealedKey, "authority" | "nextKeyId" | "proofs"> {
  const what = reader.u8();
  if (what < 1 || what > (HAS_AUTHORITY | HAS_NEXT | HAS_PROOFS)) reader.fail("unknown extras");
  const authority = (what & HAS_AUTHORITY) === 0 ? undefined : readAuthority(reader);
  const nextKeyId = (what & HAS_NEXT) === 0 ? undefined : copyBytes(reader.take(KEY_ID_BYTES));
  if ((what & HAS_PROOFS) === 0) return { authority, nextKeyId };
  return { authority, nextKeyId, proofs: copyBytes(reader.take((nextKeyId === undefined ? 1 : 2) * PROOF_BYTES)) };
}

function readAuthority(reader: ByteReader): UpdateAuthority {
  const x = copyBytes(reader.take(COORDINATE_BYTES));
  const y = copyBytes(reader.take(COORDINATE_BYTES));
  const policyRef = copyBytes(reader.take(reader.u8()));
  if (policyRef.length === 0 || policyRef.length > MAX_REFERENCE_BYTES) reader.fail("policy reference too long");
  return { x, y, policyRef };
}

/** Ends a file of keys with the hash over all before it, and takes it off again. */
export function withHash(content: Uint8Array): Bytes {
  return concatBytes(content, sha256(content));
}

export function withoutHash(bytes: Uint8Array): Decoded<Uint8Array> {
  if (bytes.length < HASH_BYTES) return refused("truncated");
  const content = bytes.subarray(0, -HASH_BYTES);
  return equalBytes(sha256(content), bytes.subarray(-HASH_BYTES)) ? decoded(content) : refused("damaged");
}

/** Undefined when there is no such file. */
export async function readSealed(memory: Pick<Memory, "read">, name: string): Promise<Decoded<SealedKey> | undefined> {
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
