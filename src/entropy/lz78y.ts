/** LZ78Y prediction: guesses by a dictionary of contexts that is soon full. SP 800-90B, 6.3.10. @module */
import { contextsFor } from "./contexts.ts";
import { Guesses } from "./prediction.ts";

const LONGEST = 16;
const MOST_CONTEXTS = 65_536;

/** @param symbols each below `alphabet` @returns undefined with fewer than 19 */
export function lz78y(symbols: Uint8Array, alphabet: number): number | undefined {
  const count = symbols.length - LONGEST - 1;
  if (count < 2) return undefined;
  const contexts = contextsFor(alphabet, LONGEST);
  const guesses = new Guesses();
  const path = new Int32Array(LONGEST + 1);
  path[0] = contexts.root;
  let held = 0;
  for (let i = LONGEST; i < symbols.length; i++) {
    const symbol = symbols[i] ?? 0;
    let depth = 0;
    while (depth < LONGEST) {
      const longer = contexts.longer(path[depth] ?? 0, symbols[i - depth - 1] ?? 0);
      if (longer === 0) break;
      path[++depth] = longer;
    }
    let most = 0;
    let guess = -1;
    for (let length = LONGEST; length > 0; length--) {
      // A context that only leads to a longer one has no count of its own.
      const seen = length <= depth ? contexts.bestCount(path[length] ?? 0) : 0;
      if (seen > most) {
        most = seen;
        guess = contexts.best(path[length] ?? 0);
      }
      if (seen === 0) {
        if (held >= MOST_CONTEXTS) continue;
        held++;
        for (; depth < length; depth++) {
          path[depth + 1] = contexts.lengthen(path[depth] ?? 0, symbols[i - depth - 1] ?? 0);
        }
      }
      contexts.bump(path[length] ?? 0, symbol);
    }
    if (guess === symbol) guesses.hit();
    else guesses.miss();
  }
  return guesses.figure(count, alphabet);
}
