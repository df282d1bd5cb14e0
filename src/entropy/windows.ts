/** Multi most common in window prediction: guesses what was most common of late. SP 800-90B, 6.3.7. @module */
import { Guesses, Scoreboard } from "./prediction.ts";

const SIZES = [63, 255, 1023, 4095] as const;
const FIRST = SIZES[0];
const LAST = SIZES[3];

/** @param symbols each below `alphabet` @returns undefined with fewer than 4,096 */
export function multiMcw(symbols: Uint8Array, alphabet: number): number | undefined {
  if (symbols.length <= LAST) return undefined;
  const windows = SIZES.map((size) => new Window(size, symbols, alphabet));
  const guesses = new Guesses();
  const board = new Scoreboard(SIZES.length);
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] ?? 0;
    if (i >= FIRST) {
      if (windows[board.winner]?.common === symbol) guesses.hit();
      else guesses.miss();
      for (let j = 0; j < SIZES.length; j++) {
        if (i >= (SIZES[j] ?? 0) && windows[j]?.common === symbol) board.right(j);
      }
    }
    for (const window of windows) window.add(i, symbol);
  }
  return guesses.figure(symbols.length - FIRST, alphabet);
}

class Window {
  readonly #size: number;
  readonly #symbols: Uint8Array;
  readonly #counts: Int32Array;
  readonly #lastAt: Int32Array;
  /** The most common symbol; of equals the one that came last. */
  common = 0;

  constructor(size: number, symbols: Uint8Array, alphabet: number) {
    this.#size = size;
    this.#symbols = symbols;
    this.#counts = new Int32Array(alphabet);
    this.#lastAt = new Int32Array(alphabet);
  }

  add(at: number, symbol: number): void {
    const counts = this.#counts;
    counts[symbol] = (counts[symbol] ?? 0) + 1;
    this.#lastAt[symbol] = at;
    let lost = false;
    if (at >= this.#size) {
      const old = this.#symbols[at - this.#size] ?? 0;
      counts[old] = (counts[old] ?? 0) - 1;
      lost = old === this.common && old !== symbol;
    }
    if (lost) this.#search();
    else if ((counts[symbol] ?? 0) >= (counts[this.common] ?? 0)) this.common = symbol;
  }

  #search(): void {
    let common = 0;
    let most = -1;
    for (let symbol = 0; symbol < this.#counts.length; symbol++) {
      const count = this.#counts[symbol] ?? 0;
      if (count < most) continue;
      if (count > most || (this.#lastAt[symbol] ?? 0) > (this.#lastAt[common] ?? 0)) common = symbol;
      most = count;
    }
    this.common = common;
  }
}
