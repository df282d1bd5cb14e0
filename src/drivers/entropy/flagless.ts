/** What a source of bytes says that tells neither who it is nor how it is: kernel, TPM, /dev/hwrng. @module */
import type { EntropySource } from "../../ports/entropy.ts";

export const flagless: Pick<EntropySource, "bitsPerSample" | "identity" | "status"> = {
  bitsPerSample: 8,
  identity: { serial: undefined, firmware: undefined },
  status: () => Promise.resolve({ ok: true, flags: [] }),
};
