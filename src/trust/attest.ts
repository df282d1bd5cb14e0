/**
 * The second step: the TPM signs the registers, and the agent checks that quote as a stranger would. A quote is good
 * when its signature, key, nonce, selection and values hold, when every register of the policy is explained by events,
 * and when the state is the accepted one.
 *
 * An agent that checks itself convinces nobody: root can skip an `if`. The force lies in the key that the TPM keeps
 * sealed to this state, and in strangers who check a quote of their own nonce.
 * @module
 */
import { equalBytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { isZero, pcrPolicyDigest, sortedPcrs } from "../kernel/pcr.ts";
import type { QuoteReport } from "../kernel/reports.ts";
import { objectName } from "../kernel/tpm-public.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import type { Tpm } from "../ports/tpm.ts";
import { expectedValue, replayLog } from "../attest/logs/own.ts";
import { readSealed, SEALED_NEXT_FILE } from "./key-files.ts";
import type { Measured, Measurement } from "./measure.ts";
import { failure, failureFrom, type Failure } from "./outcome.ts";
import { quoteForTools } from "../attest/quote-files.ts";
import { decodeAttest, quoteFindings, type Attest, type QuoteClaim } from "../attest/quote.ts";
import { decodeReference, describeChanges, REFERENCE_FILE, type Reference } from "./reference.ts";

const NONCE_BYTES = 32;
/** Any program may reset these: they prove nothing. */
const RESETTABLE = new Set([16, 23]);

const madeByAttest: unique symbol = Symbol("attested");
const madeByTolerate: unique symbol = Symbol("tolerated");

/** A state that is accepted: what to seal the store's key to, and what to compare the next boot with. */
export interface SealTarget {
  readonly pcr: number;
  readonly pcrs: readonly number[];
  /** The registers' values on a machine that just started into this state. */
  readonly expected: ReadonlyMap<number, Uint8Array>;
  readonly reference: Reference;
}

/** Evidence that the TPM vouches for the running state. Only {@link attest} makes it. */
export interface Attested {
  readonly [madeByAttest]: true;
  readonly measured: Measured;
  readonly claim: QuoteClaim;
  readonly attest: Attest;
  readonly target: SealTarget;
  /** True when there was nothing to compare with: the state is taken on trust, once. */
  readonly firstUse: boolean;
}

/** What is left to go on with, under a policy that only warns. Only {@link tolerate} makes it. */
export interface Tolerated {
  readonly [madeByTolerate]: true;
  readonly tpm: Tpm | undefined;
  readonly because: Failure<string>;
  /** The state to seal to, when it was measured and quoted well and merely is another one than before. */
  readonly target: SealTarget | undefined;
}

export type Standing = Attested | Tolerated;

export type Attestation =
  | { readonly kind: "attested"; readonly evidence: Attested }
  | (Failure<"not-measured" | "mismatch" | "quote-invalid" | "tpm-error"> & {
      readonly measured: Measured;
      /** Only with `mismatch`. */
      readonly target: SealTarget | undefined;
    });

/** What a step that fails does: keeps data and radio shut, or says so and goes on. */
export type TrustMode = "enforce" | "warn";

export interface AttestInputs {
  readonly memory: Memory;
  /** For the nonce. */
  readonly random: Random;
  /** The registers of the policy; {@link Measured.pcr} must be one of them. */
  readonly pcrs: readonly number[];
  /** For the words of the fix: under `warn` a changed state is accepted at the next start. */
  readonly mode: TrustMode;
}

/** @throws AgentError only when the state directory fails */
export async function attest(measured: Measured, inputs: AttestInputs): Promise<Attestation> {
  const nonce = inputs.random.bytes(NONCE_BYTES);
  let claim: QuoteClaim;
  try {
    claim = await quoteOf(measured.tpm, nonce, inputs.pcrs);
  } catch (error) {
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    return { ...failureFrom("tpm-error", error), measured, target: undefined };
  }
  const findings = quoteFindings(claim);
  const statement = decodeAttest(claim.quote.attest);
  if (findings.length > 0 || !statement.ok) {
    const detail = `the TPM's quote does not hold: ${findings.join(", ")}`;
    return {
      ...failure("quote-invalid", detail, "check the TPM's wiring and its SHA-256 bank"),
      measured,
      target: undefined,
    };
  }
  const unmeasured = unexplained(measured, claim);
  if (unmeasured !== undefined) return { ...unmeasured, measured, target: undefined };
  const target = targetOf(measured, claim, statement.value);
  const reference = await lastAccepted(inputs.memory);
  const changed = mismatch(measured, target.reference, reference, inputs.mode);
  if (changed !== undefined && !(changed.allowable && (await isAllowed(target, inputs.memory)))) {
    return { ...failure("mismatch", changed.detail, changed.fix), measured, target };
  }
  const firstUse = reference === undefined;
  const evidence: Attested = { [madeByAttest]: true, measured, claim, attest: statement.value, target, firstUse };
  return { kind: "attested", evidence };
}

/** Goes on without proof. The caller's policy must say `warn`. */
export function tolerate(
  outcome: Exclude<Measurement, { kind: "measured" }> | Exclude<Attestation, { kind: "attested" }>,
): Tolerated {
  const because = failure(outcome.kind, outcome.detail, outcome.fix);
  if (!("measured" in outcome)) return { [madeByTolerate]: true, tpm: outcome.tpm, because, target: undefined };
  return { [madeByTolerate]: true, tpm: outcome.measured.tpm, because, target: outcome.target };
}

export function isAttested(standing: Standing): standing is Attested {
  return madeByAttest in standing;
}

export type Requote =
  /** `findings` is empty when the quote holds and the registers are still the measured ones. */
  | { readonly kind: "quoted"; readonly report: QuoteReport; readonly findings: readonly string[] }
  | Failure<"tpm-gone" | "tpm-error">;

/** A new quote, for a stranger or to see whether all still stands. @param nonce 16 … 32 bytes */
export async function requote(measured: Measured, nonce: Uint8Array, pcrs: readonly number[]): Promise<Requote> {
  try {
    const claim = await quoteOf(measured.tpm, nonce, pcrs);
    const reason = unexplained(measured, claim)?.detail;
    const findings = [...quoteFindings(claim), ...(reason === undefined ? [] : [reason])];
    return { kind: "quoted", report: quoteForTools(claim), findings };
  } catch (error) {
    return failureFrom(isAgentError(error, "TPM_GONE") ? "tpm-gone" : "tpm-error", error);
  }
}

async function quoteOf(tpm: Tpm, nonce: Uint8Array, pcrs: readonly number[]): Promise<QuoteClaim> {
  const { publicArea } = await tpm.attestationKey();
  const quote = await tpm.quote(nonce, pcrs);
  return { quote, publicArea, nonce, pcrs: sortedPcrs(pcrs), values: await tpm.pcrRead(pcrs) };
}

/** Why a register of the policy says nothing of what runs; undefined when every one does. */
function unexplained(measured: Measured, { pcrs, values }: QuoteClaim): Failure<"not-measured"> | undefined {
  const fix = `set trust.pcrs = [${measured.pcr}]`;
  if (!pcrs.includes(measured.pcr)) {
    return failure("not-measured", `the policy leaves out PCR ${measured.pcr}, which holds the agent's state`, fix);
  }
  for (const pcr of pcrs) {
    const value = values.get(pcr) ?? new Uint8Array();
    const why = whyUnexplained(measured, pcr, value);
    if (why !== undefined) {
      const what = pcr === measured.pcr ? "restart the machine, so that its TPM begins anew" : fix;
      return failure("not-measured", `PCR ${pcr} ${why}`, what);
    }
  }
  return undefined;
}

function whyUnexplained(measured: Measured, pcr: number, value: Uint8Array): string | undefined {
  if (RESETTABLE.has(pcr)) return "can be reset by any program";
  if (isZero(value)) return "was never extended";
  if (value.every((byte) => byte === 0xff)) return "is not in use on this machine";
  if (pcr !== measured.pcr) return "has no log that explains it";
  return equalBytes(value, replayLog(measured.log)) ? undefined : "was extended after the agent measured itself";
}

const CHANGED_FIX: Readonly<Record<TrustMode, string>> = {
  enforce: "put back what changed; a planned change is announced first with: caye allow-update",
  warn: 'after an update nothing: it is accepted at the next start; else put back what changed (under trust.mode = "enforce" a change is announced first with: caye allow-update)',
};

interface Mismatch {
  readonly detail: string;
  readonly fix: string;
  /** True when the new state may be one that the operator announced. */
  readonly allowable: boolean;
}

function mismatch(
  measured: Measured,
  now: Reference,
  reference: Reference | undefined,
  mode: TrustMode,
): Mismatch | undefined {
  if (!measured.clean) {
    const detail = `PCR ${measured.pcr} holds more than this state: something else was measured since the machine started`;
    const after = mode === "warn" ? "; after an update that is all there is to do" : "";
    return { detail, fix: `restart the machine, so that its TPM begins anew${after}`, allowable: false };
  }
  if (reference === undefined) return undefined;
  if (!equalBytes(now.keyName, reference.keyName)) {
    const detail = "the attestation key is another one: the TPM was exchanged or cleared";
    return { detail, fix: "put the node's own TPM back, or set the node up anew", allowable: false };
  }
  if (isBehind(now, reference)) {
    const detail = "the TPM's reset counter went back since the last accepted state";
    return { detail, fix: "put the TPM's own state back, or set the node up anew", allowable: false };
  }
  const changes = describeChanges(reference.own, now.own);
  if (changes === "") return undefined;
  return { detail: changes, fix: CHANGED_FIX[mode], allowable: true };
}

function isBehind(now: Reference, last: Reference): boolean {
  if (now.resetCount !== last.resetCount) return now.resetCount < last.resetCount;
  return now.restartCount < last.restartCount;
}

function targetOf(measured: Measured, claim: QuoteClaim, statement: Attest): SealTarget {
  const { pcr, own } = measured;
  const { resetCount, restartCount } = statement;
  const expected = new Map([...claim.values, [pcr, expectedValue(own)]]);
  const keyName = objectName(claim.publicArea);
  return { pcr, pcrs: claim.pcrs, expected, reference: { own, keyName, resetCount, restartCount } };
}

/** True when a key was sealed to this very state beforehand. Whether it opens is for the TPM to say. */
async function isAllowed({ pcrs, expected }: SealTarget, memory: Memory): Promise<boolean> {
  const next = await readSealed(memory, SEALED_NEXT_FILE);
  return next?.ok === true && equalBytes(next.value.policyDigest, pcrPolicyDigest(pcrs, expected));
}

async function lastAccepted(memory: Memory): Promise<Reference | undefined> {
  const bytes = await memory.read(REFERENCE_FILE);
  if (bytes === undefined) return undefined;
  const reference = decodeReference(bytes);
  return reference.ok ? reference.value : undefined;
}
