/**
 * HMAC_DRBG over SHA-256: the generator of NIST SP 800-90A rev. 1, section 10.1.2, of security strength 256.
 *
 * Old keys are overwritten at each step. What Node's own HMAC held inside is not ours to overwrite.
 * @module
 */
import { createHmac } from "node:crypto";
import { concatBytes, type Bytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";

/** Entropy input must hold as many bits as the strength has. */
export const LEAST_ENTROPY_BYTES = 32;
/** Half as long. */
export const LEAST_NONCE_BYTES = 16;
/** Of one request: 2^19 bits. */
export const MOST_BYTES = 65_536;
/** Of any input: what a caller of ours could want; the standard allows 2^35 bits. */
const MOST_INPUT_BYTES = 2 ** 22;
/** Requests between two reseeds; the standard allows 2^48. */
export const RESEED_INTERVAL = 2 ** 16;

const BLOCK_BYTES = 32;
const NOTHING = new Uint8Array();

export interface DrbgSeed {
  /** 32 bytes or more, of full entropy. */
  readonly entropy: Uint8Array;
  /** 16 bytes or more, never used before. */
  readonly nonce: Uint8Array;
  /** Says whose generator this is; may be known to all. */
  readonly personalisation?: Uint8Array;
  /** Requests between two reseeds, 1 … 2^48; {@link RESEED_INTERVAL} when left out. */
  readonly reseedInterval?: number;
}

export interface DrbgRequest {
  /** Mixed into this request's state; may be known to all. */
  readonly additional?: Uint8Array;
  /** Prediction resistance: fresh entropy, 32 bytes or more, taken in before the request is answered. */
  readonly fresh?: Uint8Array;
}

export class HmacDrbg {
  readonly #interval: number;
  #key = new Uint8Array(BLOCK_BYTES);
  #value = new Uint8Array(BLOCK_BYTES).fill(1);
  #requests = 0;
  #wiped = false;

  /** @throws RangeError for a seed that is too short */
  constructor({ entropy, nonce, personalisation = NOTHING, reseedInterval = RESEED_INTERVAL }: DrbgSeed) {
    demandLength("nonce", nonce, LEAST_NONCE_BYTES);
    demandEntropy(entropy);
    this.#interval = reseedInterval;
    this.#update(entropy, nonce, personalisation);
  }

  /** Requests answered since it was seeded last. */
  get requests(): number {
    return this.#requests;
  }

  /** True when the next request needs fresh entropy. */
  get exhausted(): boolean {
    return this.#requests >= this.#interval;
  }

  /** @param entropy 32 bytes or more @throws RangeError for less */
  reseed(entropy: Uint8Array, additional: Uint8Array = NOTHING): void {
    this.#demandAlive();
    demandEntropy(entropy);
    demandLength("additional input", additional, 0);
    this.#update(entropy, additional);
    this.#requests = 0;
  }

  /**
   * @param length bytes, 0 … 65,536
   * @throws RangeError for more. @throws AgentError "DRBG_EXHAUSTED" when it must be reseeded first, "DRBG_WIPED"
   */
  generate(length: number, { additional = NOTHING, fresh }: DrbgRequest = {}): Bytes {
    this.#demandAlive();
    if (!Number.isInteger(length) || length < 0 || length > MOST_BYTES) {
      throw new RangeError(`a request is for 0 to ${MOST_BYTES} bytes`);
    }
    demandLength("additional input", additional, 0);
    // 9.3.1: what was asked with fresh entropy is part of the reseed, and not taken in a second time.
    if (fresh !== undefined) this.reseed(fresh, additional);
    if (this.exhausted) throw new AgentError("DRBG_EXHAUSTED", "the random generator must be reseeded first");
    const input = fresh === undefined ? additional : NOTHING;
    if (input.length > 0) this.#update(input);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += BLOCK_BYTES) {
      this.#next();
      bytes.set(this.#value.subarray(0, Math.min(BLOCK_BYTES, length - at)), at);
    }
    this.#update(input);
    this.#requests++;
    return bytes;
  }

  /** Overwrites the state; every later call fails. */
  wipe(): void {
    this.#key.fill(0);
    this.#value.fill(0);
    this.#wiped = true;
  }

  /** HMAC_DRBG_Update over all parts in a row. */
  #update(...parts: readonly Uint8Array[]): void {
    this.#rekey(0, parts);
    if (parts.some((part) => part.length > 0)) this.#rekey(1, parts);
  }

  #rekey(round: number, parts: readonly Uint8Array[]): void {
    const input = concatBytes(this.#value, Uint8Array.of(round), ...parts);
    const key = hmac(this.#key, input);
    input.fill(0);
    this.#key.fill(0);
    this.#key = key;
    this.#next();
  }

  #next(): void {
    const value = hmac(this.#key, this.#value);
    this.#value.fill(0);
    this.#value = value;
  }

  #demandAlive(): void {
    if (this.#wiped) throw new AgentError("DRBG_WIPED", "the random generator was wiped");
  }
}

function demandEntropy(entropy: Uint8Array): void {
  demandLength("entropy input", entropy, LEAST_ENTROPY_BYTES);
}

function demandLength(what: string, { length }: Uint8Array, least: number): void {
  if (length < least || length > MOST_INPUT_BYTES) {
    throw new RangeError(`the ${what} has ${length} bytes, which is not ${least} to ${MOST_INPUT_BYTES}`);
  }
}

function hmac(key: Uint8Array, data: Uint8Array): Bytes {
  const digest = createHmac("sha256", key).update(data).digest();
  const bytes = new Uint8Array(digest);
  digest.fill(0);
  return bytes;
}
