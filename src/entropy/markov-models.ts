/** Multi Markov model with counting: guesses by the 1 to 16 symbols before. SP 800-90B, 6.3.9. @module */
import { contextsFor, type Contexts } from "./contexts.ts";
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
  const models = new Models(symbols, alphabet);
  for (let i = 1; i < symbols.length; i++) models.add(i);
  return models.guesses.figure(symbols.length - 2, alphabet);
}

class Models {
  readonly guesses = new Guesses();
  readonly #symbols: Uint8Array;
  readonly #contexts: Contexts;
  readonly #board = new Scoreboard(LONGEST + 1);
  /** By length of the context. */
  readonly #pairs = new Int32Array(LONGEST + 1);

  constructor(symbols: Uint8Array, alphabet: number) {
    this.#symbols = symbols;
    this.#contexts = contextsFor(alphabet, LONGEST);
    this.#board.winner = 1;
  }

  /** Guesses the symbol at `i`, then learns it. */
  add(i: number): void {
    const contexts = this.#contexts;
    const symbol = this.#symbols[i] ?? 0;
    const leader = this.#board.winner;
    const longest = Math.min(LONGEST, i);
    let node = contexts.root;
    for (let length = 1; length <= longest; length++) {
      const longer = contexts.longer(node, this.#symbols[i - length] ?? 0);
      if (contexts.bestCount(longer) === 0) return this.#learn(i, node, length, longest);
      node = longer;
      if (contexts.best(node) === symbol) {
        this.#board.right(length);
        if (length === leader) this.guesses.hit();
      } else if (length === leader) this.guesses.miss();
      if (contexts.count(node, symbol) > 0 || this.#takePlace(length)) contexts.bump(node, symbol);
    }
  }

  /** Makes the contexts from a length on that nobody has met yet. @param node the context that is one shorter */
  #learn(i: number, node: number, from: number, longest: number): void {
    const symbol = this.#symbols[i] ?? 0;
    let parent = node;
    for (let length = from; length <= longest; length++) {
      const placed = this.#takePlace(length);
      // Above a context that found no place a longer one takes its place all the same, but is never found again.
      if (placed && parent !== 0) {
        parent = this.#contexts.lengthen(parent, this.#symbols[i - length] ?? 0);
        this.#contexts.bump(parent, symbol);
      } else parent = 0;
    }
  }

  #takePlace(length: number): boolean {
    const taken = this.#pairs[length] ?? 0;
    if (taken >= MOST_PAIRS) return false;
    this.#pairs[length] = taken + 1;
    return true;
  }
}
