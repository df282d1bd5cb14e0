/** Compression estimate, for bits: Maurer's statistic over blocks of six. SP 800-90B, 6.3.4. @module */
import { minEntropy, Z } from "./bounds.ts";

const BLOCK_BITS = 6;
const BLOCKS = 2 ** BLOCK_BITS;
/** Blocks that only fill the dictionary. */
const PRIMING = 1000;
/** The standard's factor for the deviation of the mean. */
const DEVIATION = 0.5907;
const HALVINGS = 60;

/** @param bits 0 or 1, one a byte @returns undefined with fewer than 1,002 blocks, that is 6,012 bits */
export function compression(bits: Uint8Array): number | undefined {
  const blocks = Math.floor(bits.length / BLOCK_BITS);
  const tested = blocks - PRIMING;
  if (tested < 2) return undefined;
  const log = logarithms(blocks);
  const { mean, deviation } = distances(bits, blocks, log);
  const low = mean - (Z * deviation) / Math.sqrt(tested);
  const p = likeliestBlock(low, (z) => expected(z, log) / tested);
  return p === undefined ? 1 : Math.min(1, minEntropy(p) / BLOCK_BITS);
}

/** log2 of 0 … n, that of 0 as 0. */
function logarithms(n: number): Float64Array {
  return Float64Array.from({ length: n + 1 }, (_, i) => (i === 0 ? 0 : Math.log2(i)));
}

/** Of the logarithms of the distances to the same block before. */
function distances(
  bits: Uint8Array,
  blocks: number,
  log: Float64Array,
): { readonly mean: number; readonly deviation: number } {
  const lastAt = new Int32Array(BLOCKS);
  let sum = 0;
  let squares = 0;
  for (let number = 1; number <= blocks; number++) {
    let block = 0;
    for (let i = (number - 1) * BLOCK_BITS; i < number * BLOCK_BITS; i++) block = (block << 1) | (bits[i] ?? 0);
    if (number > PRIMING) {
      const distance = log[number - (lastAt[block] ?? 0)] ?? 0;
      sum += distance;
      squares += distance * distance;
    }
    lastAt[block] = number;
  }
  const tested = blocks - PRIMING;
  const mean = sum / tested;
  return { mean, deviation: DEVIATION * Math.sqrt(Math.max(0, squares / (tested - 1) - mean * mean)) };
}

/** The p at which one likeliest block and 63 equal others give the mean; undefined when even equal blocks give less. */
function likeliestBlock(mean: number, g: (z: number) => number): number | undefined {
  const expectedMean = (p: number): number => g(p) + (BLOCKS - 1) * g((1 - p) / (BLOCKS - 1));
  let low = 1 / BLOCKS;
  let high = 1;
  if (!(expectedMean(low) > mean)) return undefined;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (expectedMean(middle) > mean) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The double sum of the standard's G, in one pass: for each tested block t the sum over u < t of z² (1 − z)^(u−1) log2 u,
 * and at u = t of z (1 − z)^(t−1) log2 t.
 */
function expected(z: number, log: Float64Array): number {
  const blocks = log.length - 1;
  let before = 0;
  let power = 1;
  let sum = 0;
  for (let t = 1; t <= blocks; t++) {
    const term = (log[t] ?? 0) * power;
    if (t > PRIMING) sum += z * z * before + z * term;
    before += term;
    power *= 1 - z;
    // What is left to add to `before` is nothing any more: all further blocks are alike.
    if (power < 1e-300) return sum + (blocks - Math.max(t, PRIMING)) * z * z * before;
  }
  return sum;
}
