/** What a predictor's hits say: the share of right guesses, and the longest run of them. SP 800-90B, 6.3.7 to 6.3.10. @module */
import { minEntropy, upperBound } from "./bounds.ts";

const LN_99_PERCENT = Math.log(0.99);
const HALVINGS = 60;
/** The root is found to the last digit long before. */
const ROOT_STEPS = 65;

/** Guesses that were right, and how many of them in a row. */
export class Guesses {
  #right = 0;
  #run = 0;
  #longest = 0;

  hit(): void {
    this.#right++;
    this.#run++;
    if (this.#run > this.#longest) this.#longest = this.#run;
  }

  miss(): void {
    this.#run = 0;
  }

  /** @param count guesses, two or more @param alphabet different symbols; a blind guess is right once in so many */
  figure(count: number, alphabet: number): number {
    const share = this.#right / count;
    const global = share > 0 ? upperBound(share, count) : 1 - 0.01 ** (1 / count);
    const least = Math.max(global, 1 / alphabet);
    return minEntropy(least < 1 ? localAtLeast(least, this.#longest + 1, count) : 1);
  }
}

/** The probability of a hit at which a run as long as that is no surprise, if it is above `least`; else `least`. */
function localAtLeast(least: number, run: number, count: number): number {
  if (!(lnNoRun(least, run, count) > LN_99_PERCENT)) return least;
  let low = least;
  let high = 1;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (lnNoRun(middle, run, count) > LN_99_PERCENT) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** ln of the probability that `count` guesses, each right with p, have no run so long (Feller XIII.7). */
function lnNoRun(p: number, run: number, count: number): number {
  const q = 1 - p;
  if (q <= 0) return -Infinity;
  let x = 1;
  let before = 0;
  for (let i = 0; i <= ROOT_STEPS && x - before > Number.EPSILON * x; i++) {
    before = x;
    x = 1 + q * p ** run * x ** (run + 1);
  }
  const ln = Math.log(1 - p * x) - Math.log((run + 1 - run * x) * q) - (count + 1) * Math.log(x);
  return Number.isNaN(ln) ? -Infinity : ln;
}

/** Which of several predictors has been right most often; of equals the one that was right last. */
export class Scoreboard {
  readonly #scores: Int32Array;
  winner = 0;

  constructor(predictors: number) {
    this.#scores = new Int32Array(predictors);
  }

  right(predictor: number): void {
    const score = (this.#scores[predictor] ?? 0) + 1;
    this.#scores[predictor] = score;
    if (score >= (this.#scores[this.winner] ?? 0)) this.winner = predictor;
  }
}
