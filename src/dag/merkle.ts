/**
 * The Merkle tree hash of RFC 9162, section 2.1.1, over the entries of a log: one leaf after the other, in memory for the
 * logarithm of their number.
 *
 * Leaf: SHA-256(0x00 ‖ entry); node: SHA-256(0x01 ‖ left ‖ right), where the left tree is the largest full one that leaves
 * something for the right; of no entries: SHA-256 of nothing.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { sha256 } from "./cid.ts";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

export class MerkleTree {
  /** Roots of full trees, the largest first, each with the number of its leaves. */
  readonly #full: { readonly leaves: number; readonly root: Bytes }[] = [];
  #count = 0;

  /** Leaves so far. */
  get count(): number {
    return this.#count;
  }

  add(entry: Uint8Array): void {
    let tree = { leaves: 1, root: sha256(LEAF, entry) };
    for (let last = this.#full.at(-1); last?.leaves === tree.leaves; last = this.#full.at(-1)) {
      this.#full.pop();
      tree = { leaves: 2 * tree.leaves, root: sha256(NODE, last.root, tree.root) };
    }
    this.#full.push(tree);
    this.#count++;
  }

  /** 32 bytes. */
  root(): Bytes {
    const [last, ...larger] = this.#full.toReversed();
    if (last === undefined) return sha256();
    return larger.reduce((right, { root }) => sha256(NODE, root, right), last.root);
  }
}
