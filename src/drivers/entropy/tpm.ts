/** The random numbers of a TPM as a source of samples. The chip conditions them. @module */
import { AgentError, describeError } from "../../kernel/errors.ts";
import type { EntropySource } from "../../ports/entropy.ts";
import type { Tpm } from "../../ports/tpm.ts";
import { flagless } from "./flagless.ts";

const MAX_CALL_BYTES = 32;

/** Borrows the TPM: it is not closed with the source. @param claimedBits min-entropy of a sample of 8 bits */
export function tpmEntropy(tpm: Tpm, claimedBits: number): EntropySource {
  return {
    ...flagless,
    name: "tpm",
    raw: false,
    claimedMinEntropyBits: claimedBits,
    read: async (count, signal) => {
      const samples = new Uint8Array(count);
      try {
        for (let at = 0; at < count; at += MAX_CALL_BYTES) {
          signal.throwIfAborted();
          samples.set(await tpm.random(Math.min(MAX_CALL_BYTES, count - at)), at);
        }
      } catch (error) {
        if (!(error instanceof AgentError)) throw error;
        throw new AgentError("ENTROPY_SOURCE", `the TPM does not give samples: ${describeError(error)}`, {
          cause: error,
          fix: error.fix ?? "run caye doctor: it says how the TPM is",
        });
      }
      return samples;
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
