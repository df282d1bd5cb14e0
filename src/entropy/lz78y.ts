/** LZ78Y prediction: guesses by a dictionary of contexts that is soon full. SP 800-90B, 6.3.10. @module */
import { contextsFor, type Contexts } from "./contexts.ts";
import { Guesses } from "./prediction.ts";

const LONGEST = 16;
const MOST_CONTEXTS = 65_536;

/** @param symbols each below `alphabet` @returns undefined with fewer than 19 */
export function lz78y(symbols: Uint8Array, alphabet: number): number | undefined {
  const count = symbols.length - LONGEST - 1;
  if (count < 2) return undefined;
  const dictionary = new Dictionary(symbols, alphabet);
  const guesses = new Guesses();
  for (let i = LONGEST; i < symbols.length; i++) {
    if (dictionary.add(i) === symbols[i]) guesses.hit();
    else guesses.miss();
  }
  return guesses.figure(count, alphabet);
}

class Dictionary {
  readonly #symbols: Uint8Array;
  readonly #contexts: Contexts;
  /** By length: the context of the moment. Those up to `#depth` are there. */
  readonly #path = new Int32Array(LONGEST + 1);
  #depth = 0;
  #held = 0;

  constructor(symbols: Uint8Array, alphabet: number) {
    this.#symbols = symbols;
    this.#contexts = contextsFor(alphabet, LONGEST);
    this.#path[0] = this.#contexts.root;
  }

  /** Guesses the symbol at `i`, then learns it. @returns the guess, −1: none */
  add(i: number): number {
    this.#walk(i);
    const symbol = this.#symbols[i] ?? 0;
    let most = 0;
    let guess = -1;
    for (let length = LONGEST; length > 0; length--) {
      // A context that only leads to a longer one has no count of its own: it is not in the dictionary.
      const seen = length > this.#depth ? 0 : this.#contexts.bestCount(this.#path[length] ?? 0);
      if (seen > most) {
        most = seen;
        guess = this.#contexts.best(this.#path[length] ?? 0);
      }
      if (seen === 0) {
        if (this.#held >= MOST_CONTEXTS) continue;
        this.#held++;
        this.#lengthen(i, length);
      }
      this.#contexts.bump(this.#path[length] ?? 0, symbol);
    }
    return guess;
  }

  #walk(i: number): void {
    this.#depth = 0;
    while (this.#depth < LONGEST) {
      const longer = this.#contexts.longer(this.#path[this.#depth] ?? 0, this.#symbols[i - this.#depth - 1] ?? 0);
      if (longer === 0) return;
      this.#path[++this.#depth] = longer;
    }
  }

  #lengthen(i: number, length: number): void {
    while (this.#depth < length) {
      const node = this.#path[this.#depth] ?? 0;
      const symbol = this.#symbols[i - this.#depth - 1] ?? 0;
      this.#path[++this.#depth] = this.#contexts.lengthen(node, symbol);
    }
  }
}
