/** Lag prediction: guesses what stood so many symbols before. SP 800-90B, 6.3.8. @module */
import { Guesses } from "./prediction.ts";

const MOST_LAG = 128;

/** @param symbols three or more, each below `alphabet` */
export function lag(symbols: Uint8Array, alphabet: number): number {
  const guesses = new Guesses();
  const scores = new Int32Array(MOST_LAG + 1);
  let winner = 1;
  let best = 0;
  for (let i = 1; i < symbols.length; i++) {
    const symbol = symbols[i] ?? 0;
    if (winner <= i && symbols[i - winner] === symbol) guesses.hit();
    else guesses.miss();
    const far = Math.min(MOST_LAG, i);
    for (let lag = 1; lag <= far; lag++) {
      // 1 where the two are equal, without a branch that for random bits is mispredicted every other time.
      const equal = ((symbol ^ (symbols[i - lag] ?? 0)) - 1) >>> 31;
      const score = (scores[lag] ?? 0) + equal;
      scores[lag] = score;
      if (score >= best && equal === 1) {
        best = score;
        winner = lag;
      }
    }
  }
  return guesses.figure(symbols.length - 1, alphabet);
}
