/**
 * The large table of bit states, which takes back what a text did to it.
 *
 * 2^BITS slots of 16 bits: the upper byte tells whose slot it is, the lower is a state of counts.ts. What belongs to one
 * context and four bits lies within 64 bytes, so that this costs one visit to far memory.
 * @module
 */
import { NEXT, WEIGHT } from "./counts.ts";

const BITS = 22;
const SIZE = 1 << BITS;
const MASK = SIZE - 1;
/** A slot that is another's has one alternative, so many slots away. */
const ASIDE = 16;

export class Slots {
  /** Of each context, for the bit that comes next: 0 when it was never seen. */
  readonly states: Uint8Array;
  readonly #bases: Int32Array;
  readonly #found: Int32Array;
  readonly #table = new Uint16Array(SIZE);
  /** One bit a slot: was its value at the last {@link keep} noted? */
  readonly #noted = new Uint32Array(SIZE >> 5);
  #kept = false;
  #indices = new Int32Array(1 << 14);
  #values = new Uint16Array(1 << 14);
  #count = 0;

  constructor(contexts: number) {
    this.states = new Uint8Array(contexts);
    this.#bases = new Int32Array(contexts);
    this.#found = new Int32Array(contexts);
  }

  /** Four bits begin. @param hash of the context and the bits of this byte so far; its upper byte is the owner's tag. */
  place(context: number, hash: number): void {
    this.#bases[context] = hash;
  }

  /** Finds the states. @param node 1 … 15: the bits of these four so far, after a leading 1 */
  look(node: number): void {
    const table = this.#table;
    const bases = this.#bases;
    const found = this.#found;
    const { states } = this;
    for (let i = 0; i < states.length; i++) {
      const base = bases[i] ?? 0;
      const tag = base >>> 24;
      let index = (base ^ node) & MASK;
      let slot = table[index] ?? 0;
      if (slot >>> 8 !== tag) {
        const other = table[index ^ ASIDE] ?? 0;
        if (other >>> 8 === tag || (WEIGHT[other & 0xff] ?? 0) < (WEIGHT[slot & 0xff] ?? 0)) {
          index ^= ASIDE;
          slot = other;
        }
      }
      found[i] = index;
      states[i] = slot >>> 8 === tag ? slot & 0xff : 0;
    }
  }

  /** Tells the bit to the slots of the last {@link look}, and takes those that were others'. */
  learn(bit: number): void {
    const table = this.#table;
    const bases = this.#bases;
    const found = this.#found;
    const { states } = this;
    const kept = this.#kept;
    for (let i = 0; i < states.length; i++) {
      const index = found[i] ?? 0;
      if (kept) this.#note(index);
      table[index] = (((bases[i] ?? 0) >>> 24) << 8) | (NEXT[2 * (states[i] ?? 0) + bit] ?? 0);
    }
  }

  /** From here on changes can be undone. */
  keep(): void {
    this.#kept = true;
  }

  /** Everything is again as at {@link keep}. */
  undo(): void {
    for (let i = 0; i < this.#count; i++) {
      const index = this.#indices[i] ?? 0;
      this.#table[index] = this.#values[i] ?? 0;
      this.#noted[index >>> 5] = 0;
    }
    this.#count = 0;
    if (this.#indices.length > 1 << 20) this.#resize(1 << 14);
  }

  #note(index: number): void {
    const word = index >>> 5;
    const bit = 1 << (index & 31);
    const noted = this.#noted[word] ?? 0;
    if ((noted & bit) !== 0) return;
    this.#noted[word] = noted | bit;
    if (this.#count === this.#indices.length) this.#resize(2 * this.#count);
    this.#indices[this.#count] = index;
    this.#values[this.#count] = this.#table[index] ?? 0;
    this.#count++;
  }

  #resize(size: number): void {
    const indices = new Int32Array(size);
    const values = new Uint16Array(size);
    indices.set(this.#indices.subarray(0, this.#count));
    values.set(this.#values.subarray(0, this.#count));
    this.#indices = indices;
    this.#values = values;
  }
}
