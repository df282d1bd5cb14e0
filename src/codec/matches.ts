/**
 * What followed the last time when the same bytes stood before: one place in the history, and how far it can be trusted.
 *
 * The place is found by a hash of the last bytes and checked byte for byte. After a wrong guess it stays (records differ
 * in a digit and go on alike) until a checked place offers itself or too many guesses in a row failed.
 * @module
 */
import { HASH_A } from "./contexts.ts";

const TABLE_BITS = 16;
const LONGEST = 32;
const MOST_MISSES = 8;
/** How trust is told apart: 16 lengths × 4 counts of late misses. */
export const TRUSTS = 64;

export class Matches {
  /** Where each hash was last seen, plus 1; 0 for never. */
  readonly #places = new Int32Array(1 << TABLE_BITS);
  readonly #least: number;
  /** Since {@link keep}: a hash and what stood there, in turn. */
  readonly #changes: number[] = [];
  #kept = false;
  #place = -1;
  #length = 0;
  #misses = 0;

  /** @param least how many bytes must agree, 1 … 8 */
  constructor(least: number) {
    this.#least = least;
  }

  /** The byte that is expected next, or −1. */
  expected(history: Uint8Array): number {
    return this.#place < 0 ? -1 : (history[this.#place] ?? 0);
  }

  /** 0 … TRUSTS − 1 */
  get trust(): number {
    const length = this.#length < 16 ? this.#length >> 1 : Math.min(15, 8 + ((this.#length - 16) >> 1));
    return (length << 2) | Math.min(3, this.#misses);
  }

  /** From here on changes can be undone. */
  keep(): void {
    this.#kept = true;
  }

  undo(): void {
    for (let i = this.#changes.length - 2; i >= 0; i -= 2)
      this.#places[this.#changes[i] ?? 0] = this.#changes[i + 1] ?? 0;
    this.#changes.length = 0;
  }

  begin(): void {
    this.#place = -1;
    this.#length = 0;
    this.#misses = 0;
  }

  /** @param at the position after the byte @param start where the text began: nothing before it counts as its past */
  add(byte: number, at: number, start: number, history: Uint8Array): void {
    if (this.#place >= 0) {
      if (history[this.#place] === byte) {
        this.#place++;
        if (this.#length < LONGEST) this.#length++;
        else this.#misses = 0;
        if (this.#misses > 0 && this.#length >= 16) this.#misses--;
      } else {
        this.#length = 0;
        this.#place++;
        this.#misses++;
        if (this.#misses > MOST_MISSES) this.begin();
      }
    }
    if (at - start < this.#least) return;
    const hash = this.#hash(at, history);
    if (this.#length < this.#least) this.#look((this.#places[hash] ?? 0) - 1, at, start, history);
    if (this.#kept) this.#changes.push(hash, this.#places[hash] ?? 0);
    this.#places[hash] = at + 1;
  }

  #hash(at: number, history: Uint8Array): number {
    let hash = 0;
    for (let i = 1; i <= this.#least; i++) hash = Math.imul(hash + (history[at - i] ?? 0) + 1, HASH_A);
    return hash >>> (32 - TABLE_BITS);
  }

  #look(place: number, at: number, start: number, history: Uint8Array): void {
    if (place < 0) return;
    let length = 0;
    while (
      length < LONGEST &&
      at - length > start &&
      length < place &&
      history[place - 1 - length] === history[at - 1 - length]
    ) {
      length++;
    }
    if (length < this.#least) return;
    this.#place = place;
    this.#length = length;
    this.#misses = 0;
  }
}
