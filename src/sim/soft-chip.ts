/**
 * The TPM of a simulated house: quotes with real structures and real P-256 signatures, the same ones from the same seed.
 * It keeps nothing from whoever runs the simulation.
 * @module
 */
import { createECDH, createHash, createHmac } from "node:crypto";
import { attestOf, type CompactFrame, type QuoteContent } from "../attest/compact.ts";
import { encodeEventLog, eventsOf, expectedValue } from "../attest/logs/own.ts";
import type { Evidence, OwnDigests } from "../kernel/attest.ts";
import { ByteWriter, copyBytes, type Bytes } from "../kernel/bytes.ts";
import { ALGORITHM, attestationKeyArea } from "../kernel/tpm-public.ts";

const ORDER = 0xffffffff_00000000_ffffffff_ffffffff_bce6faad_a7179e84_f3b9cac2_fc632551n;
const CURVE = "prime256v1";

/** What the chip of a machine states, besides what its agent measured. */
export interface SoftChipState extends Omit<QuoteContent, "values"> {
  readonly own: OwnDigests;
  /** What was in its register before; zeros when left out. */
  readonly base?: Uint8Array;
}

export class SoftChip {
  /** TPMT_PUBLIC of its attestation key. */
  readonly akPublic: Bytes;
  readonly #secret: bigint;

  constructor(seed: string) {
    this.#secret = scalar("attestation key", seed);
    const point = publicPoint(this.#secret);
    this.akPublic = attestationKeyArea(point.subarray(1, 33), point.subarray(33));
  }

  /** A quote of the agent's own register, with the log that explains it, and of others. */
  evidence(
    nonce: Uint8Array,
    pcr: number,
    state: SoftChipState,
    others: ReadonlyMap<number, Uint8Array> = new Map(),
  ): Evidence {
    const values = new Map(
      [...others, [pcr, expectedValue(state.own, state.base)] as const].toSorted(([a], [b]) => a - b),
    );
    const pcrs = [...values.keys()];
    const frame: Omit<CompactFrame, "ownPcr"> = { akPublic: this.akPublic, nonce, pcrs };
    const attest = attestOf(frame, { ...state, values });
    const own = encodeEventLog({ pcr, base: copyBytes(state.base ?? new Uint8Array(32)), events: eventsOf(state.own) });
    return {
      attest,
      signature: this.#sign(attest),
      akPublic: this.akPublic,
      pcrs,
      values,
      logs: { own, tcg: undefined, ima: undefined, cel: undefined },
    };
  }

  /** ECDSA (FIPS 186-5, section 6.4) with a nonce from key and message, so that a seed gives one run. */
  #sign(message: Uint8Array): Bytes {
    const digest = createHash("sha256").update(message).digest("hex");
    const k = scalar(this.#secret.toString(16), digest);
    const r = BigInt(`0x${publicPoint(k).subarray(1, 33).toString("hex")}`) % ORDER;
    const s = (inverse(k) * (BigInt(`0x${digest}`) + r * this.#secret)) % ORDER;
    const half = (number: bigint): Bytes => Uint8Array.from(Buffer.from(hex64(number), "hex"));
    return new ByteWriter()
      .u16(ALGORITHM.ecdsa)
      .u16(ALGORITHM.sha256)
      .u16(32)
      .bytes(half(r))
      .u16(32)
      .bytes(half(s))
      .finish();
  }
}

function publicPoint(secret: bigint): Buffer {
  const ecdh = createECDH(CURVE);
  ecdh.setPrivateKey(hex64(secret), "hex");
  return ecdh.getPublicKey();
}

/** 1 … order − 1. */
function scalar(key: string, text: string): bigint {
  const wide = createHmac("sha512", key).update(text).digest("hex");
  return 1n + (BigInt(`0x${wide}`) % (ORDER - 1n));
}

/** By Fermat: the order is prime. */
function inverse(value: bigint): bigint {
  let [result, base, exponent] = [1n, value, ORDER - 2n];
  for (; exponent > 0n; exponent >>= 1n) {
    if ((exponent & 1n) === 1n) result = (result * base) % ORDER;
    base = (base * base) % ORDER;
  }
  return result;
}

function hex64(number: bigint): string {
  return number.toString(16).padStart(64, "0");
}
