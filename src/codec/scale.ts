/**
 * The two scales of the context mixing and the way between them, by integers alone.
 *
 * A probability is that the next bit is 1, in 1/65536. A score is its log odds ln(p / (1 − p)), in 1/256; scores add up,
 * which is why the mixing is done in them. See docs/codec.md.
 * @module
 */

/** Scores lie in −2815 … 2815: eleven e-foldings, where a probability of 16 bits ends. */
export const SCORE_LIMIT = 2815;
export const ONE = 65_536;

/** ⌊2^64 · e^(−1/256)⌋ */
const STEP = 0xff00_7fd5_5ffd_de38n;

const squashed = squashTable();
const stretched = stretchTable();

/** The probability, 1 … 65535, of a score; scores beyond the limit count as the limit. */
export function squash(score: number): number {
  if (score > SCORE_LIMIT) return squashed[2 * SCORE_LIMIT] ?? 0;
  if (score < -SCORE_LIMIT) return squashed[0] ?? 0;
  return squashed[score + SCORE_LIMIT] ?? 0;
}

export function clampScore(score: number): number {
  return score > SCORE_LIMIT ? SCORE_LIMIT : score < -SCORE_LIMIT ? -SCORE_LIMIT : score;
}

/** The score of a probability in 1/4096, 0 … 4095, taken as the middle of its step. */
export function stretch(probability12: number): number {
  return stretched[probability12] ?? 0;
}

/** 65536 / (1 + e^(−s/256)), rounded down, within 1 … 65535; e^(−s/256) is a power of {@link STEP} in 64 bits. */
function squashTable(): Uint16Array {
  const table = new Uint16Array(2 * SCORE_LIMIT + 1);
  const unit = 1n << 64n;
  let power = unit;
  for (let score = 0; score <= SCORE_LIMIT; score++) {
    const p = Math.min(ONE - 1, Number((65_536n * unit) / (unit + power)));
    table[SCORE_LIMIT + score] = p;
    table[SCORE_LIMIT - score] = Math.max(1, ONE - p);
    power = (power * STEP) >> 64n;
  }
  return table;
}

/** The smallest score whose probability reaches the middle of the step. */
function stretchTable(): Int16Array {
  const table = new Int16Array(4096);
  let score = -SCORE_LIMIT;
  for (let step = 0; step < 4096; step++) {
    while (score < SCORE_LIMIT && squash(score) < 16 * step + 8) score++;
    table[step] = score;
  }
  return table;
}
