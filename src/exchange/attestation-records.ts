/** What the exchange asks of whoever keeps the records of other nodes' TPMs, and of its own. @module */
import type { CompactFrame, Expectations } from "../attest/compact.ts";
import type { AttestVerdict, Evidence } from "../kernel/attest.ts";

export interface KnownNode extends Omit<CompactFrame, "nonce"> {
  readonly expected: Expectations;
}

/** What is done with a neighbour that did not show a right state, and for how long a good verdict holds. */
export interface AttestRules {
  readonly unattested: "serve" | "limit" | "refuse";
  readonly maxAgeMs: number;
}

/** Authors by id, 16 hex digits. */
export interface AttestationRecords {
  /** Undefined when nothing is known by which its quote could be judged. */
  known(author: string): KnownNode | undefined;
  judge(author: string, evidence: Evidence, nonce: Uint8Array): AttestVerdict;
  /** After a good verdict of {@link AttestationRecords.judge} that is believed to be new. */
  remember(author: string, evidence: Evidence): Promise<void>;
  /** By the village's policy; undefined without one: all are served. */
  rules(): AttestRules | undefined;
}

/** This node's own TPM. */
export interface Prover {
  /** The register of the agent's own events. */
  readonly ownPcr: number;
  /** What its quotes cover, rising: questions about others cost nothing and get nothing. */
  readonly pcrs: readonly number[];
  /** @param nonce 16 bytes @throws what the TPM throws */
  evidence(nonce: Uint8Array, pcrs: readonly number[]): Promise<Evidence>;
}
