/** Chances from random bytes. @module */
import type { Random } from "../ports/random.ts";

/** Evenly in 0 ≤ x < 1, in steps of 2^−32. */
export function chance(random: Random): number {
  const bytes = random.bytes(4);
  return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
}
