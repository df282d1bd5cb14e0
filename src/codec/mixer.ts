/**
 * Makes one score of many, by weights that learn from each bit: three sets in parallel, each choosing its row of weights
 * by something else, and a last row that weighs the three.
 *
 * Weights are in 1/65536. Scores are those of scale.ts.
 * @module
 */
import { clampScore, squash } from "./scale.ts";

const SETS = 3;
const ONE = 65_536;
const LIMIT = 8 * ONE - 1;
const FIRST = 16_384;
const RATE = 12;
const FINAL_RATE = 4;

export class Mixer {
  readonly inputs: Int32Array;
  /** Of each set, the row that counts for the next bit; the last row's own number is that of set 0. */
  readonly rows = new Int32Array(SETS);
  readonly #weights: Int32Array;
  readonly #finals: Int32Array;
  readonly #scores = new Int32Array(SETS);
  /** The probability of the last {@link mix}, in 1/65536. */
  p = ONE / 2;

  static words(inputs: number, rows: number): number {
    return rows * inputs + rows * SETS;
  }

  /** @param store {@link words} numbers, which belong to this mixer alone */
  constructor(store: Int32Array, inputs: number, rows: number) {
    this.inputs = new Int32Array(inputs);
    this.#weights = store.subarray(0, rows * inputs).fill(FIRST);
    this.#finals = store.subarray(rows * inputs).fill(Math.floor(ONE / SETS));
  }

  /** The score of the inputs together. */
  mix(): number {
    const { inputs } = this;
    const weights = this.#weights;
    const finals = this.#finals;
    const { rows } = this;
    const scores = this.#scores;
    const length = inputs.length;
    const last = SETS * (rows[0] ?? 0);
    let total = 0;
    for (let set = 0; set < SETS; set++) {
      const from = length * (rows[set] ?? 0);
      let sum = 0;
      for (let i = 0; i < length; i++) sum += Math.imul(inputs[i] ?? 0, weights[from + i] ?? 0) >> 8;
      const score = clampScore(sum >> 8);
      scores[set] = score;
      total += Math.imul(score, finals[last + set] ?? 0) >> 8;
    }
    const score = clampScore(total >> 8);
    this.p = squash(score);
    return score;
  }

  learn(bit: number): void {
    const error = Math.imul(((bit << 16) - this.p) >> 4, FINAL_RATE);
    const last = SETS * (this.rows[0] ?? 0);
    for (let set = 0; set < SETS; set++) {
      const score = this.#scores[set] ?? 0;
      this.#finals[last + set] = nudged(this.#finals[last + set] ?? 0, score, error);
      this.#learnSet(this.inputs.length * (this.rows[set] ?? 0), Math.imul(((bit << 16) - squash(score)) >> 4, RATE));
    }
  }

  #learnSet(from: number, error: number): void {
    // Scores end at 2815: with so small an error every step would round to nothing.
    if (error > -12 && error < 12) return;
    const { inputs } = this;
    const weights = this.#weights;
    const length = inputs.length;
    for (let i = 0; i < length; i++) weights[from + i] = nudged(weights[from + i] ?? 0, inputs[i] ?? 0, error);
  }
}

function nudged(weight: number, input: number, error: number): number {
  const next = weight + ((Math.imul(input, error) + 0x8000) >> 16);
  return next > LIMIT ? LIMIT : next < -LIMIT ? -LIMIT : next;
}
