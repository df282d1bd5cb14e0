/** What a running agent answers about attestation: the shapes of `/v1/attest`. Bytes are base64 unless said otherwise. @module */
import type { AttestReason } from "./attest.ts";

/** What a node asks a verifier to be enrolled with, as a text file. */
export interface AttestRequestReport {
  /** Author id, 16 hex digits. */
  readonly id: string;
  readonly name: string;
  readonly request: string;
}

/** The node's answer to a verifier's challenge, as a text file. */
export interface AttestAnswerReport {
  readonly answer: string;
}

/** A fresh quote with all that explains it. */
export interface EvidenceReport {
  /** Hex, as it was asked for. */
  readonly nonce: string;
  readonly pcrs: readonly number[];
  /** By file name, as `caye attest quote` writes them. */
  readonly files: Readonly<Record<string, string>>;
}

export interface VerdictReport {
  readonly ok: boolean;
  /** The node's name by its enrolment; empty when that could not be read or names none. */
  readonly name: string;
  /** Empty when the verdict is good. */
  readonly reason: AttestReason | "";
  readonly detail: string;
  readonly fix: string;
  readonly warnings: readonly string[];
  /** By the TPM's word; null when the verdict is not good. */
  readonly counters: {
    readonly reset_count: number;
    readonly restart_count: number;
    /** ms */
    readonly clock: string;
  } | null;
}

/** The answer of `POST /v1/attest/verify`. */
export interface RemoteVerdictReport extends VerdictReport {
  /** The enrolment's file with the counters brought up to date: to be kept in place of the old one; empty unless `ok`. */
  readonly enrolment: string;
}

/** What the agent measures, 64 hex digits each. */
export interface ReferenceReport {
  readonly runtime: string;
  readonly code: string;
  readonly config: string;
  readonly policy: string;
}

/** What a neighbour's enrolment is worth to this node from now on. */
export interface WatchReport {
  /** Author id, 16 hex digits. */
  readonly author: string;
  readonly name: string;
}
