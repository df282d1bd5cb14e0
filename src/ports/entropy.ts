/** A source of random samples that can be tested, and who judges them. @module */
import type { EntropyAssessment, EntropyStep } from "../kernel/entropy.ts";

/** Which device gives the samples. What it does not tell is undefined. */
export interface EntropyIdentity {
  readonly serial: string | undefined;
  readonly firmware: string | undefined;
}

/** What the device says of itself. */
export interface EntropyStatus {
  /** False when a flag means that its samples must not be trusted. */
  readonly ok: boolean;
  /** The flags that it raises, in plain words, the good ones left out: `its own repetition test failed`. */
  readonly flags: readonly string[];
}

export interface EntropySource extends AsyncDisposable {
  /** For people, and the URI of the configuration: `kernel`, `hwrng:/dev/hwrng`, `tpm`, `qrng:qcicada:/dev/ttyUSB0`. */
  readonly name: string;
  /** True when the samples come unconditioned from the noise: only then do statistical tests say something of it. */
  readonly raw: boolean;
  /** Width of a sample, 1 … 8; each sample stands in the low bits of a byte of its own. */
  readonly bitsPerSample: number;
  /** Claimed min-entropy of one sample, 0 < H ≤ {@link bitsPerSample}. */
  readonly claimedMinEntropyBits: number;
  /** Read once, when the source was opened. */
  readonly identity: EntropyIdentity;
  /** Asks the device itself; a source without flags is always well. @throws AgentError "ENTROPY_SOURCE" when it is gone or silent */
  status(signal: AbortSignal): Promise<EntropyStatus>;
  /**
   * Exactly `count` (≥ 0) samples, one a byte, on a buffer of their own. Calls one after the other, never at once.
   * @throws AgentError "ENTROPY_SOURCE" when the device fails, is silent, is gone, or gives what is no sample; the
   * signal's reason when that aborts
   */
  read(count: number, signal: AbortSignal): Promise<Uint8Array>;
}

/** A source that is opened again whenever it was lost. */
export interface EntropyOpening {
  /** Of the configuration, which is also the source's name. */
  readonly uri: string;
  /** True for one that nobody asked for: it is mixed in where it is there, and no fault where it is not. */
  readonly optional: boolean;
  /** @throws AgentError "ENTROPY_SOURCE", "ENTROPY_URI" */
  open(): Promise<EntropySource>;
}

/** Makes the estimates of SP 800-90B in another thread, so that nothing waits for them. */
export interface EntropyAssessor {
  /**
   * @param bits a sample, 1 … 8
   * @throws AgentError "SAMPLES_TOO_FEW", "SAMPLES_TOO_MANY", "SAMPLE_TOO_WIDE"; "ASSESSOR" when the thread fails; the
   * signal's reason when that aborts
   */
  assess(
    samples: Uint8Array,
    bits: number,
    signal: AbortSignal,
    onStep?: (step: EntropyStep) => void,
  ): Promise<EntropyAssessment>;
}
