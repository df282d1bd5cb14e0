/** All sources of a node, ready to be opened: those that the configuration names, and the Pi's own where it is there. @module */
import { existsSync } from "node:fs";
import { AgentError } from "../../kernel/errors.ts";
import type { EntropyOpening } from "../../ports/entropy.ts";
import type { Tpm } from "../../ports/tpm.ts";
import { openEntropy } from "./open.ts";
import { tpmEntropy } from "./tpm.ts";

export interface NamedSource {
  readonly uri: string;
  /** Min-entropy claimed for a sample, 0 < H ≤ 8. */
  readonly claimedBits: number;
}

const OWN_DEVICE = "/dev/hwrng";
/** What its driver conditions is full of entropy, or there is none in it: claimed as the configuration's default. */
const OWN_CLAIM = 7;

/** @param named at least one, each once @param tpm undefined where there is none */
export function entropyOpenings(
  named: readonly NamedSource[],
  tpm: Tpm | undefined,
  ownDevice = OWN_DEVICE,
): readonly EntropyOpening[] {
  const openings = named.map(({ uri, claimedBits }): EntropyOpening => {
    if (uri !== "tpm") return { uri, optional: false, open: () => openEntropy(uri, claimedBits) };
    const open = () => (tpm === undefined ? Promise.reject(noTpm()) : Promise.resolve(tpmEntropy(tpm, claimedBits)));
    return { uri, optional: false, open };
  });
  const uri = `hwrng:${ownDevice}`;
  if (!existsSync(ownDevice) || named.some((source) => source.uri === uri)) return openings;
  return [...openings, { uri, optional: true, open: () => openEntropy(uri, OWN_CLAIM) }];
}

function noTpm(): AgentError {
  return new AgentError("ENTROPY_SOURCE", "an entropy source is the TPM, and there is none", {
    fix: "take tpm out of entropy.source and entropy.sources, or fit a TPM 2.0",
  });
}
