/**
 * The way back without the TPM: the store's keys in a box that only the recovery words open.
 *
 * The words (256 bits) give an X25519 key pair. The box is closed to its public half, which lies in the file: so a new
 * store key can be put into it without the words. Byte layout, big-endian: "CAYERCV", version u8 = 2, public key 32, key
 * id 8, has a next key u8 (0, 1), its id 8 when so, count u8 of words that were replaced, 8 bytes for each; for each key
 * the proof by it that the public key is the node's own choice, 32 (else whoever can write a file would have the next box
 * closed to a key of his own); then ephemeral
 * public key 32, box (u16 and bytes: AES-256-GCM, tag behind), SHA-256 over all before it. The part before the ephemeral
 * key is authenticated with the box.
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, diffieHellman, hkdfSync } from "node:crypto";
import { ByteReader, ByteWriter, concatBytes, copyBytes, equalBytes, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import { X25519_BYTES, x25519FromSeed, x25519PublicKey, type X25519Pair } from "../kernel/x25519.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import { withHash, withoutHash } from "./key-files.ts";
import {
  areSameIds,
  decodeKeys,
  encodeKeys,
  idsOf,
  isOneOf,
  isProven,
  KEY_ID_BYTES,
  type KeyIds,
  PROOF_BYTES,
  proofsOf,
  type StoreKeys,
} from "./store-keys.ts";

export const RECOVERY_FILE = "recovery.bin";
/** Of what the words say. */
export const RECOVERY_SECRET_BYTES = 32;

const MAGIC = utf8("CAYERCV");
const VERSION = 2;
const WORDS_ID_BYTES = 8;
const MAX_REPLACED = 16;
const TAG_BYTES = 16;
const PAIR_LABEL = "caye recovery words v1";
const BOX_LABEL = "caye recovery box v1";

export interface RecoveryBox extends KeyIds {
  /** 32 bytes: X25519, of the words. */
  readonly publicKey: Bytes;
  /** Ids of the words that these have replaced, the latest last; at most 16. */
  readonly replaced: readonly Bytes[];
  /** 32 bytes by each key, over the public key. */
  readonly proofs: Bytes;
  /** What is authenticated with the box. */
  readonly head: Bytes;
  readonly ephemeral: Bytes;
  readonly box: Bytes;
}

/** The key pair of the words. @param secret 32 bytes */
export function recoveryPair(secret: Uint8Array): X25519Pair {
  if (secret.length !== RECOVERY_SECRET_BYTES) throw new RangeError("recovery words stand for 32 bytes");
  return x25519FromSeed(new Uint8Array(hkdfSync("sha256", secret, new Uint8Array(), PAIR_LABEL, X25519_BYTES)));
}

/** 8 bytes that name the words and tell nothing else of them. */
export function wordsId(publicKey: Uint8Array): Bytes {
  const digest = createHash("sha256").update("caye recovery words id v1").update(publicKey).digest();
  return new Uint8Array(digest.subarray(0, WORDS_ID_BYTES));
}

/** A whole file. @throws AgentError "RECOVERY_KEY" when that is no public key */
export function closeBox(
  publicKey: Uint8Array,
  keys: StoreKeys,
  replaced: readonly Uint8Array[],
  random: Random,
): Bytes {
  const { keyId, nextKeyId } = idsOf(keys);
  const kept = replaced.slice(-MAX_REPLACED);
  const head = new ByteWriter().bytes(MAGIC).u8(VERSION).bytes(publicKey).bytes(keyId);
  head.u8(nextKeyId === undefined ? 0 : 1).bytes(nextKeyId ?? new Uint8Array());
  head.u8(kept.length).bytes(concatBytes(...kept));
  head.bytes(proofsOf(keys, termsOf(publicKey)));
  const pair = x25519FromSeed(random.bytes(X25519_BYTES));
  const bound = head.finish();
  const cipher = createCipheriv("aes-256-gcm", boxKey(pair, publicKey, pair.publicKey, publicKey), zeroNonce());
  cipher.setAAD(bound);
  const plain = encodeKeys(keys);
  const box = concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag());
  plain.fill(0);
  return withHash(concatBytes(bound, pair.publicKey, new ByteWriter().u16(box.length).finish(), box));
}

export function decodeBox(bytes: Uint8Array): Decoded<RecoveryBox> {
  const content = withoutHash(bytes);
  if (!content.ok) return content;
  const reader = new ByteReader(content.value);
  if (!equalBytes(reader.take(MAGIC.length), MAGIC)) reader.fail("not a recovery file");
  if (reader.u8() !== VERSION) reader.fail("another version");
  const publicKey = copyBytes(reader.take(X25519_BYTES));
  const keyId = copyBytes(reader.take(KEY_ID_BYTES));
  const hasNext = reader.u8();
  if (hasNext > 1) reader.fail("neither one key nor two");
  const nextKeyId = hasNext === 1 ? copyBytes(reader.take(KEY_ID_BYTES)) : undefined;
  const count = reader.u8();
  if (count > MAX_REPLACED) reader.fail("too many words were replaced");
  const replaced = Array.from({ length: Math.min(count, MAX_REPLACED) }, () => copyBytes(reader.take(WORDS_ID_BYTES)));
  const proofs = copyBytes(reader.take(PROOF_BYTES * (1 + hasNext)));
  const headBytes =
    MAGIC.length + 2 + X25519_BYTES + (KEY_ID_BYTES + PROOF_BYTES) * (1 + hasNext) + 1 + WORDS_ID_BYTES * count;
  const ephemeral = copyBytes(reader.take(X25519_BYTES));
  const box = copyBytes(reader.take(reader.u16()));
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({
    publicKey,
    keyId,
    nextKeyId,
    replaced,
    proofs,
    head: copyBytes(content.value.subarray(0, headBytes)),
    ephemeral,
    box,
  });
}

/**
 * The keys in a recovery file.
 * @throws AgentError "RECOVERY_DAMAGED", "RECOVERY_WORDS" (of another node, or mistaken), "RECOVERY_REPLACED" (of this
 *   node, from before)
 */
export function openBox(file: Uint8Array, secret: Uint8Array): StoreKeys {
  const found = decodeBox(file);
  if (!found.ok) throw damaged(found.reason);
  const { publicKey, replaced, ephemeral, head, box } = found.value;
  const pair = recoveryPair(secret);
  if (!equalBytes(pair.publicKey, publicKey)) throw otherWords(pair.publicKey, replaced);
  if (box.length < TAG_BYTES) throw damaged("box too short");
  const decipher = createDecipheriv("aes-256-gcm", boxKey(pair, ephemeral, ephemeral, publicKey), zeroNonce());
  decipher.setAAD(head);
  decipher.setAuthTag(box.subarray(-TAG_BYTES));
  const plain = decipher.update(box.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    throw damaged("the box does not hold what was put into it");
  }
  const keys = decodeKeys(plain);
  plain.fill(0);
  if (keys === undefined || !areSameIds(idsOf(keys), found.value)) throw damaged("the box holds other keys");
  return keys;
}

/** Puts the keys into a box for new words; those from before are noted as replaced. @throws as {@link closeBox} */
export async function makeRecovery(
  memory: Memory,
  publicKey: Uint8Array,
  keys: StoreKeys,
  random: Random,
): Promise<void> {
  const before = await readRecovery(memory);
  const replaced = before?.ok === true ? [...before.value.replaced, wordsId(before.value.publicKey)] : [];
  const isSame = before?.ok === true && equalBytes(before.value.publicKey, publicKey);
  const earlier = isSame ? before.value.replaced : replaced;
  await memory.writeAtomic(RECOVERY_FILE, closeBox(publicKey, keys, earlier, random));
}

/**
 * Brings the box up to date after the store's key has changed. Nothing happens when there is none.
 * @param known ids of the keys in hand: a box that holds none of them is another store's, and is left alone
 * @returns false when it was left alone
 */
export async function followKeys(memory: Memory, keys: StoreKeys, known: KeyIds, random: Random): Promise<boolean> {
  const before = await readRecovery(memory);
  if (before === undefined) return true;
  if (!before.ok || !isOneOf(before.value, known)) return false;
  const { publicKey, replaced } = before.value;
  // Before all else: a box that somebody else has made is told of, though it needs no change.
  if (!isProven(keys, termsOf(publicKey), before.value.proofs)) return false;
  if (areSameIds(before.value, idsOf(keys))) return true;
  await memory.writeAtomic(RECOVERY_FILE, closeBox(publicKey, keys, replaced, random));
  return true;
}

function termsOf(publicKey: Uint8Array): Bytes {
  return concatBytes(utf8("recovery"), publicKey);
}

/** Undefined when there is no such file. */
export async function readRecovery(memory: Pick<Memory, "read">): Promise<Decoded<RecoveryBox> | undefined> {
  const bytes = await memory.read(RECOVERY_FILE);
  return bytes === undefined ? undefined : decodeBox(bytes);
}

/** From the own half of one pair and the public half of the other; bound to both public keys. */
function boxKey(own: X25519Pair, other: Uint8Array, ephemeral: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const point = x25519PublicKey(other);
  if (point === undefined) throw new AgentError("RECOVERY_KEY", "that is no public key of recovery words");
  let shared: Uint8Array;
  try {
    shared = diffieHellman({ privateKey: own.privateKey, publicKey: point });
  } catch (cause) {
    // Points of small order, which no key pair has.
    throw new AgentError("RECOVERY_KEY", "that is no public key of recovery words", { cause });
  }
  return new Uint8Array(hkdfSync("sha256", shared, concatBytes(ephemeral, publicKey), BOX_LABEL, 32));
}

/** Each box has a key of its own. */
function zeroNonce(): Uint8Array {
  return new Uint8Array(12);
}

function damaged(reason: string): AgentError {
  return new AgentError("RECOVERY_DAMAGED", `${RECOVERY_FILE} is damaged: ${reason}`, {
    fix: `put ${RECOVERY_FILE} back from a backup; on a node that still opens: caye recovery create makes a new one`,
  });
}

function otherWords(publicKey: Uint8Array, replaced: readonly Uint8Array[]): AgentError {
  const id = wordsId(publicKey);
  if (replaced.some((earlier) => equalBytes(earlier, id))) {
    return new AgentError("RECOVERY_REPLACED", "these were this node's recovery words; newer ones have replaced them", {
      fix: "look for the words that caye recovery create showed last",
    });
  }
  return new AgentError("RECOVERY_WORDS", "these words are whole, but they are not the ones of this node", {
    fix: `check that the words and ${RECOVERY_FILE} belong to the same node`,
  });
}
