/**
 * What followed which context: a tree of contexts, the symbol next before the guess at its root, with the counts of what
 * came after each. Two forms with one shape: any alphabet, and bits, for which a plain array is many times faster.
 * @module
 */
import { PairTable } from "./pair-table.ts";

/** A node stands for one context; 0 for none. */
export interface Contexts {
  readonly root: number;
  /** The context that is one symbol longer to the left; 0 when it was never made. It may have no counts of its own. */
  longer(node: number, symbol: number): number;
  /** Makes that context, when `longer` did not find it. */
  lengthen(node: number, symbol: number): number;
  /** How often its best guess came, 0: nothing was counted. */
  bestCount(node: number): number;
  /** What came most often; of equals the highest symbol. */
  best(node: number): number;
  /** How often the symbol followed. */
  count(node: number, symbol: number): number;
  /** Counts a follower. */
  bump(node: number, symbol: number): void;
}

/** @param longest context, at most 16 symbols */
export function contextsFor(alphabet: number, longest: number): Contexts {
  return alphabet === 2 ? new BitContexts(longest) : new SymbolContexts();
}

/** Nodes are numbers of all the bits with a 1 before them, as in a heap; all are there from the beginning. */
class BitContexts implements Contexts {
  readonly root = 1;
  readonly #counts: Int32Array;

  constructor(longest: number) {
    this.#counts = new Int32Array(2 ** (longest + 2));
  }

  longer(node: number, symbol: number): number {
    return (node << 1) | symbol;
  }

  lengthen(node: number, symbol: number): number {
    return (node << 1) | symbol;
  }

  bestCount(node: number): number {
    return Math.max(this.#counts[2 * node] ?? 0, this.#counts[2 * node + 1] ?? 0);
  }

  best(node: number): number {
    return (this.#counts[2 * node] ?? 0) > (this.#counts[2 * node + 1] ?? 0) ? 0 : 1;
  }

  count(node: number, symbol: number): number {
    return this.#counts[2 * node + symbol] ?? 0;
  }

  bump(node: number, symbol: number): void {
    this.#counts[2 * node + symbol] = (this.#counts[2 * node + symbol] ?? 0) + 1;
  }
}

const FIRST_NODES = 1024;

class SymbolContexts implements Contexts {
  readonly root = 1;
  readonly #children = new PairTable();
  readonly #counts = new PairTable();
  #nodes = 2;
  #best = new Uint8Array(FIRST_NODES);
  #bestCounts = new Int32Array(FIRST_NODES);

  longer(node: number, symbol: number): number {
    return this.#children.get(node, symbol);
  }

  lengthen(node: number, symbol: number): number {
    const longer = this.#nodes++;
    this.#children.set(node, symbol, longer);
    if (longer >= this.#best.length) {
      const [best, counts] = [this.#best, this.#bestCounts];
      this.#best = new Uint8Array(2 * best.length);
      this.#best.set(best);
      this.#bestCounts = new Int32Array(2 * counts.length);
      this.#bestCounts.set(counts);
    }
    return longer;
  }

  bestCount(node: number): number {
    return this.#bestCounts[node] ?? 0;
  }

  best(node: number): number {
    return this.#best[node] ?? 0;
  }

  count(node: number, symbol: number): number {
    return this.#counts.get(node, symbol);
  }

  bump(node: number, symbol: number): void {
    const count = this.#counts.get(node, symbol) + 1;
    this.#counts.set(node, symbol, count);
    const most = this.#bestCounts[node] ?? 0;
    if (count < most || (count === most && symbol < (this.#best[node] ?? 0))) return;
    this.#best[node] = symbol;
    this.#bestCounts[node] = count;
  }
}
