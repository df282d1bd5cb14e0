/** What the API tells of the node's keys, and what its operators do about them. No report ever holds a secret. @module */

export interface KeysReport {
  readonly store_key: StoreKeyReport;
  readonly recovery: RecoveryReport;
  /** Generation of the TPM's attestation key: in use, and from the next start on. */
  readonly attestation_key: { readonly generation: number; readonly next_generation: number };
  /** This node as an author: 16 hex digits, empty when the store is shut; and whether it is another from the next start on. */
  readonly author_key: { readonly id: string; readonly replaced_at_next_start: boolean };
  /** Updates that the village's authority approved beforehand: digests of states, hex. */
  readonly approvals: readonly string[];
}

/** What boot knows of them. */
export type TrustKeysReport = Omit<KeysReport, "author_key">;

/**
 * `settled`: the store is under one key. `moving`: on its way from one to another. `tidying`: it has arrived, and the
 * former key still lies in sealed files. `shut`: nothing is known, as the store is not open.
 */
export type StoreKeyState = "settled" | "moving" | "tidying" | "shut";

export interface StoreKeyReport {
  readonly state: StoreKeyState;
  /** 16 hex digits that name the key; empty when the store is shut. */
  readonly id: string;
  /** Values looked at and moved since this start of the agent. */
  readonly looked: number;
  readonly moved: number;
}

/** `stale`: the file holds another key than the store's. */
export interface RecoveryReport {
  readonly state: "none" | "made" | "stale" | "damaged";
  /** 16 hex digits that name the words; empty when there are none. */
  readonly words: string;
}

export interface ApprovalReport {
  readonly verdict: "new" | "known";
  /** Of the approved state, hex. */
  readonly digest: string;
}

/** What recovery words do without an agent: for the command line. Secrets are the 32 bytes that the words stand for. */
export interface RecoveryTools {
  /** New words: what they stand for, and the public key that the agent closes the box to. */
  create(): { readonly secret: Uint8Array; readonly publicKey: Uint8Array };
  /**
   * Whether they open the box in a state directory. Only reads; an agent may run.
   * @throws AgentError "RECOVERY_NONE", "RECOVERY_DAMAGED", "RECOVERY_WORDS", "RECOVERY_REPLACED"
   */
  check(statePath: string, secret: Uint8Array): Promise<{ readonly keyId: string; readonly current: boolean }>;
  /**
   * Puts the store's key back. No agent may run there.
   * @returns files that were set aside @throws AgentError "STATE_IN_USE", and as {@link check}
   */
  open(statePath: string, secret: Uint8Array): Promise<readonly string[]>;
}
