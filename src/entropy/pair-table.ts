/** A table from a node and a symbol to a number: open addressing in typed arrays, at most half full. @module */

const FIRST_BITS = 10;
/** 2^32 divided by the golden ratio: spreads keys that lie close together. */
const SPREAD = 0x9e37_79b1;

export class PairTable {
  #bits = FIRST_BITS;
  /** 0: free. */
  #keys = new Int32Array(2 ** FIRST_BITS);
  #values = new Int32Array(2 ** FIRST_BITS);
  #size = 0;

  /** 0 when the pair is unknown. @param node 1 … 2^23 − 1 @param symbol 0 … 255 */
  get(node: number, symbol: number): number {
    return this.#values[this.#find((node << 8) | symbol)] ?? 0;
  }

  /** @param value not 0 */
  set(node: number, symbol: number, value: number): void {
    const key = (node << 8) | symbol;
    const at = this.#find(key);
    if (this.#keys[at] === 0) {
      this.#keys[at] = key;
      this.#size++;
    }
    this.#values[at] = value;
    if (this.#size * 2 > this.#keys.length) this.#grow();
  }

  #find(key: number): number {
    const keys = this.#keys;
    const mask = keys.length - 1;
    let at = Math.imul(key, SPREAD) >>> (32 - this.#bits);
    while (keys[at] !== key && keys[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  #grow(): void {
    const keys = this.#keys;
    const values = this.#values;
    this.#bits++;
    this.#keys = new Int32Array(2 ** this.#bits);
    this.#values = new Int32Array(2 ** this.#bits);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? 0;
      if (key === 0) continue;
      const at = this.#find(key);
      this.#keys[at] = key;
      this.#values[at] = values[i] ?? 0;
    }
  }
}
