/** Opens the source of random samples that a URI names: `kernel`, or `hwrng:/dev/hwrng`. @module */
import { AgentError } from "../../kernel/errors.ts";
import type { EntropySource } from "../../ports/entropy.ts";
import { openHwrng } from "./hwrng.ts";
import { kernelEntropy } from "./kernel.ts";

/**
 * @param claimedBits the claimed min-entropy of a sample of 8 bits, 0 < H ≤ 8
 * @throws AgentError "ENTROPY_URI", "ENTROPY_SOURCE"
 */
export async function openEntropy(uri: string, claimedBits: number): Promise<EntropySource> {
  if (!(claimedBits > 0 && claimedBits <= 8)) {
    throw new AgentError("ENTROPY_URI", `a sample of 8 bits can't hold ${claimedBits} bits of entropy`, {
      fix: "set entropy.min_entropy_bits above 0 and at most 8",
    });
  }
  if (uri === "kernel") return kernelEntropy(claimedBits);
  const device = /^hwrng:(\/.+)$/.exec(uri)?.[1];
  if (device !== undefined) return openHwrng(device, claimedBits);
  throw new AgentError("ENTROPY_URI", `no entropy source has the URI ${uri}`, {
    fix: 'use "kernel", "hwrng:/dev/hwrng" or "tpm"',
  });
}
