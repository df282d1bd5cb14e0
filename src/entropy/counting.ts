/** The estimators that count: most common value, collision, Markov. SP 800-90B, 6.3.1 to 6.3.3. @module */
import { minEntropy, upperBound, Z } from "./bounds.ts";

/** 6.3.1. @param symbols two or more */
export function mostCommonValue(symbols: Uint8Array): number {
  const counts = new Uint32Array(256);
  for (const symbol of symbols) counts[symbol] = (counts[symbol] ?? 0) + 1;
  return minEntropy(upperBound(Math.max(...counts) / symbols.length, symbols.length));
}

/**
 * 6.3.2, for bits: how long it takes until a symbol comes again. For two symbols the equation of step 7 is
 * mean = 2 + 2p − 2p², which has its solution in closed form.
 * @param bits 0 or 1, one a byte
 * @returns undefined with fewer than two collisions
 */
export function collision(bits: Uint8Array): number | undefined {
  let collisions = 0;
  let squares = 0;
  let at = 0;
  while (at + 1 < bits.length) {
    const wait = bits[at] === bits[at + 1] ? 2 : 3;
    // Of two different bits the third is always equal to one.
    if (at + wait > bits.length) break;
    collisions++;
    squares += wait * wait;
    at += wait;
  }
  if (collisions < 2) return undefined;
  const mean = at / collisions;
  const deviation = Math.sqrt(Math.max(0, squares - at * mean) / (collisions - 1));
  const low = Math.max(2, mean - (Z * deviation) / Math.sqrt(collisions));
  return low < 2.5 ? minEntropy(0.5 + Math.sqrt(1.25 - 0.5 * low)) : 1;
}

const CHAIN = 128;

/** 6.3.3, for bits: the likeliest of the six chains of 128 that a model of one step can prefer. @param bits two or more */
export function markov(bits: Uint8Array): number {
  const pairs = [0, 0, 0, 0];
  for (let i = 1; i < bits.length; i++) {
    const pair = 2 * (bits[i - 1] ?? 0) + (bits[i] ?? 0);
    pairs[pair] = (pairs[pair] ?? 0) + 1;
  }
  const [n00 = 0, n01 = 0, n10 = 0, n11 = 0] = pairs;
  const last = bits[bits.length - 1] ?? 0;
  const ones = n10 + n11 + last;
  const [first0, first1] = [cost(bits.length - ones, bits.length), cost(ones, bits.length)];
  const [to00, to01] = [cost(n00, n00 + n01), cost(n01, n00 + n01)];
  const [to10, to11] = [cost(n10, n10 + n11), cost(n11, n10 + n11)];
  const chains = [
    first0 + 127 * to00,
    first0 + 64 * to01 + 63 * to10,
    first0 + to01 + 126 * to11,
    first1 + to10 + 126 * to00,
    first1 + 64 * to10 + 63 * to01,
    first1 + 127 * to11,
  ];
  return Math.max(0, Math.min(1, Math.min(...chains) / CHAIN));
}

/** Bits that the event costs; infinite for one that never came. */
function cost(times: number, of: number): number {
  return times === 0 ? Infinity : -Math.log2(times / of);
}
