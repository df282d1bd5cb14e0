/**
 * How often 0 and 1 followed in one place: a state of one byte.
 *
 * state = 1 + 2 · (11 · zeros + ones) + last, where zeros and ones stop at 10, and last is the latest bit; 0 is a place
 * never seen. A bit of one kind ages the count of the other: above 2 it falls to 1 + half.
 * @module
 */

const MOST = 10;
const STATES = 256;

/** The state after a bit: `NEXT[2 · state + bit]`. */
export const NEXT = nextStates();
/** How much a state knows: zeros + ones. */
export const WEIGHT = weights();
/** The probability of 1 that a state means before anything is learnt, in 1/2^22. */
export const FIRST_GUESS = firstGuesses();

function counts(state: number): { zeros: number; ones: number } {
  const pair = state === 0 ? 0 : (state - 1) >> 1;
  return { zeros: Math.floor(pair / (MOST + 1)), ones: pair % (MOST + 1) };
}

function aged(count: number): number {
  return count > 2 ? 1 + (count >> 1) : count;
}

function nextStates(): Uint8Array {
  const table = new Uint8Array(2 * STATES);
  for (let state = 0; state < STATES; state++) {
    const { zeros, ones } = counts(state);
    if (zeros > MOST) continue;
    table[2 * state] = 1 + 2 * ((MOST + 1) * Math.min(MOST, zeros + 1) + aged(ones));
    table[2 * state + 1] = 2 + 2 * ((MOST + 1) * aged(zeros) + Math.min(MOST, ones + 1));
  }
  return table;
}

function weights(): Uint8Array {
  return Uint8Array.from({ length: STATES }, (_, state) => counts(state).zeros + counts(state).ones);
}

function firstGuesses(): Int32Array {
  return Int32Array.from({ length: STATES }, (_, state) => {
    const { zeros, ones } = counts(state);
    return Math.floor(((5 * ones + 2) * 2 ** 22) / (5 * (zeros + ones) + 4));
  });
}
