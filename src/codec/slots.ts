/**
 * The large table of bit states, which takes back what a text did to it.
 *
 * 2^BITS slots of 16 bits: the upper byte tells whose slot it is, the lower is a state of counts.ts. A place is looked up
 * once in four bits (a nibble); its 15 nodes lie within 64 bytes, so that this costs one visit to far memory.
 * @module
 */
import { WEIGHT } from "./counts.ts";

const BITS = 22;
const SIZE = 1 << BITS;
const MASK = SIZE - 1;
/** A slot that is taken by somebody else has one alternative, so many slots away. */
const ASIDE = 16;

export class Slots {
  readonly #table = new Uint16Array(SIZE);
  /** One bit a slot: was its value at the last {@link keep} noted? */
  readonly #noted = new Uint32Array(SIZE >> 5);
  #kept = false;
  #indices = new Int32Array(1 << 12);
  #values = new Uint16Array(1 << 12);
  #count = 0;

  /** The slot of this node, with whatever stands in it; @param tag 0 … 255 @param node 1 … 15 */
  find(base: number, tag: number, node: number): number {
    const first = (base ^ node) & MASK;
    const slot = this.#table[first] ?? 0;
    if (slot >>> 8 === tag) return first;
    const second = first ^ ASIDE;
    const other = this.#table[second] ?? 0;
    if (other >>> 8 === tag) return second;
    return (WEIGHT[slot & 0xff] ?? 0) <= (WEIGHT[other & 0xff] ?? 0) ? first : second;
  }

  /** The state in a slot: 0 when the slot is another's. */
  state(index: number, tag: number): number {
    const slot = this.#table[index] ?? 0;
    return slot >>> 8 === tag ? slot & 0xff : 0;
  }

  put(index: number, tag: number, state: number): void {
    if (this.#kept) this.#note(index);
    this.#table[index] = (tag << 8) | state;
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
  }

  #note(index: number): void {
    const word = index >>> 5;
    const bit = 1 << (index & 31);
    const noted = this.#noted[word] ?? 0;
    if ((noted & bit) !== 0) return;
    this.#noted[word] = noted | bit;
    if (this.#count === this.#indices.length) this.#grow();
    this.#indices[this.#count] = index;
    this.#values[this.#count] = this.#table[index] ?? 0;
    this.#count++;
  }

  #grow(): void {
    const indices = new Int32Array(2 * this.#count);
    indices.set(this.#indices);
    this.#indices = indices;
    const values = new Uint16Array(2 * this.#count);
    values.set(this.#values);
    this.#values = values;
  }
}
