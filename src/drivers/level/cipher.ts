/**
 * Values at rest: AES-256-GCM, each under a nonce of its own, bound to the key that it is stored under.
 *
 * A sealed value is nonce (12) ‖ ciphertext ‖ tag (16). The cipher's key and the check value that tells a wrong store key
 * at once are derived from the store key by HKDF-SHA256, under different labels.
 * @module
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject } from "node:crypto";
import { type Bytes, concatBytes } from "../../kernel/bytes.ts";
import type { Random } from "../../ports/random.ts";

export const STORE_KEY_BYTES = 32;
export const CHECK_BYTES = 16;
/** By how much a sealed value is longer. */
export const SEAL_BYTES = 28;

const ALGORITHM = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class ValueCipher {
  /** Tells one store key from another, and says nothing else of it. */
  readonly check: Bytes;
  readonly #key: KeyObject;
  readonly #random: Random;

  /** @param storeKey 32 bytes; not kept: the caller may wipe it */
  constructor(storeKey: Uint8Array, random: Random) {
    if (storeKey.length !== STORE_KEY_BYTES) throw new RangeError("a store key has 32 bytes");
    this.check = derive(storeKey, "caye store check v1", CHECK_BYTES);
    const key = derive(storeKey, "caye store values v1", 32);
    this.#key = createSecretKey(key);
    key.fill(0);
    this.#random = random;
  }

  seal(key: Uint8Array, value: Uint8Array): Bytes {
    // Random nonces of 96 bits: a thousand writes a second for a month stay below NIST's 2^32 values a key.
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(key);
    return concatBytes(nonce, cipher.update(value), cipher.final(), cipher.getAuthTag());
  }

  /** Undefined when these are not the bytes that were sealed under this key. */
  open(key: Uint8Array, sealed: Uint8Array): Bytes | undefined {
    if (sealed.length < SEAL_BYTES) return undefined;
    const nonce = sealed.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(key);
    decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
    const value = decipher.update(sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES));
    try {
      // GCM leaves nothing for the end: it only compares the tag, and throws where it differs.
      decipher.final();
    } catch {
      return undefined;
    }
    return new Uint8Array(value.buffer, value.byteOffset, value.length);
  }
}

function derive(storeKey: Uint8Array, label: string, length: number): Bytes {
  return new Uint8Array(hkdfSync("sha256", storeKey, new Uint8Array(), label, length));
}
