/**
 * A quote checked as a stranger would check it: over the TPM's own bytes, trusting nothing that is not signed.
 * TCG TPM 2.0 Library, part 2, sections 10.12 and 11.3.
 * @module
 */
import { createPublicKey, timingSafeEqual, verify, type KeyObject } from "node:crypto";
import { ByteReader, copyBytes, equalBytes, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { pcrDigest, pcrsOfMask, sortedPcrs } from "../kernel/pcr.ts";
import { ALGORITHM, decodeEccPublic, OBJECT, type EccPublic } from "../kernel/tpm-public.ts";
import type { Quote } from "../ports/tpm.ts";

/** "\xffTCG": only what the TPM itself states begins so. */
const GENERATED_BY_TPM = 0xff54_4347;
const ATTEST_QUOTE = 0x8018;
const MAX_SELECTIONS = 16;
const COORDINATE_BYTES = 32;

export interface Attest {
  readonly nonce: Bytes;
  /** ms since the TPM was first started. */
  readonly clock: bigint;
  readonly resetCount: number;
  readonly restartCount: number;
  /** False after a stop that the TPM was not told of: `clock` may then have gone back. */
  readonly safe: boolean;
  readonly firmware: bigint;
  readonly selections: readonly { readonly bank: number; readonly pcrs: readonly number[] }[];
  readonly pcrDigest: Bytes;
}

/** TPMS_ATTEST of a quote. */
export function decodeAttest(bytes: Uint8Array): Decoded<Attest> {
  const reader = new ByteReader(bytes);
  if (reader.u32() !== GENERATED_BY_TPM) reader.fail("not made by a TPM");
  if (reader.u16() !== ATTEST_QUOTE) reader.fail("not a quote");
  reader.take(reader.u16()); // the signer's qualified name: the key is known by its public area
  const nonce = copyBytes(reader.take(reader.u16()));
  const clock = reader.u64();
  const resetCount = reader.u32();
  const restartCount = reader.u32();
  const safe = reader.u8() === 1;
  const firmware = reader.u64();
  const selections: { bank: number; pcrs: readonly number[] }[] = [];
  const count = reader.u32();
  if (count > MAX_SELECTIONS) reader.fail("too many selections");
  for (let i = 0; i < count && reader.failure === undefined; i++) {
    selections.push({ bank: reader.u16(), pcrs: pcrsOfMask(reader.take(reader.u8())) });
  }
  const digest = copyBytes(reader.take(reader.u16()));
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  return decoded({
    nonce,
    clock,
    resetCount,
    restartCount,
    safe,
    firmware,
    selections,
    pcrDigest: digest,
  });
}

export interface QuoteClaim {
  readonly quote: Quote;
  /** TPMT_PUBLIC of the attestation key. */
  readonly publicArea: Uint8Array;
  readonly nonce: Uint8Array;
  readonly pcrs: readonly number[];
  readonly values: ReadonlyMap<number, Uint8Array>;
}

export type QuoteFinding =
  /** The quote, its signature or the key is not what the TPM's structures look like. */
  | "malformed"
  /** The key could be copied, or signs what others give it: its signature proves nothing. */
  | "key-attributes"
  | "signature"
  /** An older quote, or one for somebody else. */
  | "nonce"
  /** Other registers than asked for; an empty selection when the bank is missing. */
  | "selection"
  /** The register values are not those that were signed. */
  | "values";

/** Everything that is wrong with the claim; empty when it holds. Never throws. */
export function quoteFindings(claim: QuoteClaim): readonly QuoteFinding[] {
  const key = decodeEccPublic(claim.publicArea);
  const attest = decodeAttest(claim.quote.attest);
  if (!key.ok || !attest.ok) return ["malformed"];
  const findings: QuoteFinding[] = [];
  if (!isAttestationKey(key.value)) findings.push("key-attributes");
  if (!isSigned(claim.quote, key.value)) findings.push("signature");
  const { nonce, selections, pcrDigest: digest } = attest.value;
  if (nonce.length !== claim.nonce.length || !timingSafeEqual(nonce, claim.nonce)) findings.push("nonce");
  const wanted = sortedPcrs(claim.pcrs);
  if (!selectsExactly(selections, wanted)) findings.push("selection");
  const complete = wanted.every((pcr) => claim.values.has(pcr));
  if (!complete || !equalBytes(digest, pcrDigest(wanted, claim.values))) findings.push("values");
  return findings;
}

/** The key as node:crypto knows it; undefined when its point is not on the curve. */
export function publicKeyOf(key: EccPublic): KeyObject | undefined {
  const part = (coordinate: Uint8Array): string => Buffer.from(coordinate).toString("base64url");
  try {
    return createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: part(key.x), y: part(key.y) } });
  } catch {
    return undefined;
  }
}

function isAttestationKey({ attributes, scheme }: EccPublic): boolean {
  const needed = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.restricted | OBJECT.sign;
  const complete = (attributes & needed) === needed;
  return complete && (attributes & OBJECT.decrypt) === 0 && scheme === ALGORITHM.ecdsa;
}

function isSigned({ attest, signature }: Quote, key: EccPublic): boolean {
  const reader = new ByteReader(signature);
  if (reader.u16() !== ALGORITHM.ecdsa || reader.u16() !== ALGORITHM.sha256) return false;
  const r = reader.take(reader.u16());
  const s = reader.take(reader.u16());
  if (reader.done() !== undefined || r.length > COORDINATE_BYTES || s.length > COORDINATE_BYTES) return false;
  const raw = new Uint8Array(2 * COORDINATE_BYTES);
  raw.set(r, COORDINATE_BYTES - r.length);
  raw.set(s, 2 * COORDINATE_BYTES - s.length);
  const publicKey = publicKeyOf(key);
  return publicKey !== undefined && verify("sha256", attest, { key: publicKey, dsaEncoding: "ieee-p1363" }, raw);
}

/** Some TPMs list banks of which nothing is selected. */
function selectsExactly(selections: Attest["selections"], wanted: readonly number[]): boolean {
  const used = selections.filter(({ pcrs }) => pcrs.length > 0);
  const [only] = used;
  return used.length === 1 && only?.bank === ALGORITHM.sha256 && only.pcrs.join() === wanted.join();
}
