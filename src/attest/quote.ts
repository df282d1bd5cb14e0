/**
 * A quote checked as a stranger would check it: over the TPM's own bytes, trusting nothing that is not signed.
 * TCG TPM 2.0 Library, part 2, sections 10.12 and 11.3.
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { ByteReader, copyBytes, equalBytes, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { PCR_BYTES, PCR_COUNT, pcrDigest, pcrsOfMask, sortedPcrs } from "../kernel/pcr.ts";
import { ALGORITHM, decodePublic, OBJECT, type TpmPublic } from "../kernel/tpm-public.ts";
import type { Quote } from "../ports/tpm.ts";
import { decodeSignature, isSignedBy } from "./signature.ts";

/** "\xffTCG": only what the TPM itself states begins so. */
export const GENERATED_BY_TPM = 0xff54_4347;
export const ATTEST_QUOTE = 0x8018;
const MAX_SELECTIONS = 16;

export interface Attest {
  /** The signing key's qualified name: its own name hashed with those of its parents. */
  readonly signer: Bytes;
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
  const signer = copyBytes(reader.take(reader.u16()));
  const nonce = copyBytes(reader.take(reader.u16()));
  const clock = reader.u64();
  const resetCount = reader.u32();
  const restartCount = reader.u32();
  const safe = reader.u8();
  if (safe > 1) reader.fail("neither yes nor no");
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
  const counters = { clock, resetCount, restartCount, safe: safe === 1 };
  return decoded({ signer, nonce, ...counters, firmware, selections, pcrDigest: digest });
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
  const key = decodePublic(claim.publicArea);
  const attest = decodeAttest(claim.quote.attest);
  const signature = decodeSignature(claim.quote.signature);
  const known = claim.pcrs.every(isPcr);
  if (!key.ok || !attest.ok || !signature.ok || !known) return ["malformed"];
  const findings: QuoteFinding[] = [];
  if (!isAttestationKey(key.value)) findings.push("key-attributes");
  if (!isSignedBy(key.value, claim.quote.attest, signature.value)) findings.push("signature");
  const { nonce, selections, pcrDigest: digest } = attest.value;
  if (nonce.length !== claim.nonce.length || !timingSafeEqual(nonce, claim.nonce)) findings.push("nonce");
  const wanted = sortedPcrs(claim.pcrs);
  if (!selectsExactly(selections, wanted)) findings.push("selection");
  const complete = wanted.every((pcr) => claim.values.get(pcr)?.length === PCR_BYTES);
  if (!complete || !equalBytes(digest, pcrDigest(wanted, claim.values))) findings.push("values");
  return findings;
}

function isPcr(pcr: number): boolean {
  return Number.isInteger(pcr) && pcr >= 0 && pcr < PCR_COUNT;
}

/** True for a key that signs nothing but what its TPM states, and that never leaves it. */
export function isAttestationKey({ attributes, scheme, schemeHash }: TpmPublic): boolean {
  const needed = OBJECT.fixedTpm | OBJECT.fixedParent | OBJECT.sensitiveDataOrigin | OBJECT.restricted | OBJECT.sign;
  const signs = scheme !== ALGORITHM.none && schemeHash === ALGORITHM.sha256;
  return signs && (attributes & needed) === needed && (attributes & OBJECT.decrypt) === 0;
}

/** Some TPMs list banks of which nothing is selected. */
function selectsExactly(selections: Attest["selections"], wanted: readonly number[]): boolean {
  const used = selections.filter(({ pcrs }) => pcrs.length > 0);
  const [only] = used;
  return used.length === 1 && only?.bank === ALGORITHM.sha256 && only.pcrs.join() === wanted.join();
}
