/**
 * The cryptography that is tested, as it is used: ours where a room has its own form of it, else Node's. A test that
 * must be seen to fail gives others.
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, createPublicKey, verify } from "node:crypto";
import { type DrbgRequest, type DrbgSeed, HmacDrbg } from "../entropy/drbg.ts";
import { concatBytes, copyBytes } from "../kernel/bytes.ts";
import { type Ed25519Signer, ed25519FromSeed, verifyEd25519 } from "../kernel/ed25519.ts";
import { ML_DSA_65, mlDsaFromSeed, verifyMlDsa } from "../kernel/ml-dsa.ts";
import {
  type Encapsulated,
  type KemKeys,
  type LatticeSigner,
  decapsulate,
  encapsulate,
  expandedMlDsa44,
  mlDsa65FromSeed,
  mlKem768FromSeed,
} from "./lattices.ts";

export type Digest = "sha256" | "sha384" | "sha512" | "sha3-256" | "sha3-512" | "shake256";

export interface Sealing {
  /** 32 bytes. */
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly additional: Uint8Array;
}

export interface LatticeSignatures {
  /** @param seed 32 bytes */
  readonly fromSeed: (seed: Uint8Array) => LatticeSigner;
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
}

export interface Kem {
  /** @param seed d ‖ z, 64 bytes */
  readonly fromSeed: (seed: Uint8Array) => KemKeys;
  readonly encapsulate: (encapsulationKey: Uint8Array) => Encapsulated;
  readonly decapsulate: (decapsulationKey: Uint8Array, ciphertext: Uint8Array) => Uint8Array;
}

export interface Drbg {
  reseed(entropy: Uint8Array, additional: Uint8Array): void;
  generate(length: number, request: DrbgRequest): Uint8Array;
}

export interface Primitives {
  /** Of SHAKE256 the first 32 bytes. */
  readonly digest: (algorithm: Digest, message: Uint8Array) => Uint8Array;
  readonly hmacSha256: (key: Uint8Array, message: Uint8Array) => Uint8Array;
  /** Ciphertext and tag of 16 bytes. */
  readonly sealAes256Gcm: (sealing: Sealing, plaintext: Uint8Array) => Uint8Array;
  /** Undefined when the tag is wrong. */
  readonly openAes256Gcm: (sealing: Sealing, sealed: Uint8Array) => Uint8Array | undefined;
  readonly ed25519FromSeed: (seed: Uint8Array) => Ed25519Signer;
  readonly verifyEd25519: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  /** @param publicKey x ‖ y @param signature r ‖ s */
  readonly verifyP256: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
  readonly mlDsa44: LatticeSignatures;
  readonly mlDsa65: LatticeSignatures;
  readonly mlKem768: Kem;
  readonly hmacDrbg: (seed: DrbgSeed) => Drbg;
}

const TAG_BYTES = 16;
const SHAKE_BYTES = 32;

export const ownPrimitives: Primitives = {
  digest: (algorithm, message) => {
    const options = algorithm === "shake256" ? { outputLength: SHAKE_BYTES } : {};
    return copyBytes(createHash(algorithm, options).update(message).digest());
  },
  hmacSha256: (key, message) => copyBytes(createHmac("sha256", key).update(message).digest()),
  sealAes256Gcm: ({ key, nonce, additional }, plaintext) => {
    const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES }).setAAD(additional);
    return concatBytes(cipher.update(plaintext), cipher.final(), cipher.getAuthTag());
  },
  openAes256Gcm: ({ key, nonce, additional }, sealed) => {
    const decipher = createDecipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES }).setAAD(additional);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES));
    try {
      return concatBytes(plaintext, decipher.final());
    } catch {
      return undefined;
    }
  },
  ed25519FromSeed,
  verifyEd25519,
  verifyP256,
  mlDsa44: {
    fromSeed: (seed) => {
      const signer = mlDsaFromSeed(seed);
      const { publicKey } = signer;
      return { publicKey, privateKey: expandedMlDsa44(seed), sign: (message) => signer.sign(message) };
    },
    verify: verifyMlDsa,
  },
  mlDsa65: {
    fromSeed: (seed) => ({ ...mlDsa65FromSeed(seed), sign: (message) => mlDsaFromSeed(seed, ML_DSA_65).sign(message) }),
    verify: (publicKey, message, signature) => verifyMlDsa(publicKey, message, signature, ML_DSA_65),
  },
  mlKem768: { fromSeed: mlKem768FromSeed, encapsulate, decapsulate },
  hmacDrbg: (seed) => new HmacDrbg(seed),
};

function verifyP256(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const [x, y] = [publicKey.subarray(0, 32), publicKey.subarray(32)].map((half) =>
    Buffer.from(half).toString("base64url"),
  );
  try {
    const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: x ?? "", y: y ?? "" }, format: "jwk" });
    return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
  } catch {
    return false;
  }
}
