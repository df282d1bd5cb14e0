/**
 * Systematic Reed–Solomon code over GF(256) with a Cauchy matrix: any k different symbols give the block back.
 *
 * A block is cut into k source pieces of `symbolBytes`, the last padded with zeros; symbol i below k is piece i, symbol
 * j from k on is the sum over all pieces i of piece i / (j − i). Every square part of a Cauchy matrix is invertible, so
 * the code is MDS (a Vandermonde matrix under an identity is not). At most 256 symbols in all, k of them at most 128.
 * @module
 */
import { copyBytes, type Bytes } from "../kernel/bytes.ts";
import { addProduct, exponential, invert, logarithm } from "./field.ts";

/** Source and parity symbols of one block together: as many as the field has elements. */
export const MAX_SYMBOLS = 256;
export const MAX_SOURCE_SYMBOLS = 128;

/** k, the pieces of a block. @throws RangeError when it is not 1 … 128: a fault of ours */
export function sourceSymbols(blockBytes: number, symbolBytes: number): number {
  const k = Math.ceil(blockBytes / symbolBytes);
  if (!Number.isInteger(symbolBytes) || !Number.isInteger(blockBytes) || !(k >= 1 && k <= MAX_SOURCE_SYMBOLS)) {
    throw new RangeError("a block is 1 to 128 whole symbols");
  }
  return k;
}

/**
 * One symbol of a block, on a buffer of its own.
 * @param block 1 byte or more
 * @param index 0 … 255
 * @throws RangeError when the block is not 1 … 128 symbols, or the index outside: a fault of ours
 */
export function symbolAt(block: Uint8Array, symbolBytes: number, index: number): Bytes {
  const k = sourceSymbols(block.length, symbolBytes);
  if (!isIndex(index)) throw new RangeError("a symbol's index is 0 to 255");
  const symbol = new Uint8Array(symbolBytes);
  if (index < k) symbol.set(piece(block, symbolBytes, index));
  else for (let i = 0; i < k; i++) addProduct(symbol, piece(block, symbolBytes, i), coefficient(index, i));
  return symbol;
}

/** Gathers the symbols of one block, in any order, until there are enough. Holds at most k symbols. */
export class SymbolCollector {
  readonly k: number;
  readonly #blockBytes: number;
  readonly #symbolBytes: number;
  readonly #symbols = new Map<number, Bytes>();

  /** @throws RangeError when the block is not 1 … 128 symbols: check sizes that came from outside first */
  constructor(blockBytes: number, symbolBytes: number) {
    this.k = sourceSymbols(blockBytes, symbolBytes);
    this.#blockBytes = blockBytes;
    this.#symbolBytes = symbolBytes;
  }

  /**
   * `new`: one less is needed. `known`: it tells nothing, because it or already enough others are here. `refused`: it
   * can't belong to this block (its index, its length, or a padding that is not zero). The symbol is copied.
   */
  add(index: number, symbol: Uint8Array): "new" | "known" | "refused" {
    if (!isIndex(index) || symbol.length !== this.#symbolBytes) return "refused";
    if (index === this.k - 1 && !this.#isPadded(symbol)) return "refused";
    if (this.needed() === 0 || this.#symbols.has(index)) return "known";
    this.#symbols.set(index, copyBytes(symbol));
    return "new";
  }

  /** How many more symbols, any new ones, give the block. */
  needed(): number {
    return this.k - this.#symbols.size;
  }

  has(index: number): boolean {
    return this.#symbols.has(index);
  }

  /**
   * The block, once {@link needed} is 0; undefined before. Wrong symbols give a wrong block: check its hash.
   * Costs up to k² products of a symbol (some ms for k = 64).
   */
  recover(): Bytes | undefined {
    if (this.needed() > 0) return undefined;
    const pieces = new Uint8Array(this.k * this.#symbolBytes);
    const missing: number[] = [];
    for (let i = 0; i < this.k; i++) {
      const held = this.#symbols.get(i);
      if (held === undefined) missing.push(i);
      else pieces.set(held, i * this.#symbolBytes);
    }
    this.#solve(pieces, missing);
    return pieces.slice(0, this.#blockBytes);
  }

  /** As many parity symbols as pieces are missing: what the held pieces gave to them is taken out, then solved. */
  #solve(pieces: Uint8Array, missing: readonly number[]): void {
    const parities = [...this.#symbols].filter(([index]) => index >= this.k);
    const remainders = parities.map(([index, symbol]) => {
      const remainder = copyBytes(symbol);
      for (const held of this.#symbols.keys()) {
        if (held < this.k) addProduct(remainder, piece(pieces, this.#symbolBytes, held), coefficient(index, held));
      }
      return remainder;
    });
    const inverse = invertCauchy(
      parities.map(([index]) => index),
      missing,
    );
    for (const [row, target] of missing.entries()) {
      const solved = piece(pieces, this.#symbolBytes, target);
      for (const [column, remainder] of remainders.entries()) {
        addProduct(solved, remainder, inverse(row, column));
      }
    }
  }

  #isPadded(lastPiece: Uint8Array): boolean {
    const used = this.#blockBytes - (this.k - 1) * this.#symbolBytes;
    return lastPiece.subarray(used).every((byte) => byte === 0);
  }
}

function isIndex(index: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < MAX_SYMBOLS;
}

function piece(block: Uint8Array, symbolBytes: number, index: number): Uint8Array {
  return block.subarray(index * symbolBytes, (index + 1) * symbolBytes);
}

/** What piece `source` counts for in symbol `parity`. They differ (one is below k, one is not): there is an inverse. */
function coefficient(parity: number, source: number): number {
  return invert(parity ^ source);
}

/**
 * The inverse of the Cauchy matrix 1 / (x[r] − y[c]), by its closed form (Knuth, The Art of Computer Programming 1,
 * section 1.2.3, exercise 41), in which minus is plus: element (c, r) is
 * Π(x[r] + y[i]) Π(x[i] + y[c]) / ((x[r] + y[c]) Π_{i≠r}(x[r] + x[i]) Π_{i≠c}(y[c] + y[i])).
 * It takes k² steps and no pivot. Products are sums of logarithms.
 * @param xs all different, and different from all `ys`; as many as `ys`
 */
function invertCauchy(xs: readonly number[], ys: readonly number[]): (row: number, column: number) => number {
  const forX = xs.map((x) => logOfProduct(x, ys) - logOfProduct(x, xs));
  const forY = ys.map((y) => logOfProduct(y, xs) - logOfProduct(y, ys));
  return (row, column) => {
    const difference = (xs[column] ?? 0) ^ (ys[row] ?? 0);
    return exponential((forX[column] ?? 0) + (forY[row] ?? 0) - logarithm(difference));
  };
}

/** The logarithm of Π(element + other), over the others that differ from it. */
function logOfProduct(element: number, others: readonly number[]): number {
  return others.reduce((sum, other) => (other === element ? sum : sum + logarithm(element ^ other)), 0);
}
