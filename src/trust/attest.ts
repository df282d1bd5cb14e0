/**
 * The second step: the TPM signs the registers, and the agent checks that quote as a stranger would. A quote is good
 * when its signature, key, nonce, selection and values hold, when every register of the policy is explained by events,
 * and when the state is the accepted one.
 *
 * An agent that checks itself convinces nobody: root can skip an `if`. The force lies in the key that the TPM keeps
 * sealed to this state, and in strangers who check a quote of their own nonce.
 * @module
 */
import type { Evidence, EvidenceLogs } from "../kernel/attest.ts";
import { type Bytes, equalBytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { isZero, PCR_BYTES, pcrDigest, pcrPolicyDigest, sortedPcrs } from "../kernel/pcr.ts";
import type { QuoteReport } from "../kernel/reports.ts";
import { objectName } from "../kernel/tpm-public.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import type { AttestationKeyChoice, Tpm } from "../ports/tpm.ts";
import { explainPcrs, type PcrProblem } from "../attest/explain.ts";
import { encodeEventLog, expectedValue } from "../attest/logs/own.ts";
import { fixWithApproval, isApproved } from "./approvals.ts";
import { wasReplaced } from "./attestation-key.ts";
import { ANNOUNCED_FILES, readSealed } from "./key-files.ts";
import type { Measured, Measurement } from "./measure.ts";
import { failure, failureFrom, tpmFailureKind, type Failure, type TpmFailureKind } from "./outcome.ts";
import { quoteForTools } from "../attest/quote-files.ts";
import { decodeAttest, quoteFindings, type Attest, type QuoteClaim } from "../attest/quote.ts";
import { resetsSince, resetWhileRunning, unseenResets } from "./resets.ts";
import { decodeReference, describeChanges, linesOf, REFERENCE_FILE, withBoot, type Reference } from "./reference.ts";

const NONCE_BYTES = 32;
/** The kernel may extend a register between a quote and the reading of its values: then both are taken again. */
const QUOTE_TRIES = 4;

const madeByAttest: unique symbol = Symbol("attested");
const madeByTolerate: unique symbol = Symbol("tolerated");

/** A state that is accepted: what to seal the store's key to, and what to compare the next boot with. */
export interface SealTarget {
  readonly pcr: number;
  readonly pcrs: readonly number[];
  /** The registers' values on a machine that just started into this state. */
  readonly expected: ReadonlyMap<number, Uint8Array>;
  /** What `pcr` holds before the agent measures itself: zeros unless firmware or systemd extend it. */
  readonly base: Uint8Array;
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
  /** For people: resets of the TPM that the agent did not see the machine start for; empty when all is as usual. */
  readonly note: string;
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

/**
 * `not-measured`: a register of the policy says nothing, or no log explains it. `mismatch`: the state is another one than
 * the accepted. `reset-replayed`: the TPM was reset while the machine ran, so its registers may hold anything.
 */
export type AttestFailure = "not-measured" | "mismatch" | "reset-replayed" | "quote-invalid" | TpmFailureKind;

export type Attestation =
  | { readonly kind: "attested"; readonly evidence: Attested }
  | (Failure<AttestFailure> & {
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
  const fails = (because: Failure<AttestFailure>, target?: SealTarget): Attestation => ({
    ...because,
    measured,
    target,
  });
  const nonce = inputs.random.bytes(NONCE_BYTES);
  let claim: QuoteClaim;
  let unmeasured: Failure<"not-measured"> | undefined;
  try {
    claim = await quoteOf(measured.tpm, nonce, inputs.pcrs);
    unmeasured = await unexplained(measured, claim);
  } catch (error) {
    if (isAgentError(error, "BOOT_LOGS")) return fails(failureFrom("not-measured", error));
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    return fails(failureFrom(tpmFailureKind(error), error));
  }
  const findings = quoteFindings(claim);
  const statement = decodeAttest(claim.quote.attest);
  if (findings.length > 0 || !statement.ok) {
    const detail = `the TPM's quote does not hold: ${findings.join(", ")}`;
    return fails(failure("quote-invalid", detail, "check the TPM's wiring and its SHA-256 bank"));
  }
  if (unmeasured !== undefined) return fails(unmeasured);
  const reference = await lastAccepted(inputs.memory);
  const replayed = resetWhileRunning(measured, reference, statement.value);
  // Nothing is sealed to such a state.
  if (replayed !== undefined) return fails(replayed);
  const target = targetOf(measured, claim, statement.value, reference);
  const accepted = await withNewKey(reference, target.reference.keyName, inputs.memory);
  const changed = mismatch(measured, target.reference, accepted, inputs.mode);
  if (changed !== undefined && !(changed.allowable && (await isAllowed(target, inputs.memory)))) {
    const fix = changed.allowable ? await fixWithApproval(target, inputs.memory, changed.fix) : changed.fix;
    return fails(failure("mismatch", changed.detail, fix), target);
  }
  const firstUse = reference === undefined;
  const note = unseenResets(measured, reference, statement.value);
  return {
    kind: "attested",
    evidence: { [madeByAttest]: true, measured, claim, attest: statement.value, target, firstUse, note },
  };
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
  | Failure<"tpm-gone" | TpmFailureKind>;

/** A new quote, for a stranger or to see whether all still stands. @param nonce 16 … 32 bytes */
export async function requote(measured: Measured, nonce: Uint8Array, pcrs: readonly number[]): Promise<Requote> {
  try {
    const claim = await quoteOf(measured.tpm, nonce, pcrs);
    const reason = (await unexplained(measured, claim))?.detail;
    const resets = resetsSince(measured, claim);
    const findings = [...quoteFindings(claim), ...(reason === undefined ? [] : [reason]), ...resets];
    return { kind: "quoted", report: quoteForTools(claim), findings };
  } catch (error) {
    return failureFrom(isAgentError(error, "TPM_GONE") ? "tpm-gone" : tpmFailureKind(error), error);
  }
}

/**
 * Everything that a stranger needs to judge this node: a quote of his nonce, and the logs that explain it.
 * @param nonce 16 … 32 bytes
 * @throws AgentError of the TPM; "BOOT_LOGS" when a log that explains a register can't be read
 */
export async function evidenceOf(
  measured: Measured,
  nonce: Uint8Array,
  pcrs: readonly number[],
  key?: AttestationKeyChoice,
): Promise<Evidence> {
  const { quote, publicArea, values } = await quoteOf(measured.tpm, nonce, pcrs, key);
  // Read behind the quote: the kernel's list grows, and a beginning of it explains the register.
  const logs = await logsFor(measured, pcrs);
  const { attest: statement, signature } = quote;
  return { attest: statement, signature, akPublic: publicArea, pcrs: sortedPcrs(pcrs), values, logs };
}

async function quoteOf(
  tpm: Tpm,
  nonce: Uint8Array,
  pcrs: readonly number[],
  key?: AttestationKeyChoice,
): Promise<QuoteClaim> {
  const { publicArea } = await tpm.attestationKey(key);
  for (let tries = 1; ; tries++) {
    const quote = await tpm.quote(nonce, pcrs, key);
    const values = await tpm.pcrRead(pcrs);
    const statement = decodeAttest(quote.attest);
    const fits = statement.ok && equalBytes(statement.value.pcrDigest, pcrDigest(pcrs, values));
    if (fits || tries === QUOTE_TRIES) return { quote, publicArea, nonce, pcrs: sortedPcrs(pcrs), values };
  }
}

/** Why a register of the policy says nothing of what runs; undefined when every one does. */
async function unexplained(measured: Measured, claim: QuoteClaim): Promise<Failure<"not-measured"> | undefined> {
  const { pcrs, values } = claim;
  if (!pcrs.includes(measured.pcr)) {
    const detail = `the policy leaves out PCR ${measured.pcr}, which holds the agent's state`;
    return failure("not-measured", detail, `set trust.pcrs = [${measured.pcr}]`);
  }
  const logs = await logsFor(measured, pcrs);
  const [problem] = explainPcrs({ pcrs, values, logs, ownPcr: measured.pcr });
  if (problem === undefined) return undefined;
  const earlier = problem.pcr === measured.pcr && measured.fromEarlierVersion;
  const detail = `${problem.detail}${earlier ? "; an earlier version of the agent measured itself" : ""}`;
  return failure("not-measured", detail, fixOf(problem, measured.pcr));
}

/** The agent's own, and those of others only when a register hangs on them: they may be unreadable, and are long. */
async function logsFor({ log, pcr, record }: Measured, pcrs: readonly number[]): Promise<EvidenceLogs> {
  const own = encodeEventLog(log);
  const needed = !isZero(log.base) || pcrs.some((other) => other !== pcr);
  return needed ? { own, ...(await record.logs()) } : { own, tcg: undefined, ima: undefined, cel: undefined };
}

function fixOf({ pcr, kind }: PcrProblem, ownPcr: number): string {
  if (pcr === ownPcr) return AFRESH;
  const without = `take PCR ${pcr} out of trust.pcrs`;
  if (kind === "unexplained" || pcr > LAST_BEFORE_AGENT) return without;
  return `${without}: on a Raspberry Pi 5 as it comes nothing before Linux is measured, and by its kernel neither; docs/measured-boot.md says what an integrator can build`;
}

/** Registers of firmware and kernel. */
const LAST_BEFORE_AGENT = 10;
const AFRESH =
  "restart the machine, so that its TPM begins anew; where a restart does not reset the TPM, switch it off and on";

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
    return { detail, fix: `${AFRESH}${after}`, allowable: false };
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
  const changes = describeChanges(reference, now);
  if (changes === "") return undefined;
  return { detail: changes, fix: CHANGED_FIX[mode], allowable: true };
}

function isBehind(now: Reference, last: Reference): boolean {
  if (now.resetCount !== last.resetCount) return now.resetCount < last.resetCount;
  return now.restartCount < last.restartCount;
}

function targetOf(measured: Measured, claim: QuoteClaim, statement: Attest, last: Reference | undefined): SealTarget {
  const { pcr, own, log, bootId } = measured;
  const { resetCount, restartCount } = statement;
  // A start that no log explains is none to seal to.
  const base = measured.clean ? log.base : new Uint8Array(PCR_BYTES);
  const expected = new Map([...claim.values, [pcr, expectedValue(own, base)]]);
  const keyName = objectName(claim.publicArea);
  const boots = withBoot(last?.boots ?? [], bootId, statement);
  const reference = { own, lines: linesOf(own), keyName, resetCount, restartCount, boots };
  return { pcr, pcrs: claim.pcrs, expected, base, reference };
}

/** True when a key was sealed to this very state beforehand, or the authority approved it. Whether it opens is for the TPM to say. */
async function isAllowed({ pcrs, expected }: SealTarget, memory: Memory): Promise<boolean> {
  const digest = pcrPolicyDigest(pcrs, expected);
  for (const name of ANNOUNCED_FILES) {
    const announced = await readSealed(memory, name);
    if (announced?.ok === true && equalBytes(announced.value.policyDigest, digest)) return true;
  }
  return isApproved({ expected }, memory);
}

/** The operator may have replaced the attestation key: the one that is there now is then the one to expect. */
async function withNewKey(
  reference: Reference | undefined,
  keyName: Bytes,
  memory: Memory,
): Promise<Reference | undefined> {
  if (reference === undefined || !(await wasReplaced(memory, reference.keyName))) return reference;
  return { ...reference, keyName };
}

async function lastAccepted(memory: Memory): Promise<Reference | undefined> {
  const bytes = await memory.read(REFERENCE_FILE);
  if (bytes === undefined) return undefined;
  const reference = decodeReference(bytes);
  return reference.ok ? reference.value : undefined;
}
