/** One TPM command out, one whole response back: what every way to a TPM has in common. @module */
import { AgentError } from "../../kernel/errors.ts";

/** The largest response that a TPM may give, in bytes. */
export const MAX_RESPONSE_BYTES = 4096;
/** Tag, size, response code. */
export const HEADER_BYTES = 10;

export interface Transport {
  /**
   * Sends one command and resolves with the bytes of its response, whose size field equals its length. One at a time.
   * After any failure the transport is dead for good: a late answer could be taken for the answer to a later command.
   * @throws AgentError "TPM_GONE", "TPM_BAD_WIRE"
   */
  send(command: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Lets go of the TPM. Never rejects; a second call does nothing. */
  close(): Promise<void>;
}

export function gone(message: string, cause?: unknown): AgentError {
  return new AgentError("TPM_GONE", message, {
    cause,
    fix: "check that the TPM is connected and that nothing else holds it, then restart the agent",
  });
}

export function badWire(message: string, cause?: unknown): AgentError {
  return new AgentError("TPM_BAD_WIRE", message, {
    cause,
    fix: "the answer of the TPM can't be trusted: check its wiring, then power the machine off and on",
  });
}

/** The size field of a response's first bytes; undefined while fewer than {@link HEADER_BYTES} are there. */
export function responseSize(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEADER_BYTES) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(2);
}

/** True for a size that a response can have. */
export function isPossibleSize(size: number): boolean {
  return size >= HEADER_BYTES && size <= MAX_RESPONSE_BYTES;
}
