/**
 * A stream of any length, encrypted and authenticated piece by piece: memory for one piece, and nothing cut off, swapped or
 * repeated goes unseen.
 *
 * Layout: "CAYEBAK", version u8 = 1, lock u8 (1: a public key; 2: a passphrase). With 1: id of the key (8), ephemeral
 * X25519 key (32), ML-KEM ciphertext (1,088). With 2: salt (16). Then pieces: 65,536 bytes of content (the last one 0 … 65,536;
 * 0 only when there is no content at all) under AES-256-GCM, tag (16) behind. The nonce of a piece is its number (u64, in 11
 * bytes) and a last byte: 1 for the last piece, else 0. The key: HKDF-SHA-256 of the secret, salt: SHA-256 of all before the
 * pieces.
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { ByteReader, type Bytes, concatBytes, copyBytes, equalBytes, startsWith, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { BackupLock } from "../kernel/upkeep.ts";
import { X25519_BYTES } from "../kernel/x25519.ts";
import type { Random } from "../ports/random.ts";
import {
  type BackupSecretKey,
  decodePublic,
  decodeSecret,
  disclose,
  enclose,
  KEM_CIPHERTEXT_BYTES,
  passphraseKey,
} from "./backup-keys.ts";
import { BytePump } from "./byte-pump.ts";

export const PIECE_BYTES = 65_536;
const MAGIC = utf8("CAYEBAK");
const VERSION = 1;
const BY_KEY = 1;
const BY_PASSPHRASE = 2;
const ID_BYTES = 8;
const SALT_BYTES = 16;
const TAG_BYTES = 16;
const HEAD_BYTES = MAGIC.length + 2;

/** @throws AgentError "BACKUP_KEY"; and what the content throws */
export async function* sealStream(
  content: AsyncIterable<Uint8Array>,
  lock: BackupLock,
  random: Random,
): AsyncGenerator<Bytes> {
  const { head, secret } = lock.kind === "key" ? headByKey(lock.file, random) : headByPassphrase(lock, random);
  yield head;
  const key = streamKey(secret, head);
  const pump = new BytePump(content);
  for (let number = 0; ; number++) {
    const piece = await pump.take(PIECE_BYTES);
    const isLast = await pump.isAtEnd();
    const cipher = createCipheriv("aes-256-gcm", key, nonceOf(number, isLast));
    yield concatBytes(cipher.update(piece), cipher.final(), cipher.getAuthTag());
    if (isLast) return;
  }
}

/**
 * The content, piece by piece; only once it has ended is it known to be whole.
 * @param lock the secret key's file, or the passphrase; `passphrase` beside a file opens that
 * @throws AgentError "BACKUP_DAMAGED", "BACKUP_KEY" (of another key, or a wrong passphrase), "BACKUP_NEWER"
 */
export async function* openStream(sealed: AsyncIterable<Uint8Array>, lock: BackupLock): AsyncGenerator<Bytes> {
  const pump = new BytePump(sealed);
  const { head, secret } = await readHead(pump, lock);
  const key = streamKey(secret, head);
  for (let number = 0; ; number++) {
    const piece = await pump.take(PIECE_BYTES + TAG_BYTES);
    const isLast = await pump.isAtEnd();
    const plain = openPiece(piece, key, number, isLast);
    if (plain === undefined) throw number === 0 && lock.kind === "passphrase" ? wrongPassphrase() : damaged();
    if (plain.length > 0) yield plain;
    if (isLast) return;
  }
}

export function damaged(what = "it was changed or cut off"): AgentError {
  return new AgentError("BACKUP_DAMAGED", `this backup is damaged: ${what}`, {
    fix: "take another copy, or an older backup: caye backup check FILE says of each whether it is whole",
  });
}

function headByKey(file: Uint8Array, random: Random): Opening {
  const key = decodePublic(file);
  const enclosed = key.ok ? enclose(key.value, random) : key;
  if (!key.ok || !enclosed.ok) {
    throw new AgentError("BACKUP_KEY", "this is no public key for backups", {
      fix: "caye backup keys --out NAME makes a pair; NAME.pub is the public one",
    });
  }
  const { secret, ephemeral, ciphertext } = enclosed.value;
  const head = concatBytes(MAGIC, Uint8Array.of(VERSION, BY_KEY), key.value.id, ephemeral, ciphertext);
  return { head, secret };
}

function headByPassphrase({ passphrase }: { readonly passphrase: string }, random: Random) {
  const salt = random.bytes(SALT_BYTES);
  const head = concatBytes(MAGIC, Uint8Array.of(VERSION, BY_PASSPHRASE), salt);
  return { head, secret: passphraseKey(passphrase, salt) };
}

interface Opening {
  readonly head: Bytes;
  readonly secret: Bytes;
}

async function readHead(pump: BytePump, lock: BackupLock): Promise<Opening> {
  const start = await pump.take(HEAD_BYTES);
  if (!startsWith(start, MAGIC)) throw damaged("it is no backup of Caye");
  const [version = 0, kind = 0] = start.subarray(MAGIC.length);
  if (version > VERSION) throw newer(version);
  if (version === VERSION && kind === BY_KEY) return openedByKey(start, pump, lock);
  if (version === VERSION && kind === BY_PASSPHRASE) return openedByPassphrase(start, pump, lock);
  throw damaged();
}

async function openedByPassphrase(start: Bytes, pump: BytePump, { passphrase }: BackupLock): Promise<Opening> {
  const salt = await pump.take(SALT_BYTES);
  if (salt.length < SALT_BYTES) throw damaged();
  if (passphrase === undefined) throw wrongLock("it is closed by a passphrase", "--passphrase-file FILE");
  return { head: concatBytes(start, salt), secret: passphraseKey(passphrase, salt) };
}

async function openedByKey(start: Bytes, pump: BytePump, lock: BackupLock): Promise<Opening> {
  const rest = await pump.take(ID_BYTES + X25519_BYTES + KEM_CIPHERTEXT_BYTES);
  if (lock.kind !== "key") throw wrongLock("it is closed to a key", "--key FILE");
  const reader = new ByteReader(rest);
  const id = reader.take(ID_BYTES);
  const ephemeral = copyBytes(reader.take(X25519_BYTES));
  const ciphertext = copyBytes(reader.take(KEM_CIPHERTEXT_BYTES));
  if (reader.done() !== undefined) throw damaged();
  const secretKey = secretKeyIn(lock.file, lock.passphrase);
  if (!equalBytes(secretKey.public.id, id)) throw wrongLock("it is closed to another key", "--key FILE");
  const secret = disclose(secretKey, { ephemeral, ciphertext });
  if (secret === undefined) throw damaged();
  return { head: concatBytes(start, rest), secret };
}

function newer(version: number): AgentError {
  const message = `a newer Caye made this backup (format ${version}, this one reads ${VERSION})`;
  return new AgentError("BACKUP_NEWER", message, { fix: "install the Caye that made it, or a newer one" });
}

function secretKeyIn(file: Uint8Array, passphrase: string | undefined): BackupSecretKey {
  const key = decodeSecret(file, passphrase);
  if (key.ok) return key.value;
  throw new AgentError("BACKUP_KEY", `the key does not open: ${key.reason}`, {
    fix: "name the secret file that caye backup keys made, and its passphrase: --key FILE --passphrase-file FILE",
  });
}

function openPiece(piece: Uint8Array, key: Uint8Array, number: number, isLast: boolean): Bytes | undefined {
  const isLength = isLast ? piece.length > TAG_BYTES || (number === 0 && piece.length === TAG_BYTES) : true;
  if (!isLength) return undefined;
  const decipher = createDecipheriv("aes-256-gcm", key, nonceOf(number, isLast));
  decipher.setAuthTag(piece.subarray(-TAG_BYTES));
  const plain = decipher.update(piece.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return undefined;
  }
  return copyBytes(plain);
}

function streamKey(secret: Uint8Array, head: Uint8Array): Uint8Array {
  const salt = createHash("sha256").update(head).digest();
  return new Uint8Array(hkdfSync("sha256", secret, salt, "caye backup stream v1", 32));
}

function nonceOf(number: number, isLast: boolean): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64BE(BigInt(number), 3);
  nonce[11] = isLast ? 1 : 0;
  return nonce;
}

function wrongPassphrase(): AgentError {
  return new AgentError("BACKUP_KEY", "the passphrase is wrong, or the backup is damaged at its beginning", {
    fix: "check the passphrase; else take another copy of the backup",
  });
}

function wrongLock(reason: string, option: string): AgentError {
  return new AgentError("BACKUP_KEY", `this backup does not open so: ${reason}`, {
    fix: `name what opens it: ${option}`,
  });
}
