/** ML-KEM-768 (FIPS 203) and ML-DSA (FIPS 204) by OpenSSL, from seeds and from the standards' own forms of keys. @module */
import {
  createPrivateKey,
  createPublicKey,
  decapsulate as opensslDecapsulate,
  encapsulate as opensslEncapsulate,
  type KeyObject,
  sign,
} from "node:crypto";
import { type Bytes, concatBytes, copyBytes, fromHex } from "../kernel/bytes.ts";

export interface LatticeSigner {
  readonly publicKey: Uint8Array;
  /** As FIPS 204 writes it, without the seed. */
  readonly privateKey: Uint8Array;
  /** Hedged: two signatures of one message differ. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

export interface KemKeys {
  readonly encapsulationKey: Uint8Array;
  /** As FIPS 203 writes it, without the seed. */
  readonly decapsulationKey: Uint8Array;
}

export interface Encapsulated {
  readonly secret: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** The DER that stands before keys of these lengths. RFC 9881 (ML-DSA), RFC 9935 (ML-KEM). */
const SEED_OF_ML_DSA_44 = der("3034020100300b060960864801650304031104228020");
const SEED_OF_ML_DSA_65 = der("3034020100300b060960864801650304031204228020");
const PUBLIC_ML_DSA_65 = der("308207b2300b0609608648016503040312038207a100");
const SEED_OF_ML_KEM_768 = der("3054020100300b060960864801650304040204428040");
const EXPANDED_ML_KEM_768 = der("30820978020100300b06096086480165030404020482096404820960");
const PUBLIC_ML_KEM_768 = der("308204b2300b0609608648016503040402038204a100");

const ML_DSA_44_PRIVATE_BYTES = 2_560;
const ML_DSA_65_PRIVATE_BYTES = 4_032;
const ML_KEM_768_PRIVATE_BYTES = 2_400;

/** The private key that FIPS 204 derives from the seed. */
export function expandedMlDsa44(seed: Uint8Array): Bytes {
  return endOf(privateKey(SEED_OF_ML_DSA_44, seed), ML_DSA_44_PRIVATE_BYTES);
}

export function mlDsa65FromSeed(seed: Uint8Array): LatticeSigner {
  const key = privateKey(SEED_OF_ML_DSA_65, seed);
  return {
    publicKey: publicPart(key, PUBLIC_ML_DSA_65.length),
    privateKey: endOf(key, ML_DSA_65_PRIVATE_BYTES),
    sign: (message) => copyBytes(sign(null, message, key)),
  };
}

/** @param seed d ‖ z, 64 bytes */
export function mlKem768FromSeed(seed: Uint8Array): KemKeys {
  const key = privateKey(SEED_OF_ML_KEM_768, seed);
  return {
    encapsulationKey: publicPart(key, PUBLIC_ML_KEM_768.length),
    decapsulationKey: endOf(key, ML_KEM_768_PRIVATE_BYTES),
  };
}

export function encapsulate(encapsulationKey: Uint8Array): Encapsulated {
  const { sharedKey, ciphertext } = opensslEncapsulate(publicKey(PUBLIC_ML_KEM_768, encapsulationKey));
  return { secret: copyBytes(sharedKey), ciphertext: copyBytes(ciphertext) };
}

/** A ciphertext that is none gives another secret, never an error: FIPS 203, implicit rejection. */
export function decapsulate(decapsulationKey: Uint8Array, ciphertext: Uint8Array): Bytes {
  return copyBytes(opensslDecapsulate(privateKey(EXPANDED_ML_KEM_768, decapsulationKey), ciphertext));
}

function der(hex: string): Bytes {
  return fromHex(hex) ?? new Uint8Array();
}

function privateKey(prefix: Uint8Array, key: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.from(concatBytes(prefix, key)), format: "der", type: "pkcs8" });
}

function publicKey(prefix: Uint8Array, key: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.from(concatBytes(prefix, key)), format: "der", type: "spki" });
}

function publicPart(key: KeyObject, prefixBytes: number): Bytes {
  return copyBytes(createPublicKey(key).export({ format: "der", type: "spki" }).subarray(prefixBytes));
}

/** OpenSSL writes the seed, then the expanded key. */
function endOf(key: KeyObject, count: number): Bytes {
  return copyBytes(key.export({ format: "der", type: "pkcs8" }).subarray(-count));
}
