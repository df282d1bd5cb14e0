/**
 * What a verifier and a village's authority do about attestation, off the air and without an agent: for the command line
 * and for the HTTP route. Everything comes and goes as the bytes of files; `attest/tools.ts` does the work.
 * @module
 */
import type { AttestVerdict, OwnDigests } from "./attest.ts";
import type { AuthoritySigner, NodeKeys } from "./village.ts";

/** Of one quote: what `tpm2_checkquote` reads, the key as the TPM says it, and the logs that explain the registers. */
export const EVIDENCE_FILES = [
  "ak.pem",
  "quote.msg",
  "quote.sig",
  "quote.pcrs",
  "ak.pub",
  "own-events.json",
  "tcg-events.bin",
  "ima-events.bin",
  "cel-events.jsonseq",
] as const;

/** File name (`quote.msg`, `ak.pub`, …) → content, as `attest/evidence-files.ts` lays them out. */
export type EvidenceFiles = ReadonlyMap<string, Uint8Array>;

export interface VerifyRequest {
  readonly files: EvidenceFiles;
  readonly enrolment: Uint8Array;
  /** The verifier's own, 16 … 32 bytes. */
  readonly nonce: Uint8Array;
  /** A policy's file, and the authority (128 hex digits) that must have signed it. */
  readonly policy?: { readonly file: Uint8Array; readonly authority: string };
  /** Unix time in s; undefined where no clock can be trusted: validity is then not judged, and a warning says so. */
  readonly nowS?: number;
  /** Known reboots since the last verification. */
  readonly reboots: number;
  /** Judges key, signature, nonce, selection, values and counters only: for quotes of other tools. */
  readonly quoteOnly?: boolean;
}

export interface VerifyResult {
  readonly verdict: AttestVerdict;
  /** The node's name; empty when the enrolment could not be read or has none. */
  readonly name: string;
  /** The enrolment file brought up to date: keep it in place of the old one. Undefined unless the verdict is good. */
  readonly enrolment: Uint8Array | undefined;
}

/** How a verifier knows that the endorsement key is in a chip that it trusts. */
export type EndorsementTrust =
  /** PEM files of chip makers' authorities. `nowS`: Unix time in s, when it is known. */
  | { readonly kind: "chain"; readonly roots: readonly Uint8Array[]; readonly nowS?: number }
  /** On the operator's word: this is the key that stands before me. */
  | { readonly kind: "pin" };

export interface ChallengeResult {
  /** For the node. */
  readonly challenge: Uint8Array;
  /** For the verifier itself: keep it secret until the answer is there. */
  readonly pending: Uint8Array;
  readonly name: string;
  /** One sentence on how the chip is known. */
  readonly endorsement: string;
  readonly warnings: readonly string[];
}

export interface EnrolmentResult {
  readonly enrolment: Uint8Array;
  readonly name: string;
  /** Author id, 16 hex digits. */
  readonly author: string;
  /** For the node's certificate; undefined for an RSA attestation key, which a certificate can't name. */
  readonly node: NodeKeys | undefined;
  readonly warnings: readonly string[];
}

/** What a file says, for people and as JSON. */
export interface EnrolmentFacts {
  readonly name: string;
  readonly author: string;
  /** SHA-256 name of the attestation key, hex. */
  readonly ak_name: string;
  readonly key: "ecc" | "rsa";
  /** `chain`, `pinned`, or `none` for an enrolment made from a bare key. */
  readonly endorsement: "chain" | "pinned" | "none";
  readonly pcrs: readonly number[];
  readonly own_pcr: number | null;
  readonly reset_count: number | null;
  readonly restart_count: number | null;
}

export interface PolicyFacts {
  readonly version: number;
  /** ISO 8601. */
  readonly from: string;
  readonly until: string;
  /** The body as it was signed, as JSON. */
  readonly body: unknown;
  /** `unchecked` when no authority was named. */
  readonly signatures: "good" | "bad" | "unchecked";
}

/** A state of registers that is to be approved for one node. */
export interface ApprovalRequest {
  /** Of the node that the approval is for, and of registers that the digests below do not say. */
  readonly enrolment: Uint8Array;
  /** What will run; those left out stay as they were at the enrolment. */
  readonly own?: Partial<OwnDigests>;
  /** Instead of `own`: the PCR policy digest that the node's `doctor` names, 32 bytes. */
  readonly digest?: Uint8Array;
}

export interface AttestTools {
  /** Never throws, whatever the bytes: an unreadable file is a verdict, too. */
  verify(request: VerifyRequest): VerifyResult;
  /** The first step of a verifier. @throws AgentError "ATTEST_REQUEST", "EK_UNTRUSTED" */
  challenge(request: Uint8Array, trust: EndorsementTrust): ChallengeResult;
  /** The last one. @param nowS Unix time in s, to be written down @throws AgentError "ATTEST_PENDING", "ATTEST_ANSWER" */
  finish(answer: Uint8Array, pending: Uint8Array, nowS?: number): EnrolmentResult;
  /** An enrolment of a key that nothing else is known of, from `ak.pub` of tpm2-tools. @throws AgentError "AK_INVALID" */
  bareEnrolment(akPublic: Uint8Array, name: string): Uint8Array;
  /** @throws AgentError "ENROLMENT_INVALID" */
  showEnrolment(enrolment: Uint8Array): EnrolmentFacts;
  /** @param body JSON as people write it @throws AgentError "POLICY_INVALID" */
  signPolicy(body: Uint8Array, authority: AuthoritySigner): Uint8Array;
  /** @throws AgentError "POLICY_INVALID" */
  showPolicy(file: Uint8Array, authority: string | undefined): PolicyFacts;
  /** An approval's file. @throws AgentError "ENROLMENT_INVALID", "APPROVAL_INVALID" */
  approve(request: ApprovalRequest, authority: AuthoritySigner): Uint8Array;
}
