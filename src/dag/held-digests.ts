/**
 * The names of all blocks at one moment, in memory: for lists of more rows than it pays to look up one by one.
 *
 * 32 bytes a block, in their order. A list takes a look at the disk for each thousand blocks, not one for each row.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import type { Store } from "../ports/store.ts";
import { DIGEST_BYTES } from "./cid.ts";
import { blockRange } from "./keys.ts";

export class HeldDigests {
  readonly #digests: Bytes;
  readonly #count: number;

  private constructor(digests: Bytes, count: number) {
    this.#digests = digests;
    this.#count = count;
  }

  /** @param about how many there are */
  static async read(store: Store, about: number): Promise<HeldDigests> {
    let digests = new Uint8Array(DIGEST_BYTES * (about + 64));
    let count = 0;
    for await (const key of store.keys(blockRange(new Uint8Array()))) {
      if (digests.length === DIGEST_BYTES * count) {
        const larger = new Uint8Array(2 * digests.length);
        larger.set(digests);
        digests = larger;
      }
      digests.set(key.subarray(1), DIGEST_BYTES * count++);
    }
    return new HeldDigests(digests, count);
  }

  /** Those that begin so, in their order, `most` at most: views. */
  beginningWith(prefix: Uint8Array, most: number): readonly Uint8Array[] {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, prefix) < 0) low = middle + 1;
      else high = middle;
    }
    const found: Uint8Array[] = [];
    for (let i = low; i < this.#count && found.length < most && this.#compare(i, prefix) === 0; i++) {
      found.push(this.#digests.subarray(DIGEST_BYTES * i, DIGEST_BYTES * (i + 1)));
    }
    return found;
  }

  /** Of the beginning of one, as long as the prefix, and the prefix. */
  #compare(index: number, prefix: Uint8Array): number {
    const from = DIGEST_BYTES * index;
    for (let i = 0; i < prefix.length; i++) {
      const difference = (this.#digests[from + i] ?? 0) - (prefix[i] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  }
}
