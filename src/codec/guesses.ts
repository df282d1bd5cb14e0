/**
 * Probabilities that are learnt by counting: each keeps how often it was asked, and follows at 1 / (n + 1.5), n ≤ 255.
 *
 * One number a guess: the probability of 1 in 1/2^22 above, the count in the lowest 10 bits.
 * @module
 */

const MOST = 255;
/** ⌊8192 / (2n + 3)⌋, which is 1 / (n + 1.5) in 1/4096. */
const STEPS = Int32Array.from({ length: MOST + 1 }, (_, n) => Math.floor(8192 / (2 * n + 3)));
const ALMOST_ONE = (1 << 22) - 1;

/** A guess that was never asked. @param p22 in 1/2^22 */
export function firstGuess(p22: number): number {
  return p22 << 10;
}

/** In 1/4096 */
export function probabilityOf(guess: number): number {
  return guess >>> 20;
}

export function taught(guess: number, bit: number): number {
  const count = guess & 0x3ff;
  const p = guess >>> 10;
  const next = p + (Math.imul(((bit === 1 ? ALMOST_ONE : 0) - p) >> 3, STEPS[count] ?? 0) >> 9);
  return (next << 10) | (count < MOST ? count + 1 : count);
}
