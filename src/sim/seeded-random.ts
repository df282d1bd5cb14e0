/**
 * Random numbers from a seed: the same seed gives the same numbers, on every machine. Never for secrets.
 *
 * Generator: xoshiro128** 1.1 (Blackman, Vigna 2018), its state the first 16 bytes of the seed's SHA-256.
 * @module
 */
import { createHash } from "node:crypto";
import type { Random } from "../ports/random.ts";
import { chance } from "../radio/chance.ts";

/** A generator that also gives whole words, which is many times faster than bytes. */
export interface SeededRandom extends Random {
  /** Evenly in 0 … 2^32 − 1. */
  word(): number;
}

/** A stream of its own for each seed; write `village/7/radio` to give every part one. */
export function seededRandom(seed: string | number): SeededRandom {
  const hash = createHash("sha256").update(String(seed)).digest();
  const state = new Uint32Array([0, 4, 8, 12].map((at) => hash.readUInt32BE(at)));
  // All zeros is the one state that the generator can't leave.
  if (state.every((word) => word === 0)) state[0] = 1;
  return {
    word: () => next(state),
    bytes: (length) => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 4) {
        const word = next(state);
        for (let i = 0; i < 4 && at + i < length; i++) bytes[at + i] = word >>> (8 * i);
      }
      return bytes;
    },
  };
}

/** Evenly in 0 … `below` − 1. @param below 1 … 2^32 */
export function drawBelow(random: Random, below: number): number {
  return Math.floor(uniform(random) * below);
}

/** Evenly in 0 ≤ x < 1: the same numbers as {@link chance} gives, sooner where the generator has words. */
export function uniform(random: Random): number {
  return isSeeded(random) ? swapBytes(random.word()) / 2 ** 32 : chance(random);
}

function isSeeded(random: Random): random is SeededRandom {
  return "word" in random;
}

/** Bytes come low end first, and {@link chance} reads them high end first. */
function swapBytes(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}

function next(state: Uint32Array): number {
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = state;
  const result = Math.imul(rotate(Math.imul(s1, 5), 7), 9) >>> 0;
  const t = s1 << 9;
  const c = s2 ^ s0;
  const d = s3 ^ s1;
  state[1] = s1 ^ c;
  state[0] = s0 ^ d;
  state[2] = c ^ t;
  state[3] = rotate(d, 11);
  return result;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
