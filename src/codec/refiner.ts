/**
 * Learns what the mixed scores are really worth: for each context a curve from score to probability, of 23 points that
 * lie 256 scores apart, between which it is straight. Probabilities are in 1/2^20.
 * @module
 */
import { squash } from "./scale.ts";

const POINTS = 24;
const MIDDLE = 11;
const RATE = 6;

export class Refiner {
  readonly #curves: Int32Array;
  #at = 0;

  static words(contexts: number): number {
    return contexts * POINTS;
  }

  /** @param store {@link words} numbers, which belong to this refiner alone */
  constructor(store: Int32Array) {
    this.#curves = store;
    for (let i = 0; i < store.length; i++) store[i] = 16 * squash(((i % POINTS) - MIDDLE) * 256);
  }

  /** The probability in 1/65536. */
  refine(context: number, score: number): number {
    const shifted = score + MIDDLE * 256;
    const at = context * POINTS + (shifted >> 8);
    const part = shifted & 0xff;
    this.#at = part < 128 ? at : at + 1;
    const low = this.#curves[at] ?? 0;
    return (Math.imul(low >> 4, 256 - part) + Math.imul((this.#curves[at + 1] ?? 0) >> 4, part)) >> 8;
  }

  /** Moves the nearer of the last two points. */
  learn(bit: number): void {
    const value = this.#curves[this.#at] ?? 0;
    this.#curves[this.#at] = value + (((bit << 20) - value) >> RATE);
  }
}
