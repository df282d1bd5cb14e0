/**
 * What ten thousand samples can say. The estimators judge few samples low: an ideal source of 8 bits is assessed at
 * about 6.0 with 10,000, so a threshold of "7 bits" would fail every perfect device.
 *
 * Of 1,000 ideal sources each, the least assessed with 10,000 samples was 0.463 of 1 bit and 4.97 of 8 bits; of 200
 * each, 1.15 of 2 bits and 2.50 of 4: never below 0.46 of what samples of one bit hold, 0.57 of wider ones.
 * @module
 */

/** Of a source at boot, and again and again while the agent runs. */
export const GATE_SAMPLES = 10_000;
/** As few the enrolment must hold: the lowest of less would say too little of the next. */
export const LEAST_PIECES = 20;
/**
 * So many sets in a row must fall below before a source counts as failed. A run of lucky guesses takes an ideal source
 * from 6.0 to 4.97 once in 500 sets; three in a row are no luck.
 */
export const TRIES = 3;

const FLOOR_SHARE = 0.5;
const FLOOR_SHARE_OF_BITS = 0.4;

/** Bits a sample below which {@link GATE_SAMPLES} samples fail of a source that was never enrolled. */
export function genericFloor(claimedBits: number, bitsPerSample: number): number {
  return claimedBits * (bitsPerSample === 1 ? FLOOR_SHARE_OF_BITS : FLOOR_SHARE);
}

/** What this device's own pieces of {@link GATE_SAMPLES} were assessed at, and the threshold for the next. Bits a sample. */
export interface GateFigures {
  readonly lowest: number;
  readonly median: number;
  readonly threshold: number;
}

const NEAREST_TO_MEDIAN = 0.9;

/**
 * As far below the lowest as that is below the median, and a tenth below the median at least: where the pieces happen
 * to lie close together, the next one must not fail for that. Half the entropy never passes.
 * @param assessed of each piece, {@link LEAST_PIECES} or more
 */
export function gateFigures(assessed: readonly number[]): GateFigures {
  const sorted = assessed.toSorted((a, b) => a - b);
  const lowest = sorted[0] ?? 0;
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return { lowest, median, threshold: Math.max(0, Math.min(2 * lowest - median, NEAREST_TO_MEDIAN * median)) };
}
