/** What every boot step that fails says: its named state, a sentence, and what to do. @module */
import { AgentError, describeError, isAgentError } from "../kernel/errors.ts";

export interface Failure<Kind extends string> {
  readonly kind: Kind;
  /** For people: what was found. */
  readonly detail: string;
  /** For people: what to do about it. */
  readonly fix: string;
}

export function failure<Kind extends string>(kind: Kind, detail: string, fix: string): Failure<Kind> {
  return { kind, detail, fix };
}

/** Their sentence says all; the system's own words behind it (`spawn swtpm ENOENT`) would only be noise. */
const TOLD_WHOLLY = new Set(["TPM_NO_SWTPM"]);

/** A failure made from a foreseen error. Anything else is a fault of ours and travels on. */
export function failureFrom<Kind extends string>(kind: Kind, error: unknown): Failure<Kind> {
  if (!(error instanceof AgentError)) throw error;
  const detail = TOLD_WHOLLY.has(error.code) ? error.message : describeError(error);
  return { kind, detail, fix: error.fix ?? "see the log of the agent, then restart it" };
}

export type TpmFailureKind = "tpm-error" | "tpm-locked" | "tpm-failed";

/** Lockout and the chip's failure mode are states of their own: neither gets better by asking again. */
export function tpmFailureKind(error: unknown): TpmFailureKind {
  if (isAgentError(error, "TPM_LOCKED")) return "tpm-locked";
  return isAgentError(error, "TPM_FAILED") ? "tpm-failed" : "tpm-error";
}
