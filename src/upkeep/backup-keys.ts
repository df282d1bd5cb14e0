/**
 * What a backup is closed with. A public key: X25519 and ML-KEM-768 (FIPS 203) together, so that it stays shut as long as
 * one of the two holds, and a node that has it makes backups which it can't read itself. Or a passphrase, by scrypt.
 *
 * Files: `caye-backup-key 1`, then in base64 X25519 public key (32) and ML-KEM encapsulation key (1,184).
 * `caye-backup-secret 1 plain`, then in base64 the seed (X25519 32, ML-KEM d ‖ z 64); or `caye-backup-secret 1 scrypt`, then
 * in base64 salt (16), nonce (12), seed under AES-256-GCM with the tag behind (112).
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  hkdfSync,
  type KeyObject,
  scryptSync,
} from "node:crypto";
import { type Bytes, concatBytes, copyBytes, fromHex, fromUtf8, utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { X25519_BYTES, x25519FromSeed, x25519PublicKey, type X25519Pair } from "../kernel/x25519.ts";
import type { Random } from "../ports/random.ts";

export const KEM_CIPHERTEXT_BYTES = 1_088;
const KEM_PUBLIC_BYTES = 1_184;
const KEM_SEED_BYTES = 64;
const SEED_BYTES = X25519_BYTES + KEM_SEED_BYTES;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID_BYTES = 8;
const MAX_KEY_FILE_BYTES = 4_096;
/** N = 2^17, r = 8, p = 1: half a second and 128 MB. */
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
// RFC 9935: the DER that stands before a seed, and before an encapsulation key.
const KEM_SEED_HEAD = fromHex("3054020100300b060960864801650304040204428040") ?? new Uint8Array();
const KEM_PUBLIC_HEAD = fromHex("308204b2300b0609608648016503040402038204a100") ?? new Uint8Array();
const PUBLIC_HEAD = "caye-backup-key 1";
const PLAIN_HEAD = "caye-backup-secret 1 plain";
const CLOSED_HEAD = "caye-backup-secret 1 scrypt";

export interface BackupPublicKey {
  readonly x25519: Bytes;
  readonly kem: Bytes;
  /** 8 bytes that name it. */
  readonly id: Bytes;
}

export interface BackupSecretKey {
  readonly x25519: X25519Pair;
  readonly kem: KeyObject;
  readonly public: BackupPublicKey;
}

/** What is sent along so that the other half finds the same secret. */
export interface Enclosed {
  readonly secret: Bytes;
  readonly ephemeral: Bytes;
  readonly ciphertext: Bytes;
}

/** A new pair, as its two files. @param passphrase closes the secret one */
export function makeKeyFiles(random: Random, passphrase: string | undefined): { public: Bytes; secret: Bytes } {
  const seed = random.bytes(SEED_BYTES);
  const { public: key } = secretFromSeed(seed);
  const files = { public: encodePublic(key), secret: encodeSecret(seed, passphrase, random) };
  seed.fill(0);
  return files;
}

export function decodePublic(file: Uint8Array): Decoded<BackupPublicKey> {
  const bytes = bodyOf(file, PUBLIC_HEAD);
  if (bytes?.length !== X25519_BYTES + KEM_PUBLIC_BYTES) return refused("not a public key for backups");
  return decoded(publicKeyOf(bytes.subarray(0, X25519_BYTES), bytes.subarray(X25519_BYTES)));
}

/** `passphrase wanted` and `wrong passphrase` are reasons, too. */
export function decodeSecret(file: Uint8Array, passphrase: string | undefined): Decoded<BackupSecretKey> {
  const plain = bodyOf(file, PLAIN_HEAD);
  if (plain?.length === SEED_BYTES) return decoded(secretFromSeed(plain));
  const closed = bodyOf(file, CLOSED_HEAD);
  if (closed?.length !== SALT_BYTES + NONCE_BYTES + SEED_BYTES + TAG_BYTES) return refused("not a backup's secret key");
  if (passphrase === undefined) return refused("passphrase wanted");
  const nonce = closed.subarray(SALT_BYTES, SALT_BYTES + NONCE_BYTES);
  const box = closed.subarray(SALT_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", passphraseKey(passphrase, closed.subarray(0, SALT_BYTES)), nonce);
  decipher.setAuthTag(box.subarray(-TAG_BYTES));
  const seed = decipher.update(box.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return refused("wrong passphrase");
  }
  return decoded(secretFromSeed(seed));
}

/** A fresh secret that only the key's other half finds again. */
export function enclose(key: BackupPublicKey, random: Random): Decoded<Enclosed> {
  const pair = x25519FromSeed(random.bytes(X25519_BYTES));
  const shared = exchange(pair.privateKey, key.x25519);
  const kemKey = shared && kemPublic(key.kem);
  if (kemKey === undefined || shared === undefined) return refused("not a public key for backups");
  const { sharedKey, ciphertext } = encapsulate(kemKey);
  const sent = { ephemeral: pair.publicKey, ciphertext: copyBytes(ciphertext) };
  return decoded({ ...sent, secret: combined(shared, sharedKey, sent, key) });
}

/** Undefined for an ephemeral key that no pair has. A forged ciphertext gives another secret: the stream then does not open. */
export function disclose(key: BackupSecretKey, sent: Omit<Enclosed, "secret">): Bytes | undefined {
  const shared = exchange(key.x25519.privateKey, sent.ephemeral);
  return shared && combined(shared, decapsulate(key.kem, sent.ciphertext), sent, key.public);
}

/** 32 bytes; half a second. @param salt 16 bytes */
export function passphraseKey(passphrase: string, salt: Uint8Array): Bytes {
  return copyBytes(scryptSync(passphrase.normalize("NFC"), salt, 32, SCRYPT));
}

/** Both secrets, bound to all that was sent and to whom. */
function combined(
  shared: Uint8Array,
  kemSecret: Uint8Array,
  { ephemeral, ciphertext }: Omit<Enclosed, "secret">,
  key: BackupPublicKey,
): Bytes {
  const transcript = createHash("sha256").update(ephemeral).update(ciphertext).update(key.x25519).update(key.kem);
  const secrets = concatBytes(kemSecret, shared);
  return new Uint8Array(hkdfSync("sha256", secrets, transcript.digest(), "caye backup secret v1", 32));
}

function exchange(privateKey: KeyObject, publicKey: Uint8Array): Uint8Array | undefined {
  const point = x25519PublicKey(publicKey);
  if (point === undefined) return undefined;
  try {
    return diffieHellman({ privateKey, publicKey: point });
  } catch {
    // Points of small order, which no key pair has.
    return undefined;
  }
}

function kemPublic(bytes: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(concatBytes(KEM_PUBLIC_HEAD, bytes)), format: "der", type: "spki" });
  } catch {
    // FIPS 203, 7.2: numbers that are too large.
    return undefined;
  }
}

function secretFromSeed(seed: Uint8Array): BackupSecretKey {
  const x25519 = x25519FromSeed(copyBytes(seed.subarray(0, X25519_BYTES)));
  const der = Buffer.from(concatBytes(KEM_SEED_HEAD, seed.subarray(X25519_BYTES)));
  const kem = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  const spki = createPublicKey(kem).export({ format: "der", type: "spki" });
  return { x25519, kem, public: publicKeyOf(x25519.publicKey, spki.subarray(KEM_PUBLIC_HEAD.length)) };
}

function publicKeyOf(x25519: Uint8Array, kem: Uint8Array): BackupPublicKey {
  const digest = createHash("sha256").update("caye backup key id v1").update(x25519).update(kem).digest();
  return { x25519: copyBytes(x25519), kem: copyBytes(kem), id: copyBytes(digest.subarray(0, KEY_ID_BYTES)) };
}

function encodePublic({ x25519, kem }: BackupPublicKey): Bytes {
  return textOf(PUBLIC_HEAD, concatBytes(x25519, kem));
}

function encodeSecret(seed: Uint8Array, passphrase: string | undefined, random: Random): Bytes {
  if (passphrase === undefined) return textOf(PLAIN_HEAD, seed);
  const [salt, nonce] = [random.bytes(SALT_BYTES), random.bytes(NONCE_BYTES)];
  const cipher = createCipheriv("aes-256-gcm", passphraseKey(passphrase, salt), nonce);
  return textOf(CLOSED_HEAD, concatBytes(salt, nonce, cipher.update(seed), cipher.final(), cipher.getAuthTag()));
}

function textOf(head: string, bytes: Uint8Array): Bytes {
  return utf8(`${head}\n${Buffer.from(bytes).toString("base64")}\n`);
}

/** Undefined for another kind of file. */
function bodyOf(file: Uint8Array, head: string): Bytes | undefined {
  if (file.length > MAX_KEY_FILE_BYTES) return undefined;
  const [first, body = "", ...rest] = (fromUtf8(file) ?? "").trim().split(/\r?\n/);
  if (first?.trim() !== head || rest.length > 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(body.trim())) return undefined;
  return copyBytes(Buffer.from(body.trim(), "base64"));
}
