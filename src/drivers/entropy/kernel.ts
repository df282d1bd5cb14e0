/** The kernel's generator (getrandom) as a source of samples. It is conditioned: tests of it see only a broken kernel. @module */
import { randomBytes } from "node:crypto";
import type { EntropySource } from "../../ports/entropy.ts";
import { flagless } from "./flagless.ts";

/** @param claimedBits min-entropy of a sample of 8 bits */
export function kernelEntropy(claimedBits: number): EntropySource {
  return {
    ...flagless,
    name: "kernel",
    raw: false,
    claimedMinEntropyBits: claimedBits,
    read: (count, signal) => {
      if (signal.aborted) return Promise.reject(signal.reason);
      return Promise.resolve(new Uint8Array(randomBytes(count)));
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
