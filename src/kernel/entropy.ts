/** What is said of a source's samples: the figures of NIST SP 800-90B, section 6.3, and who makes them. @module */

/** In the order of the standard, 6.3.1 to 6.3.10. */
export const ESTIMATORS = [
  "mcv",
  "collision",
  "markov",
  "compression",
  "tTuple",
  "lrs",
  "multiMcw",
  "lag",
  "multiMmc",
  "lz78y",
] as const;

export type Estimator = (typeof ESTIMATORS)[number];

/**
 * Bits of min-entropy a symbol, 0 or more; only `lrs` can be above log2 of the alphabet. Null where the estimator can't
 * speak: it is for two symbols only, or the samples are too few for it.
 */
export type EntropyFigures = Readonly<Record<Estimator, number | null>>;

export interface EntropyAssessment {
  /** Bits a sample, 1 … 8. */
  readonly bits: number;
  readonly samples: number;
  /** Different ones, 1 … 2^bits. */
  readonly symbols: number;
  /** Of the samples as they are, in bits a sample. */
  readonly literal: EntropyFigures;
  /** Of the samples' bits, the highest first, in bits a bit; null for samples of two symbols, which are bits. */
  readonly bitstring: EntropyFigures | null;
  /** The least of `literal`, at most `bits`. */
  readonly hOriginal: number;
  /** The least of `bitstring`, at most 1. */
  readonly hBitstring: number | null;
  /** Bits a sample: the lesser of `hOriginal` and `bits` times `hBitstring`. */
  readonly assessed: number;
}

/** What is about to be estimated. */
export interface EntropyStep {
  readonly view: "literal" | "bitstring";
  readonly estimator: Estimator;
  /** In the view. */
  readonly symbols: number;
  /** Estimates made before this one, of so many. */
  readonly done: number;
  readonly total: number;
}

/** In all samples together: bounds memory, at about 25 bytes a bit. */
export const MOST_SAMPLE_BITS = 2 ** 25;

export interface EntropyTools {
  /**
   * All estimators over samples, one a byte.
   * @param bits a sample, 1 … 8
   * @throws AgentError "SAMPLES_TOO_FEW", "SAMPLES_TOO_MANY", "SAMPLE_TOO_WIDE"
   */
  assess(samples: Uint8Array, bits: number, onStep?: (step: EntropyStep) => void): EntropyAssessment;
}
