/** A source of random samples that can be tested. @module */

export interface EntropySource extends AsyncDisposable {
  /** For people: `kernel`, `hwrng:/dev/hwrng`, `tpm`, … */
  readonly name: string;
  /** True when the samples come unconditioned from the noise: only then do statistical tests say something of it. */
  readonly raw: boolean;
  /** Claimed min-entropy of one 8-bit sample, 0 < H ≤ 8 bits. */
  readonly claimedMinEntropyBits: number;
  /** Exactly `count` samples of 8 bits. @throws AgentError "ENTROPY_SOURCE" when the device fails or is silent */
  read(count: number, signal: AbortSignal): Promise<Uint8Array>;
}
