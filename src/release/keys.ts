/**
 * The keys that releases are signed with: Ed25519 and ML-DSA-65, of which both must hold. Two files, each with a line for
 * people above what counts:
 *
 * - the secret, kept off the network: `caye-release-secret 1 HEX`: two seeds of 32 bytes, Ed25519's first
 * - the public keys, for every node: `caye-release-key 1 HEX`: Ed25519's 32 bytes, then ML-DSA-65's 1,952
 *
 * A key's id is the beginning of the SHA-256 over both public keys, 16 hex digits.
 * @module
 */
import { createHash } from "node:crypto";
import { type Bytes, concatBytes, copyBytes, equalBytes, fromHex, fromUtf8, toHex, utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { ED25519_PUBLIC_KEY_BYTES, ED25519_SEED_BYTES, ed25519FromSeed } from "../kernel/ed25519.ts";
import { ML_DSA_65, mlDsaFromSeed } from "../kernel/ml-dsa.ts";
import type { Random } from "../ports/random.ts";

const SECRET_BYTES = 2 * ED25519_SEED_BYTES;
const PUBLIC_BYTES = ED25519_PUBLIC_KEY_BYTES + ML_DSA_65.publicKeyBytes;
const ID_DIGITS = 16;
const MAX_FILE_BYTES = 16_384;
const SECRET = /^caye-release-secret 1 ([0-9a-f]+)$/;
const PUBLIC = /^caye-release-key 1 ([0-9a-f]+)$/;

/** Whose releases a node installs. */
export interface ReleaseKey {
  readonly id: string;
  /** 32 bytes. */
  readonly ed25519: Bytes;
  /** 1,952 bytes. */
  readonly mlDsa: Bytes;
}

export interface ReleaseSigner {
  readonly key: ReleaseKey;
  /** Ed25519's signature, then ML-DSA-65's. */
  sign(message: Uint8Array): readonly [Bytes, Bytes];
}

export interface ReleaseKeyFiles {
  readonly id: string;
  /** To be readable by its owner alone. */
  readonly secret: Bytes;
  readonly publicKey: Bytes;
}

export function createReleaseKeys(random: Random): ReleaseKeyFiles {
  const secret = random.bytes(SECRET_BYTES);
  const { key } = signerOf(secret);
  const text = [
    `# Signs releases of Caye as ${key.id}: whoever has this file can install what he likes on every node. Keep it off the network.`,
    `caye-release-secret 1 ${toHex(secret)}`,
  ];
  secret.fill(0);
  return { id: key.id, secret: utf8(`${text.join("\n")}\n`), publicKey: encodeReleaseKey(key) };
}

export function encodeReleaseKey({ id, ed25519, mlDsa }: ReleaseKey): Bytes {
  return utf8(
    `# Releases of Caye that are signed with key ${id} may be installed here.\ncaye-release-key 1 ${toHex(concatBytes(ed25519, mlDsa))}\n`,
  );
}

/** The one form that {@link encodeReleaseKey} gives. */
export function decodeReleaseKey(file: Uint8Array): Decoded<ReleaseKey> {
  const bytes = hexLine(file, PUBLIC);
  if (bytes?.length !== PUBLIC_BYTES) return refused("not a release key");
  const key = keyOf(bytes.subarray(0, ED25519_PUBLIC_KEY_BYTES), bytes.subarray(ED25519_PUBLIC_KEY_BYTES));
  return equalBytes(encodeReleaseKey(key), file) ? decoded(key) : refused("not in its one form");
}

export function decodeReleaseSecret(file: Uint8Array): Decoded<ReleaseSigner> {
  const secret = hexLine(file, SECRET);
  return secret?.length === SECRET_BYTES ? decoded(signerOf(secret)) : refused("not the secret of a release key");
}

function signerOf(secret: Uint8Array): ReleaseSigner {
  const author = ed25519FromSeed(secret.subarray(0, ED25519_SEED_BYTES));
  const mlDsa = mlDsaFromSeed(secret.subarray(ED25519_SEED_BYTES), ML_DSA_65);
  return {
    key: keyOf(author.publicKey, mlDsa.publicKey),
    sign: (message) => [author.sign(message), mlDsa.sign(message)],
  };
}

function keyOf(ed25519: Uint8Array, mlDsa: Uint8Array): ReleaseKey {
  const id = createHash("sha256").update(ed25519).update(mlDsa).digest("hex").slice(0, ID_DIGITS);
  return { id, ed25519: copyBytes(ed25519), mlDsa: copyBytes(mlDsa) };
}

/** What stands behind the head, in the one line that is no comment. */
function hexLine(file: Uint8Array, form: RegExp): Bytes | undefined {
  if (file.length > MAX_FILE_BYTES) return undefined;
  const lines = (fromUtf8(file) ?? "").split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const hex = lines.length === 1 ? form.exec(lines[0] ?? "")?.[1] : undefined;
  return hex === undefined ? undefined : fromHex(hex);
}
