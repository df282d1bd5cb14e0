/**
 * The authority of a village: two key pairs, Ed25519 and ML-DSA-44, in one file that is kept off the network.
 *
 * The file: lines for people begin with `#`; then `caye-authority 1 plain SECRET`, or `caye-authority 1 scrypt SALT NONCE BOX`:
 * the secret under AES-256-GCM, its key from the passphrase by scrypt (N = 2^17, r = 8, p = 1: about half a second and 128 MB).
 * All in hex. The secret: two seeds of 32 bytes, by chance, or by HKDF-SHA256 from the 32 bytes that recovery words stand for. A third key, of P-256, for what TPMs check, is derived from it.
 * @module
 */
import { createCipheriv, createDecipheriv, hkdfSync, scryptSync } from "node:crypto";
import { type Bytes, concatBytes, copyBytes, fromHex, fromUtf8, toHex, utf8 } from "../kernel/bytes.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import { compressedPoint, p256FromSecret } from "../kernel/p256.ts";
import type { AuthorityKey, AuthorityKeys, AuthoritySigner, VillageTools } from "../kernel/village.ts";
import type { Random } from "../ports/random.ts";
import { authorFromSeed, authorId } from "./author.ts";
import { mlDsaFromSeed } from "../kernel/ml-dsa.ts";
import { decodeRequest, encodeStatementFile } from "./statement-file.ts";
import { messageOf, signedStatement, type Statement } from "./statement.ts";

const SEED_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const UPDATE_KEY = "caye update key v1";
const WORDS_LABEL = "caye authority words v1";
const SCRYPT = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 } as const;
const PLAIN = /^caye-authority 1 plain ([0-9a-f]{128})$/m;
const CLOSED = /^caye-authority 1 scrypt ([0-9a-f]{32}) ([0-9a-f]{24}) ([0-9a-f]{160})$/m;

export function villageTools(random: Random): VillageTools {
  return {
    createAuthority: (passphrase, seed) => {
      const secret = seed === undefined ? random.bytes(2 * SEED_BYTES) : secretFromSeed(seed);
      const { authority, updateKey } = signerOf(secret);
      return { file: keyFile(secret, { authority, updateKey }, passphrase, random), authority, updateKey };
    },
    createSeed: () => random.bytes(SEED_BYTES),
    openAuthority: (key) => signerOf(secretOf(key)),
    certify: (signer, node, nowS, untilS) =>
      stated(signer, { kind: "certificate", serial: nowS, fromS: nowS, untilS, ...node }),
    createGroupKey: (number) =>
      utf8(
        `# The group key of a private village: as secret as what is said there.\ncaye-group-key ${number} ${toHex(random.bytes(SEED_BYTES))}\n`,
      ),
    readRequest: (file) => {
      const { publicKey, name } = requestIn(file);
      return { id: toHex(authorId(publicKey)), name };
    },
    enrol: (key, file, nowS, untilS) => {
      const request = requestIn(file);
      const certificate = { kind: "certificate", serial: nowS, fromS: nowS, untilS, ...request } as const;
      const { publicKey, name } = request;
      return { file: stated(signerOf(secretOf(key)), certificate), id: toHex(authorId(publicKey)), name };
    },
    revoke: (key, serials, number) =>
      stated(signerOf(secretOf(key)), {
        kind: "revocations",
        number,
        serials: [...new Set(serials)].toSorted((a, b) => a - b),
      }),
  };
}

function requestIn(file: Uint8Array) {
  const request = decodeRequest(file);
  if (request.ok) return request.value;
  throw new AgentError("REQUEST_INVALID", `this is no request of a node: ${request.reason}`, {
    fix: "make it on the node: caye village request > NODE.request",
  });
}

/** Of an authority that recovery words bring back. @param seed 32 bytes, what the words stand for */
function secretFromSeed(seed: Uint8Array): Bytes {
  if (seed.length !== SEED_BYTES) throw new RangeError("recovery words stand for 32 bytes");
  return new Uint8Array(hkdfSync("sha256", seed, new Uint8Array(), WORDS_LABEL, 2 * SEED_BYTES));
}

function signerOf(secret: Uint8Array): AuthoritySigner {
  const author = authorFromSeed(secret.subarray(0, SEED_BYTES));
  const mlDsa = mlDsaFromSeed(secret.subarray(SEED_BYTES));
  const update = p256FromSecret(secret, UPDATE_KEY);
  return {
    authority: toHex(concatBytes(author.publicKey, mlDsa.fingerprint)),
    updateKey: toHex(compressedPoint(update)),
    sign: (message) => author.sign(message),
    mlDsa,
    update,
  };
}

function stated(signer: AuthoritySigner, statement: Statement): Bytes {
  const { mlDsa } = signer;
  const message = messageFor(statement);
  const entry = signedStatement(statement, signer.sign(message));
  return encodeStatementFile({ entry, proof: { publicKey: mlDsa.publicKey, signature: mlDsa.sign(message) } });
}

function messageFor(statement: Statement): Bytes {
  try {
    return messageOf(statement);
  } catch (cause) {
    throw new AgentError("CERTIFICATE_INVALID", `that can't be stated: ${describeError(cause)}`, { cause });
  }
}

function keyFile(secret: Bytes, keys: AuthorityKeys, passphrase: string | undefined, random: Random): Bytes {
  const lines = [
    "# The authority of a village. Who has this file decides who belongs to it: keep it off the network, and a copy elsewhere.",
    `# Everybody's configuration: [village] authority = "${keys.authority}"`,
    `# … and, where there is a TPM: [trust] update_key = "${keys.updateKey}"`,
    passphrase === undefined ? `caye-authority 1 plain ${toHex(secret)}` : closed(secret, passphrase, random),
  ];
  return utf8(`${lines.join("\n")}\n`);
}

function closed(secret: Bytes, passphrase: string, random: Random): string {
  const [salt, nonce] = [random.bytes(SALT_BYTES), random.bytes(NONCE_BYTES)];
  const cipher = createCipheriv("aes-256-gcm", wrappingKey(passphrase, salt), nonce);
  const box = concatBytes(cipher.update(secret), cipher.final(), cipher.getAuthTag());
  return `caye-authority 1 scrypt ${toHex(salt)} ${toHex(nonce)} ${toHex(box)}`;
}

/** @throws AgentError "AUTHORITY_KEY" */
function secretOf({ file, passphrase }: AuthorityKey): Bytes {
  const text = fromUtf8(file) ?? "";
  const plain = fromHex(PLAIN.exec(text)?.[1] ?? "");
  if (plain?.length === 2 * SEED_BYTES) return plain;
  const [, ...hex] = CLOSED.exec(text) ?? [];
  const [salt, nonce, box] = hex.map((part) => fromHex(part));
  if (salt === undefined || nonce === undefined || box === undefined) {
    throw new AgentError("AUTHORITY_KEY", "this is no key file of an authority", {
      fix: "caye village create makes one",
    });
  }
  if (passphrase === undefined) {
    throw new AgentError("AUTHORITY_KEY", "the authority's key is closed by a passphrase", {
      fix: "--passphrase-file FILE",
    });
  }
  const at = box.length - TAG_BYTES;
  try {
    const decipher = createDecipheriv("aes-256-gcm", wrappingKey(passphrase, salt), nonce);
    decipher.setAuthTag(box.subarray(at));
    return copyBytes(concatBytes(decipher.update(box.subarray(0, at)), decipher.final()));
  } catch (cause) {
    throw new AgentError("AUTHORITY_KEY", "that passphrase does not open the authority's key", { cause });
  }
}

function wrappingKey(passphrase: string, salt: Uint8Array): Buffer {
  return scryptSync(passphrase.normalize("NFC"), salt, SEED_BYTES, SCRYPT);
}
