/** Multi Markov model with counting: guesses by the 1 to 16 symbols before. SP 800-90B, 6.3.9. @module */
import { contextsFor } from "./contexts.ts";
import { Guesses, Scoreboard } from "./prediction.ts";

const LONGEST = 16;
/** Pairs of a context and its follower that each model may hold. */
const MOST_PAIRS = 100_000;

/**
 * A model that has never met its context makes no guess. As in NIST's tool, that does not end the run of right guesses
 * when this model is the leading one: the figure can only become less by it.
 * @param symbols four or more, each below `alphabet`
 */
export function multiMmc(symbols: Uint8Array, alphabet: number): number {
  const contexts = contextsFor(alphabet, LONGEST);
  const pairs = new Int32Array(LONGEST + 1);
  const guesses = new Guesses();
  const board = new Scoreboard(LONGEST + 1);
  board.winner = 1;
  for (let i = 1; i < symbols.length; i++) {
    const symbol = symbols[i] ?? 0;
    const leader = board.winner;
    const longest = Math.min(LONGEST, i);
    let node = contexts.root;
    let length = 1;
    for (; length <= longest; length++) {
      const longer = contexts.longer(node, symbols[i - length] ?? 0);
      if (contexts.bestCount(longer) === 0) break;
      node = longer;
      if (contexts.best(node) === symbol) {
        board.right(length);
        if (length === leader) guesses.hit();
      } else if (length === leader) guesses.miss();
      if (contexts.count(node, symbol) > 0) contexts.bump(node, symbol);
      else if ((pairs[length] ?? 0) < MOST_PAIRS) {
        contexts.bump(node, symbol);
        pairs[length] = (pairs[length] ?? 0) + 1;
      }
    }
    let whole = true;
    for (; length <= longest; length++) {
      if ((pairs[length] ?? 0) >= MOST_PAIRS) {
        whole = false;
        continue;
      }
      pairs[length] = (pairs[length] ?? 0) + 1;
      // Below a context that found no place a longer one takes its place, too, but is never found again.
      if (!whole) continue;
      node = contexts.lengthen(node, symbols[i - length] ?? 0);
      contexts.bump(node, symbol);
    }
  }
  return guesses.figure(symbols.length - 2, alphabet);
}
