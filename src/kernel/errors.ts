/**
 * Failures that we foresee. Each has a stable code, a sentence, and where possible what to do about it.
 *
 * What a neighbour or a device sends badly is not an error but a {@link Decoded} reason: see `decoded.ts`.
 * @module
 */

export interface AgentErrorOptions {
  readonly cause?: unknown;
  /** What the reader can do about it: a sentence, or a command to type. */
  readonly fix?: string;
}

/** A foreseen failure. `code` is stable: operators' scripts and tests match on it, never on the sentence. */
export class AgentError extends Error {
  readonly code: string;
  readonly fix: string | undefined;

  /** @param code UPPER_SNAKE_CASE, for example `PCR_MISMATCH` */
  constructor(code: string, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "AgentError";
    this.code = code;
    this.fix = options.fix;
  }
}

/** The AgentError of that code, or undefined: for a `catch` that handles one failure and rethrows the rest. */
export function isAgentError(error: unknown, code?: string): error is AgentError {
  return error instanceof AgentError && (code === undefined || error.code === code);
}

/** One line for people: the message of anything that was thrown, with its causes. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${describeError(error.cause)})`;
}

/** The `code` of a Node system error (`ENOENT`, `EADDRINUSE`, …), or undefined. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
