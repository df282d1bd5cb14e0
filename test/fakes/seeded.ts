/** Reproducible randomness for tests: the same seed gives the same numbers on every machine. @module */
import type { Random } from "../../src/ports/random.ts";

/** The generator "mulberry32": 32 bits of state, fast, not for secrets. */
export function seeded(seed: number): { below: (limit: number) => number; random: Random } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (limit) => Math.floor((next() / 2 ** 32) * limit),
    random: { bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff) },
  };
}
