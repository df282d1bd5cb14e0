/** The known answers: what each algorithm must give for the values of its standard, and what it must refuse. @module */
import { concatBytes, equalBytes, fromHex } from "../kernel/bytes.ts";
import type { Digest, LatticeSignatures, Primitives } from "./primitives.ts";
import { AES_256_GCM } from "./vectors/aes-gcm.ts";
import { ED25519_KEYS, ED25519_SIGNATURES } from "./vectors/ed25519.ts";
import { DIGESTS, HMAC_SHA_256 } from "./vectors/hash.ts";
import { HMAC_DRBG_SHA_256 } from "./vectors/hmac-drbg.ts";
import { ML_DSA_44_KEYS, ML_DSA_44_SIGNATURES } from "./vectors/ml-dsa-44.ts";
import { ML_DSA_65_KEYS, ML_DSA_65_SIGNATURES } from "./vectors/ml-dsa-65.ts";
import { ML_KEM_768_DECAPSULATION_KEY, ML_KEM_768_KEYS, ML_KEM_768_SECRETS } from "./vectors/ml-kem.ts";
import { P256_SIGNATURES } from "./vectors/p256.ts";

export interface KnownAnswer {
  readonly name: string;
  readonly source: string;
  /** The cases by name, those of power-up first. */
  readonly cases: readonly string[];
  /** So many of the cases run at power-up, 1 or more. */
  readonly atPowerUp: number;
  /** True when the primitives give the known answer. A primitive that throws has not. */
  readonly run: (index: number, primitives: Primitives) => boolean;
}

interface Table {
  readonly name: string;
  readonly source: string;
  /** Words of hex in lines; `-` is empty. */
  readonly table: string;
  /** Of the case, when it is not the first word. */
  readonly named?: (words: readonly string[]) => string;
  /** Cases that run at power-up, by name; all of them when left out. */
  readonly atPowerUp?: readonly string[];
  readonly holds: (primitives: Primitives, words: Words) => boolean;
}

const NIST_ACVP = "NIST ACVP";
const WYCHEPROOF = "Project Wycheproof";

export function knownAnswers(): readonly KnownAnswer[] {
  return TABLES.map(knownAnswer);
}

function knownAnswer({ name, source, table, named, atPowerUp, holds }: Table): KnownAnswer {
  const rows = table
    .trim()
    .split("\n")
    .map((line) => line.split(" "));
  const nameOf = named ?? ((words) => words[0] ?? "");
  const isFirst = (row: readonly string[]): boolean => atPowerUp?.includes(nameOf(row)) ?? true;
  const first = rows.filter(isFirst);
  if (first.length !== (atPowerUp?.length ?? rows.length)) {
    throw new RangeError(`${name}: a case of power-up is not in the table`);
  }
  const all = [...first, ...rows.filter((row) => !isFirst(row))];
  return {
    name,
    source,
    cases: all.map(nameOf),
    atPowerUp: first.length,
    run: (index, primitives) => {
      try {
        return holds(primitives, new Words(all[index] ?? []));
      } catch {
        return false;
      }
    },
  };
}

/** One line of a table. */
class Words {
  readonly #words: readonly string[];

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  text(at: number): string {
    return this.#words[at] ?? "";
  }

  /** @throws RangeError for what is not hex: a fault of the table */
  bytes(at: number): Uint8Array {
    const text = this.text(at);
    const bytes = text === "-" ? new Uint8Array() : fromHex(text);
    if (bytes === undefined || text === "") throw new RangeError("a table of known answers holds what is not hex");
    return bytes;
  }
}

const TABLES: readonly Table[] = [
  {
    name: "SHA-2 and SHA-3",
    source: "NIST, Examples with Intermediate Values",
    table: DIGESTS,
    named: ([algorithm = "", message = ""]) => `${algorithm} of ${message === "-" ? 0 : message.length / 2} bytes`,
    holds: ({ digest }, words) => equalBytes(digest(digestNamed(words.text(0)), words.bytes(1)), words.bytes(2)),
  },
  {
    name: "HMAC-SHA-256",
    source: `RFC 4231; ${WYCHEPROOF}`,
    table: HMAC_SHA_256,
    atPowerUp: ["RFC-4231-1", "RFC-4231-2"],
    holds: ({ hmacSha256 }, words) => equalBytes(hmacSha256(words.bytes(1), words.bytes(2)), words.bytes(3)),
  },
  {
    name: "AES-256-GCM",
    source: WYCHEPROOF,
    table: AES_256_GCM,
    // With additional data, without, of several blocks; and one whose tag is wrong.
    atPowerUp: ["91", "95", "97", "130"],
    holds: (primitives, words) => {
      const sealing = { key: words.bytes(2), nonce: words.bytes(3), additional: words.bytes(4) };
      const [plaintext, sealed] = [words.bytes(5), concatBytes(words.bytes(6), words.bytes(7))];
      const opened = primitives.openAes256Gcm(sealing, sealed);
      if (words.text(1) !== "valid") return opened === undefined;
      const same = opened !== undefined && equalBytes(opened, plaintext);
      return same && equalBytes(primitives.sealAes256Gcm(sealing, plaintext), sealed);
    },
  },
  {
    name: "Ed25519 signatures",
    source: "RFC 8032, section 7.1",
    table: ED25519_KEYS,
    holds: (primitives, words) => {
      const signer = primitives.ed25519FromSeed(words.bytes(1));
      const { publicKey } = signer;
      const [message, signature] = [words.bytes(3), words.bytes(4)];
      const same = equalBytes(publicKey, words.bytes(2)) && equalBytes(signer.sign(message), signature);
      return same && tellsApart((...of) => primitives.verifyEd25519(publicKey, ...of), message, signature);
    },
  },
  {
    name: "Ed25519 verification",
    source: WYCHEPROOF,
    table: ED25519_SIGNATURES,
    atPowerUp: ["1", "10", "63"],
    holds: ({ verifyEd25519 }, words) =>
      verifyEd25519(words.bytes(2), words.bytes(3), words.bytes(4)) === (words.text(1) === "valid"),
  },
  {
    name: "ECDSA P-256 verification",
    source: WYCHEPROOF,
    table: P256_SIGNATURES,
    atPowerUp: ["1", "2", "60"],
    holds: ({ verifyP256 }, words) =>
      verifyP256(words.bytes(2), words.bytes(3), words.bytes(4)) === (words.text(1) === "valid"),
  },
  {
    name: "ML-KEM-768 key generation",
    source: NIST_ACVP,
    table: ML_KEM_768_KEYS,
    atPowerUp: ["26"],
    holds: (primitives, words) => {
      const { mlKem768 } = primitives;
      const { encapsulationKey, decapsulationKey } = mlKem768.fromSeed(concatBytes(words.bytes(1), words.bytes(2)));
      const { secret, ciphertext } = mlKem768.encapsulate(encapsulationKey);
      return (
        hasDigest(primitives, encapsulationKey, words.bytes(3)) &&
        hasDigest(primitives, decapsulationKey, words.bytes(4)) &&
        equalBytes(mlKem768.decapsulate(decapsulationKey, ciphertext), secret)
      );
    },
  },
  {
    name: "ML-KEM-768 decapsulation",
    source: NIST_ACVP,
    table: ML_KEM_768_SECRETS,
    named: ([id = "", outcome = ""]) => `${id} ${outcome}`,
    atPowerUp: ["88 accepted", "86 rejected"],
    holds: ({ mlKem768 }, words) => {
      const key = fromHex(ML_KEM_768_DECAPSULATION_KEY) ?? new Uint8Array();
      return equalBytes(mlKem768.decapsulate(key, words.bytes(3)), words.bytes(2));
    },
  },
  ...signatureTables("ML-DSA-44", ({ mlDsa44 }) => mlDsa44, [ML_DSA_44_KEYS, "1"], ML_DSA_44_SIGNATURES),
  ...signatureTables("ML-DSA-65", ({ mlDsa65 }) => mlDsa65, [ML_DSA_65_KEYS, "26"], ML_DSA_65_SIGNATURES),
  {
    name: "HMAC_DRBG",
    source: "NIST CAVP",
    table: HMAC_DRBG_SHA_256,
    atPowerUp: ["PR-True-256,256", "PR-False-256,256", "No-Reseed-0,0"],
    holds: ({ hmacDrbg }, words) => {
      const [entropy, nonce, personalisation, output] = [1, 2, 3, 10].map((at) => words.bytes(at));
      if (entropy === undefined || nonce === undefined || output === undefined) return false;
      const drbg = hmacDrbg({ entropy, nonce, ...(personalisation === undefined ? {} : { personalisation }) });
      if (words.text(4) !== "-") drbg.reseed(words.bytes(4), words.bytes(5));
      const request = (fresh: number): Uint8Array =>
        drbg.generate(output.length, {
          additional: words.bytes(fresh + 1),
          ...(words.text(fresh) === "-" ? {} : { fresh: words.bytes(fresh) }),
        });
      request(6);
      return equalBytes(request(8), output);
    },
  },
];

function signatureTables(
  name: string,
  of: (primitives: Primitives) => LatticeSignatures,
  [keys, first]: readonly [table: string, atPowerUp: string],
  signatures: string,
): readonly Table[] {
  return [
    {
      name: `${name} key generation`,
      source: NIST_ACVP,
      table: keys,
      atPowerUp: [first],
      holds: (primitives, words) => {
        const { publicKey, privateKey, sign } = of(primitives).fromSeed(words.bytes(1));
        const message = words.bytes(1);
        return (
          hasDigest(primitives, publicKey, words.bytes(2)) &&
          hasDigest(primitives, privateKey, words.bytes(3)) &&
          of(primitives).verify(publicKey, message, sign(message))
        );
      },
    },
    {
      name: `${name} verification`,
      source: WYCHEPROOF,
      table: signatures,
      atPowerUp: ["1"],
      holds: (primitives, words) => {
        const { publicKey } = of(primitives).fromSeed(words.bytes(1));
        return tellsApart((...parts) => of(primitives).verify(publicKey, ...parts), words.bytes(2), words.bytes(3));
      },
    },
  ];
}

/** The signature is good, and a bit of it, of its end or of the message spoils it. */
function tellsApart(
  verify: (message: Uint8Array, signature: Uint8Array) => boolean,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  return (
    verify(message, signature) &&
    !verify(concatBytes(message, Uint8Array.of(0)), signature) &&
    !verify(message, withoutBit(signature, 0)) &&
    !verify(message, withoutBit(signature, signature.length >> 1))
  );
}

/** With one bit turned. */
export function withoutBit(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));
}

function hasDigest({ digest }: Primitives, bytes: Uint8Array, expected: Uint8Array): boolean {
  return equalBytes(digest("sha256", bytes), expected);
}

const DIGEST_NAMES: readonly Digest[] = ["sha256", "sha384", "sha512", "sha3-256", "sha3-512", "shake256"];

function digestNamed(name: string): Digest {
  const digest = DIGEST_NAMES.find((known) => known === name);
  if (digest === undefined) throw new RangeError(`a table of known answers holds the unknown digest ${name}`);
  return digest;
}
