/** The estimators that look for what repeats: t-tuple and longest repeated substring. SP 800-90B, 6.3.5, 6.3.6. @module */
import { minEntropy, upperBound } from "./bounds.ts";
import { commonPrefixes, suffixArray } from "./suffixes.ts";

/** A tuple that comes less often says too little about its probability. */
const OFTEN = 35;

export interface RepeatFigures {
  /** Undefined when no symbol comes 35 times. */
  readonly tTuple: number | undefined;
  /** Undefined when nothing repeats that is longer than what comes 35 times. */
  readonly lrs: number | undefined;
}

/** @param symbols two or more, each below `alphabet` */
export function repeats(symbols: Uint8Array, alphabet: number): RepeatFigures {
  const n = symbols.length;
  const { most, pairs } = tuples(commonPrefixes(symbols, suffixArray(symbols, alphabet)));
  const longest = most.length - 1;
  let often = 0;
  let likeliest = 0;
  for (let length = 1; length <= longest && (most[length] ?? 0) >= OFTEN; length++) {
    often = length;
    likeliest = Math.max(likeliest, ((most[length] ?? 0) / (n - length + 1)) ** (1 / length));
  }
  let colliding = 0;
  for (let length = often + 1; length <= longest; length++) {
    const places = n - length + 1;
    colliding = Math.max(colliding, ((pairs[length] ?? 0) / ((places * (places - 1)) / 2)) ** (1 / length));
  }
  return {
    tTuple: often === 0 ? undefined : minEntropy(upperBound(Math.min(1, likeliest), n)),
    lrs: often >= longest ? undefined : minEntropy(upperBound(Math.min(1, colliding), n)),
  };
}

interface Tuples {
  /** By length, 0 … the longest that repeats: how often its most common tuple comes. Nothing is said of length 0. */
  readonly most: Int32Array;
  /** By length: pairs of places where the same tuple stands. Exact, being far below 2^53. */
  readonly pairs: Float64Array;
}

/**
 * Each run of neighbours in the suffix array that share at least so many symbols is one tuple and its places. Runs nest;
 * a stack holds those that are open.
 */
function tuples(shared: Int32Array): Tuples {
  const longest = shared.reduce((most, length) => Math.max(most, length), 0);
  const found = new Found(longest);
  const lengths = new Int32Array(longest + 2);
  const starts = new Int32Array(longest + 2);
  let open = 0;
  for (let i = 1; i <= shared.length; i++) {
    const length = shared[i] ?? 0;
    let start = i - 1;
    let inner = lengths[open] ?? 0;
    while (length < inner) {
      start = starts[open] ?? 0;
      const outer = lengths[--open] ?? 0;
      found.run(Math.max(length, outer), inner, i - start);
      inner = outer;
    }
    if (length > inner) {
      lengths[++open] = length;
      starts[open] = start;
    }
  }
  return found.tuples();
}

class Found {
  readonly #most: Int32Array;
  /** As differences: what changes from one length to the next. */
  readonly #pairs: Float64Array;

  constructor(longest: number) {
    this.#most = new Int32Array(longest + 1);
    this.#pairs = new Float64Array(longest + 2);
  }

  /** For each length above `above` up to `length` there is a tuple that stands in so many places. */
  run(above: number, length: number, places: number): void {
    const pairs = this.#pairs;
    const choices = (places * (places - 1)) / 2;
    pairs[above + 1] = (pairs[above + 1] ?? 0) + choices;
    pairs[length + 1] = (pairs[length + 1] ?? 0) - choices;
    if (places > (this.#most[length] ?? 0)) this.#most[length] = places;
  }

  /** What holds for a tuple holds for its beginnings. */
  tuples(): Tuples {
    const [most, pairs] = [this.#most, this.#pairs];
    for (let length = most.length - 2; length > 0; length--) {
      most[length] = Math.max(most[length] ?? 0, most[length + 1] ?? 0);
    }
    for (let length = 1; length < most.length; length++)
      pairs[length] = (pairs[length] ?? 0) + (pairs[length - 1] ?? 0);
    return { most, pairs };
  }
}
