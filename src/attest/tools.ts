/**
 * What verifiers and authorities do about attestation, over the bytes of files: `AttestTools` of `kernel/attest-tools.ts`.
 * No agent and no TPM is needed.
 * @module
 */
import type {
  ApprovalRequest,
  AttestTools,
  ChallengeResult,
  EndorsementTrust,
  EnrolmentFacts,
  EnrolmentResult,
  PolicyFacts,
  VerifyRequest,
  VerifyResult,
} from "../kernel/attest-tools.ts";
import { toHex, type Bytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { compressedPoint } from "../kernel/p256.ts";
import { pcrPolicyDigest } from "../kernel/pcr.ts";
import { decodePublic, objectName } from "../kernel/tpm-public.ts";
import type { AuthoritySigner, NodeKeys } from "../kernel/village.ts";
import type { Random } from "../ports/random.ts";
import { approve, encodeApproval, updatePolicyRef } from "./approval.ts";
import { finishEnrolment, makeChallenge } from "./enrol.ts";
import {
  authorIdOf,
  bareEnrolment,
  decodeEnrolment,
  encodeEnrolment,
  remember,
  type EnrolledState,
  type Enrolment,
} from "./enrolment.ts";
import { decodeKeyFile, readEvidenceFiles } from "./evidence-files.ts";
import { expectedValue } from "./logs/own.ts";
import { decodePolicyFile, decodeUncheckedPolicy, encodePolicyFile, readPolicyBody } from "./policy.ts";
import { bad, KERNEL_PCR, verifyEvidence, type Demands } from "./verify.ts";

const ENROLMENT_FIX = "give the file that caye attest enrol wrote, unchanged";
const PINNED = "the chip is taken on your word: no certificate of its maker was asked for";

/** @param random for the secrets and nonces of challenges */
export function attestTools(random: Random): AttestTools {
  return {
    verify,
    challenge: (request, trust) => challenge(request, trust, random),
    finish,
    bareEnrolment: (akPublic, name) => encodeEnrolment(bareEnrolment(keyOf(akPublic), name)),
    showEnrolment,
    signPolicy,
    showPolicy,
    approve: approveState,
  };
}

function verify(request: VerifyRequest): VerifyResult {
  const enrolment = decodeEnrolment(request.enrolment);
  if (!enrolment.ok) return refusal("", `the enrolment: ${enrolment.reason}`, ENROLMENT_FIX);
  const { name, akPublic } = enrolment.value;
  const evidence = readEvidenceFiles(request.files, akPublic);
  if (!evidence.ok) return refusal(name, evidence.reason);
  const { nonce, nowS, reboots, quoteOnly } = request;
  const policy = policyOf(request);
  const demands: Demands = { nonce, enrolment: enrolment.value, policy, nowS, reboots, quoteOnly: quoteOnly === true };
  const verdict = verifyEvidence(evidence.value, demands);
  if (!verdict.ok) return { verdict, name, enrolment: undefined };
  const judgedBy = policy !== undefined && "version" in policy && quoteOnly !== true ? policy.version : 0;
  return { verdict, name, enrolment: encodeEnrolment(remember(enrolment.value, verdict.counters, judgedBy)) };
}

function refusal(name: string, detail: string, fix?: string): VerifyResult {
  const verdict = bad({ reason: "malformed", detail });
  return { verdict: fix === undefined ? verdict : { ...verdict, fix }, name, enrolment: undefined };
}

function policyOf({ policy }: VerifyRequest): Demands["policy"] {
  if (policy === undefined) return undefined;
  const read = decodePolicyFile(policy.file, policy.authority);
  return read.ok ? read.value : { fault: "policy-forged", detail: `the policy's file: ${read.reason}` };
}

function challenge(request: Uint8Array, trust: EndorsementTrust, random: Random): ChallengeResult {
  const chip = trust.kind === "pin" ? { kind: "pin" as const, nowS: undefined } : { ...trust, nowS: trust.nowS };
  const made = makeChallenge(request, chip, random);
  const warnings = made.rootName === undefined ? [PINNED] : clockWarnings(chip.nowS);
  const endorsement =
    made.rootName === undefined
      ? `the chip's ${made.kind.toUpperCase()} key is pinned`
      : `the chip's ${made.kind.toUpperCase()} key is certified by ${made.rootName}`;
  return { challenge: made.challenge, pending: made.pending, name: made.request.name, endorsement, warnings };
}

function clockWarnings(nowS: number | undefined): readonly string[] {
  return nowS === undefined ? ["no clock is known: whether the chip's certificate is still valid was not judged"] : [];
}

function finish(answer: Uint8Array, pending: Uint8Array, nowS?: number): EnrolmentResult {
  const { enrolment, warnings } = finishEnrolment(answer, pending, nowS);
  const pinned = enrolment.endorsement?.bound === "pinned" ? [PINNED] : [];
  return {
    enrolment: encodeEnrolment(enrolment),
    name: enrolment.name,
    author: authorHex(enrolment),
    node: nodeKeysOf(enrolment),
    warnings: [...pinned, ...warnings],
  };
}

/** Undefined for an attestation key that a certificate can't name. */
function nodeKeysOf({ name, author, akPublic }: Enrolment): NodeKeys | undefined {
  const key = decodePublic(akPublic);
  if (author === undefined || !key.ok || key.value.kind !== "ecc") return undefined;
  return { name, ...author, attestationKey: compressedPoint(key.value) };
}

function keyOf(akPublic: Uint8Array): Bytes {
  const area = decodeKeyFile(akPublic);
  if (area.ok) return area.value;
  throw new AgentError("AK_INVALID", `this is no attestation key: ${area.reason}`, {
    fix: "give the file that tpm2_createak -u FILE writes, RSA of 2048 bits or more or ECC on P-256",
  });
}

function showEnrolment(file: Uint8Array): EnrolmentFacts {
  const enrolment = enrolmentOf(file);
  const { name, akPublic, endorsement, pcrs, state, counters } = enrolment;
  const key = decodePublic(akPublic);
  return {
    name,
    author: authorHex(enrolment),
    ak_name: toHex(objectName(akPublic)),
    key: key.ok ? key.value.kind : "ecc",
    endorsement: endorsement?.bound ?? "none",
    pcrs,
    own_pcr: state?.ownPcr ?? null,
    reset_count: counters?.resetCount ?? null,
    restart_count: counters?.restartCount ?? null,
  };
}

function authorHex({ author }: Enrolment): string {
  return author === undefined ? "" : toHex(authorIdOf(author.publicKey));
}

function enrolmentOf(file: Uint8Array): Enrolment {
  const enrolment = decodeEnrolment(file);
  if (enrolment.ok) return enrolment.value;
  throw new AgentError("ENROLMENT_INVALID", `this is no enrolment: ${enrolment.reason}`, {
    fix: ENROLMENT_FIX,
  });
}

function signPolicy(body: Uint8Array, authority: AuthoritySigner): Bytes {
  const policy = readPolicyBody(body);
  if (!policy.ok) throw badPolicy(policy.reason);
  return encodePolicyFile(policy.value, authority);
}

function showPolicy(file: Uint8Array, authority: string | undefined): PolicyFacts {
  const read = decodeUncheckedPolicy(file);
  if (!read.ok) throw badPolicy(read.reason);
  const { policy, body } = read.value;
  const signatures = authority === undefined ? "unchecked" : read.value.isSignedBy(authority) ? "good" : "bad";
  return { version: policy.version, from: isoDate(policy.fromS), until: isoDate(policy.untilS), body, signatures };
}

function isoDate(unixS: number): string {
  return new Date(unixS * 1000).toISOString();
}

function badPolicy(reason: string): AgentError {
  return new AgentError("POLICY_INVALID", `this is no policy: ${reason}`, { fix: "docs/attestation.md shows one" });
}

function approveState({ enrolment, own, digest }: ApprovalRequest, authority: AuthoritySigner): Bytes {
  const { author, pcrs, state } = enrolmentOf(enrolment);
  if (author === undefined || state === undefined) {
    throw badApproval("this enrolment names no node and no state, so that nothing can be approved for it");
  }
  const approved = digest === undefined ? digestOf(pcrs, state, own) : new Uint8Array(digest);
  const policyRef = updatePolicyRef(authorIdOf(author.publicKey));
  return encodeApproval(approve({ pcrs, approved, policyRef }, authority));
}

/** Of the PCR policy, when the agent's register has come to hold what is planned, and the others are as they were. */
function digestOf(pcrs: readonly number[], state: EnrolledState, own: ApprovalRequest["own"]): Bytes {
  if (pcrs.includes(KERNEL_PCR)) {
    throw badApproval(
      `PCR ${KERNEL_PCR} changes with each file that the kernel measures: no state of it can be foreseen`,
    );
  }
  const planned = expectedValue({ ...state.own, ...own }, state.ownBase);
  return pcrPolicyDigest(pcrs, new Map([...state.values, [state.ownPcr, planned]]));
}

function badApproval(message: string): AgentError {
  return new AgentError("APPROVAL_INVALID", message, {
    fix: "use the node's own enrolment, and the digest that its doctor names: --digest HEX",
  });
}
