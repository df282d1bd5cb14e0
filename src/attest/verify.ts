/**
 * Is this evidence to be believed? By whoever enrolled the node, over the TPM's own bytes, with no trust in who brings it.
 * The first reason that applies, in the order of `ATTEST_REASONS`, is the verdict.
 *
 * What a policy does not list must be as it was when the node was enrolled; only PCR 10, which the kernel goes on
 * extending, is then explained and not compared.
 * @module
 */
import { equalBytes } from "../kernel/bytes.ts";
import { OWN_EVENTS, type AttestReason, type AttestVerdict, type Counters, type Evidence } from "../kernel/attest.ts";
import { isZero } from "../kernel/pcr.ts";
import { counterFinding } from "./counters.ts";
import type { EnrolledState, Enrolment } from "./enrolment.ts";
import { explainPcrs } from "./explain.ts";
import { decodeEventLog, ownDigestsOf, replayLog, type EventLog } from "./logs/own.ts";
import { policyLapse, type Policy } from "./policy.ts";
import { decodeAttest, quoteFindings, type Attest, type QuoteFinding } from "./quote.ts";
import { FIXES } from "./verdict-words.ts";

/** Linux extends it as files are opened. */
export const KERNEL_PCR = 10;
/** Shorter ones come again by chance. */
const GOOD_NONCE_BYTES = 16;
const MAX_NONCE_BYTES = 64;
/** Where nothing says which register the agent extends. */
const NO_PCR = -1;

/** Why the policy that somebody brought can't be used. */
export interface PolicyFault {
  readonly fault: "policy-missing" | "policy-forged";
  readonly detail: string;
}

export interface Demands {
  /** The verifier's own, used once. */
  readonly nonce: Uint8Array;
  readonly enrolment: Enrolment;
  /** Its signatures checked already; undefined: the state of the enrolment is the only one that is right. */
  readonly policy?: Policy | PolicyFault | undefined;
  /** Unix time in s; undefined where no clock can be trusted: validity is then not judged, and a warning says so. */
  readonly nowS?: number | undefined;
  /** How often the node is known to have restarted since the enrolment's counters. */
  readonly reboots: number;
  /** Without logs, policy and state: for quotes of other tools. */
  readonly quoteOnly?: boolean;
  /**
   * By radio come no logs of firmware and systemd: a register that they would explain is compared with the policy or the
   * enrolment alone.
   */
  readonly overAir?: boolean;
}

interface Finding {
  readonly reason: AttestReason;
  readonly detail: string;
}

/** Never throws, whatever the bytes. */
export function verifyEvidence(evidence: Evidence, demands: Demands): AttestVerdict {
  const attest = decodeAttest(evidence.attest);
  if (!attest.ok) return bad({ reason: "malformed", detail: `quote.msg: ${attest.reason}` });
  const warnings: string[] = [];
  const finding =
    wrongQuote(evidence, demands, attest.value) ??
    wrongCounters(demands, attest.value, warnings) ??
    wrongFirmware(demands, attest.value, warnings) ??
    (demands.quoteOnly === true ? wrongBeside(evidence, demands, warnings) : wrongState(evidence, demands, warnings));
  if (finding !== undefined) return bad(finding);
  if (!attest.value.safe) warnings.push("the TPM lost power without warning: its clock may have gone back");
  if (demands.nonce.length < GOOD_NONCE_BYTES)
    warnings.push("the nonce is short: one like it may have been used before");
  return { ok: true, counters: countersOf(attest.value), warnings };
}

/** A verdict without evidence: what was brought could not be read. */
export function bad({ reason, detail }: Finding): Extract<AttestVerdict, { ok: false }> {
  return { ok: false, reason, detail, fix: FIXES[reason] };
}

export function countersOf({ resetCount, restartCount, clock }: Attest): Counters {
  return { resetCount, restartCount, clock };
}

const QUOTE_DETAILS: Readonly<Record<QuoteFinding, string>> = {
  malformed: "the quote, its signature or its key is not what a TPM makes",
  "key-attributes": "the attestation key could be copied, or signs what others give it: its signature proves nothing",
  signature: "the signature is not the attestation key's over this quote",
  nonce: "the quote answers another nonce: it is an older one, or was made for somebody else",
  selection: "the quote covers other registers than were asked for",
  values: "the registers' values are not those that the TPM signed",
};

function wrongQuote(evidence: Evidence, { nonce, enrolment, policy }: Demands, attest: Attest): Finding | undefined {
  const { attest: message, signature, akPublic: publicArea, values } = evidence;
  const pcrs = wantedPcrs(evidence, enrolment, policyOf(policy));
  const findings = quoteFindings({ quote: { attest: message, signature }, publicArea, nonce, pcrs, values });
  const first = (...names: readonly QuoteFinding[]): Finding | undefined => {
    const found = names.find((name) => findings.includes(name));
    return found === undefined ? undefined : { reason: found, detail: QUOTE_DETAILS[found] };
  };
  const malformed = first("malformed");
  if (malformed !== undefined) return malformed;
  if (!equalBytes(publicArea, enrolment.akPublic)) return { reason: "other-key", detail: otherKey(enrolment) };
  const unsigned = first("key-attributes", "signature");
  if (unsigned !== undefined) return unsigned;
  const known = nonce.length > 0 && nonce.length <= MAX_NONCE_BYTES;
  if (!known)
    return {
      reason: "nonce",
      detail: "the verifier gave no nonce of 1 to 64 bytes: nothing shows that the quote is new",
    };
  const stale = first("nonce");
  if (stale !== undefined) return stale;
  if (attest.selections.every(({ pcrs }) => pcrs.length === 0)) {
    return { reason: "bank-missing", detail: "the quote covers no register at all: the TPM has no SHA-256 bank" };
  }
  const missing = policyOf(policy)?.pcrs.find((pcr) => !pcrs.includes(pcr));
  if (missing !== undefined)
    return { reason: "selection", detail: `the policy wants PCR ${missing}, which is not quoted` };
  if (pcrs.join() !== evidence.pcrs.join()) return { reason: "selection", detail: QUOTE_DETAILS.selection };
  return first("selection", "values");
}

function otherKey({ name }: Enrolment): string {
  return `the attestation key is not the one that was enrolled${name === "" ? "" : ` for ${name}`}`;
}

/** An enrolment of a bare key takes the policy's registers, or else what the evidence says itself. */
function wantedPcrs(evidence: Evidence, enrolment: Enrolment, policy: Policy | undefined): readonly number[] {
  if (enrolment.pcrs.length > 0) return enrolment.pcrs;
  return policy?.pcrs ?? evidence.pcrs;
}

function policyOf(policy: Demands["policy"]): Policy | undefined {
  return policy === undefined || "fault" in policy ? undefined : policy;
}

function wrongCounters(demands: Demands, attest: Attest, warnings: string[]): Finding | undefined {
  const remembered = demands.enrolment.counters;
  if (remembered === undefined) return undefined;
  const found = counterFinding({ remembered, now: attest, reboots: demands.reboots });
  if (found === undefined) return undefined;
  if (found.reason === "unknown-reset" && demands.quoteOnly !== true && policyOf(demands.policy)?.resets === "count") {
    warnings.push(found.detail);
    return undefined;
  }
  return found;
}

function wrongFirmware(demands: Demands, { firmware }: Attest, warnings: string[]): Finding | undefined {
  const { enrolment, quoteOnly } = demands;
  const allowed = quoteOnly === true ? [] : (policyOf(demands.policy)?.firmware ?? []);
  const said = `the TPM's firmware is ${versionText(firmware)}`;
  if (allowed.length > 0) {
    if (!allowed.includes(firmware)) return { reason: "firmware", detail: `${said}, which the policy does not list` };
    if (enrolment.firmware !== undefined && enrolment.firmware !== firmware) {
      warnings.push(`${said}; it was ${versionText(enrolment.firmware)} at the enrolment`);
    }
    return undefined;
  }
  if (enrolment.firmware === undefined || enrolment.firmware === firmware) return undefined;
  return { reason: "firmware", detail: `${said}; it was ${versionText(enrolment.firmware)} at the enrolment` };
}

/** As tpm2_getcap shows it: two words in hex. */
function versionText(firmware: bigint): string {
  const digits = firmware.toString(16).padStart(16, "0");
  return `0x${digits.slice(0, 8)}_${digits.slice(8)}`;
}

/** A policy that was brought must be good, though only the quote is judged. */
function wrongBeside({ pcrs }: Evidence, demands: Demands, warnings: string[]): Finding | undefined {
  warnings.push(`what PCR ${pcrs.join(", ")} hold was not judged: the quote alone was`);
  return demands.policy === undefined ? undefined : wrongPolicy(demands, warnings);
}

function wrongState(evidence: Evidence, demands: Demands, warnings: string[]): Finding | undefined {
  const own = ownLogOf(evidence);
  const ownPcr = demands.enrolment.state?.ownPcr ?? own?.pcr;
  return (
    unexplained({ evidence, demands, own, ownPcr }) ??
    wrongPolicy(demands, warnings) ??
    drift({ evidence, demands, own, ownPcr })
  );
}

function ownLogOf({ logs }: Evidence): EventLog | undefined {
  const log = logs.own === undefined ? undefined : decodeEventLog(logs.own);
  return log?.ok === true ? log.value : undefined;
}

function unexplained({ evidence, demands, own, ownPcr }: StateCase): Finding | undefined {
  const { pcrs, values, logs } = evidence;
  const problems = explainPcrs({ pcrs, values, logs, ownPcr: ownPcr ?? NO_PCR }).filter(({ pcr, kind }) => {
    if (kind === "not-measured" || demands.overAir !== true) return true;
    return !(pcr === ownPcr ? isContinued(own, values.get(pcr), demands) : isCompared(pcr, demands));
  });
  const problem = problems.find(({ kind }) => kind === "not-measured") ?? problems[0];
  return problem === undefined ? undefined : { reason: problem.kind, detail: problem.detail };
}

/** True where the agent's log goes on from what was in its register at the enrolment, too. */
function isContinued(own: EventLog | undefined, value: Uint8Array | undefined, { enrolment }: Demands): boolean {
  const base = enrolment.state?.ownBase;
  if (own === undefined || value === undefined || base === undefined || own.events.length === 0) return false;
  return equalBytes(own.base, base) && equalBytes(replayLog(own), value);
}

/** True where the logs of a register stayed away, and its value is judged as a whole. */
function isCompared(pcr: number, { enrolment, policy }: Demands): boolean {
  if (pcr === KERNEL_PCR) return false;
  return policyOf(policy)?.values.has(pcr) === true || enrolment.state?.values.has(pcr) === true;
}

function wrongPolicy({ enrolment, policy, nowS }: Demands, warnings: string[]): Finding | undefined {
  if (policy === undefined) {
    const version = enrolment.policyVersion;
    if (version > 0) warnings.push(`no policy was given: version ${version} of one judged this node before`);
    if (enrolment.state !== undefined) return undefined;
    return { reason: "policy-missing", detail: "the enrolment knows no state of the node, and no policy was given" };
  }
  if ("fault" in policy) return { reason: policy.fault, detail: policy.detail };
  if (nowS === undefined) warnings.push("no clock is known: whether the policy is in force was not judged");
  const lapse = nowS === undefined ? undefined : policyLapse(policy, nowS);
  if (nowS !== undefined && lapse !== undefined) {
    const [word, at] = lapse === "policy-expired" ? ["ended", policy.untilS] : ["begins", policy.fromS];
    return { reason: lapse, detail: `the policy ${word} ${dateText(at)}; it is ${dateText(nowS)} here` };
  }
  if (policy.version < enrolment.policyVersion) {
    const detail = `the policy is version ${policy.version}; the node was judged by version ${enrolment.policyVersion} before`;
    return { reason: "policy-stale", detail };
  }
  return undefined;
}

function dateText(unixS: number): string {
  return new Date(unixS * 1000).toISOString().slice(0, 19).replace("T", " ");
}

interface StateCase {
  readonly evidence: Evidence;
  readonly demands: Demands;
  readonly own: EventLog | undefined;
  readonly ownPcr: number | undefined;
}

function drift({ evidence, demands, own, ownPcr }: StateCase): Finding | undefined {
  const policy = policyOf(demands.policy);
  const { state } = demands.enrolment;
  const judgesOwn = ownPcr !== undefined && evidence.pcrs.includes(ownPcr);
  const details = judgesOwn ? [...ownDrift(own, policy, state)] : [];
  for (const pcr of evidence.pcrs) {
    const listed = policy?.values.get(pcr);
    // What the agent extends is judged event by event, unless the policy says whole values.
    if (listed === undefined && (pcr === ownPcr || pcr === KERNEL_PCR)) continue;
    const wrong = valueDrift(evidence.values.get(pcr), listed, state?.values.get(pcr));
    if (wrong !== undefined) details.push(`PCR ${pcr} ${wrong}`);
  }
  return details.length === 0 ? undefined : { reason: "drift", detail: details.join("; ") };
}

/** How a value (or an event's digest) is not right; undefined when it is. */
function valueDrift(
  value: Uint8Array | undefined,
  listed: readonly Uint8Array[] | undefined,
  enrolled: Uint8Array | undefined,
): string | undefined {
  const right = listed ?? (enrolled === undefined ? [] : [enrolled]);
  if (value !== undefined && right.some((allowed) => equalBytes(allowed, value))) return undefined;
  if (listed !== undefined) return "is none that the policy lists";
  return enrolled === undefined ? "is listed nowhere" : "is not as it was at the enrolment";
}

function ownDrift(
  log: EventLog | undefined,
  policy: Policy | undefined,
  enrolled: EnrolledState | undefined,
): readonly string[] {
  const own = log === undefined ? undefined : ownDigestsOf(log);
  if (log === undefined || own === undefined) {
    return ["the agent's register holds more than one state since the machine started"];
  }
  const base = enrolled === undefined ? isZero(log.base) : equalBytes(enrolled.ownBase, log.base);
  const before =
    base || policy?.values.has(log.pcr) === true ? [] : ["what was measured before the agent is not as it was"];
  const events = OWN_EVENTS.flatMap((name) => {
    const wrong = valueDrift(own[name], policy?.own.get(name), enrolled?.own[name]);
    return wrong === undefined ? [] : [`${name} ${wrong}`];
  });
  return [...before, ...events];
}
