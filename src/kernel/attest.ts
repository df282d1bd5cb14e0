/**
 * What passes between a node that is attested and whoever verifies it: evidence, counters, verdicts. Bytes are the TPM's
 * own; a verifier checks those, never a re-encoding.
 * @module
 */

/** Everything that a verifier needs besides its own nonce and what it remembers of the node. */
export interface Evidence {
  /** TPMS_ATTEST. */
  readonly attest: Uint8Array;
  /** TPMT_SIGNATURE. */
  readonly signature: Uint8Array;
  /** TPMT_PUBLIC of the attestation key, as the node says. */
  readonly akPublic: Uint8Array;
  readonly pcrs: readonly number[];
  /** 32 bytes each. */
  readonly values: ReadonlyMap<number, Uint8Array>;
  readonly logs: EvidenceLogs;
}

/** What explains the registers. */
export interface EvidenceLogs {
  /** The agent's own events (`measurements.json`). */
  readonly own: Uint8Array | undefined;
  readonly tcg: Uint8Array | undefined;
  readonly ima: Uint8Array | undefined;
  readonly cel: Uint8Array | undefined;
}

export interface Counters {
  readonly resetCount: number;
  readonly restartCount: number;
  /** ms */
  readonly clock: bigint;
}

/** Why evidence is not believed: the first that applies, in this order. */
export const ATTEST_REASONS = [
  "malformed",
  "other-key",
  "key-attributes",
  "signature",
  "nonce",
  "bank-missing",
  "selection",
  "values",
  "counters-backward",
  "unknown-reset",
  "reset-missing",
  "firmware",
  "not-measured",
  "unexplained",
  "policy-missing",
  "policy-forged",
  "policy-not-yet",
  "policy-expired",
  "policy-stale",
  "drift",
] as const;
export type AttestReason = (typeof ATTEST_REASONS)[number];

export type AttestVerdict =
  | {
      readonly ok: true;
      readonly counters: Counters;
      /** For people: an unclean stop, a firmware not named by the policy, … */
      readonly warnings: readonly string[];
    }
  | { readonly ok: false; readonly reason: AttestReason; readonly detail: string; readonly fix: string };

/** What the agent measures of itself, in the order in which it extends it. */
export const OWN_EVENTS = ["runtime", "code", "config", "policy"] as const;
export type OwnEventName = (typeof OWN_EVENTS)[number];
export type OwnDigests = Readonly<Record<OwnEventName, Uint8Array>>;
