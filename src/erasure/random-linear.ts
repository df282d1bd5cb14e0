/**
 * Random linear code over GF(256): symbols of any pieces that a sender happens to hold, and a receiver that solves for
 * those it lacks, from whichever senders it hears.
 *
 * Combination i of a seed is the sum over all pieces of piece times coefficient. The coefficients are drawn, one a piece,
 * by PCG-RXS-M-XS (O'Neill 2014) with 32 bits of state, which begins at MurmurHash3's finaliser of (seed · 2^16 + i), and
 * of each number the upper 8 bits are taken. All n combinations that are needed are independent but once in about 255.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { addProduct, invert } from "./field.ts";

/** @param seed 0 … 65,535 @param index 0 … 65,535 @param count of pieces */
export function coefficients(seed: number, index: number, count: number): Bytes {
  const drawn = new Uint8Array(count);
  let state = finalised(seed * 0x1_0000 + index);
  for (let i = 0; i < count; i++) {
    state = (Math.imul(state, 747_796_405) + 2_891_336_453) | 0;
    const word = Math.imul((state >>> ((state >>> 28) + 4)) ^ state, 277_803_737);
    drawn[i] = ((word >>> 22) ^ word) >>> 24;
  }
  return drawn;
}

/** Adds to `target` each piece times its coefficient; a piece that is undefined counts as zeros. */
export function addCombination(
  target: Uint8Array,
  pieces: readonly (Uint8Array | undefined)[],
  factors: Uint8Array,
): void {
  for (const [i, piece] of pieces.entries()) if (piece !== undefined) addProduct(target, piece, factors[i] ?? 0);
}

function finalised(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return mixed ^ (mixed >>> 16);
}

/** What an equation did: `new` needs one less from now on; `conflict` contradicts those before it. */
export type Learnt = "new" | "known" | "conflict";

/**
 * Unknown pieces and equations between them, kept in reduced row echelon form. A column is an unknown; who uses it says
 * what it stands for. At most `capacity` columns, and as many equations.
 */
export class Eliminator {
  readonly #symbolBytes: number;
  readonly #capacity: number;
  /** Value, then coefficients by column, of the equation whose first unknown is the column. */
  readonly #rows = new Map<number, Uint8Array>();
  readonly #free: number[] = [];
  /** Columns from here on were never used. */
  #width = 0;
  #columns = 0;

  constructor(symbolBytes: number, capacity: number) {
    this.#symbolBytes = symbolBytes;
    this.#capacity = capacity;
  }

  /** Equations that are still needed to know every column. */
  get needed(): number {
    return this.#columns - this.#rows.size;
  }

  get columns(): number {
    return this.#columns;
  }

  /** A new unknown; undefined when there are too many. */
  open(): number | undefined {
    if (this.#columns >= this.#capacity) return undefined;
    this.#columns++;
    return this.#free.pop() ?? this.#width++;
  }

  /** Forgets an unknown, and what can't be said without it. */
  close(column: number): void {
    if (!this.#rows.delete(column)) this.#forgetIn(column);
    this.#free.push(column);
    this.#columns--;
  }

  /** True when some equation names it. */
  isUsed(column: number): boolean {
    if (this.#rows.has(column)) return true;
    for (const row of this.#rows.values()) if (row[this.#symbolBytes + column] !== 0) return true;
    return false;
  }

  /** Σ factor · column = value. @param value `symbolBytes` bytes; not changed */
  learn(terms: readonly { readonly column: number; readonly factor: number }[], value: Uint8Array): Learnt {
    const row = new Uint8Array(this.#symbolBytes + this.#capacity);
    row.set(value);
    for (const { column, factor } of terms) row[this.#symbolBytes + column] = factor;
    for (const { column } of terms) this.#reduce(row, column);
    const pivot = this.#firstUnknown(row);
    if (pivot === undefined) return row.some((byte) => byte !== 0) ? "conflict" : "known";
    this.#insert(pivot, row);
    return "new";
  }

  /** Equations that are still needed to know these unknowns, as far as the equations so far speak of them alone. */
  neededFor(columns: ReadonlySet<number>): number {
    let needed = columns.size;
    for (const row of this.#rows.values()) if (this.#speaksOnlyOf(row, columns)) needed--;
    return needed;
  }

  /** The piece, when the equations say which it is: a copy. */
  solved(column: number): Bytes | undefined {
    const row = this.#rows.get(column);
    if (row === undefined) return undefined;
    const end = this.#symbolBytes + this.#width;
    for (let i = this.#symbolBytes; i < end; i++) {
      if (row[i] !== 0 && i !== this.#symbolBytes + column) return undefined;
    }
    return row.slice(0, this.#symbolBytes);
  }

  #speaksOnlyOf(row: Uint8Array, columns: ReadonlySet<number>): boolean {
    for (let column = 0; column < this.#width; column++) {
      if (row[this.#symbolBytes + column] !== 0 && !columns.has(column)) return false;
    }
    return true;
  }

  #reduce(row: Uint8Array, column: number): void {
    const factor = row[this.#symbolBytes + column] ?? 0;
    const pivotRow = factor === 0 ? undefined : this.#rows.get(column);
    if (pivotRow !== undefined) this.#addRow(row, pivotRow, factor);
  }

  #insert(pivot: number, row: Uint8Array): void {
    const inverse = invert(row[this.#symbolBytes + pivot] ?? 1);
    const normal = new Uint8Array(row.length);
    this.#addRow(normal, row, inverse);
    for (const other of this.#rows.values()) {
      const factor = other[this.#symbolBytes + pivot] ?? 0;
      if (factor !== 0) this.#addRow(other, normal, factor);
    }
    this.#rows.set(pivot, normal);
  }

  #addRow(target: Uint8Array, source: Uint8Array, factor: number): void {
    addProduct(target, source.subarray(0, this.#symbolBytes + this.#width), factor);
  }

  #firstUnknown(row: Uint8Array): number | undefined {
    for (let column = 0; column < this.#width; column++) if (row[this.#symbolBytes + column] !== 0) return column;
    return undefined;
  }

  /** One equation is given up to take the column out of all others. */
  #forgetIn(column: number): void {
    let given: Uint8Array | undefined;
    let inverse = 0;
    for (const [pivot, row] of this.#rows) {
      const factor = row[this.#symbolBytes + column] ?? 0;
      if (factor === 0) continue;
      if (given === undefined) {
        given = row;
        inverse = invert(factor);
        this.#rows.delete(pivot);
        // Its pivot column is free now; what follows may name it.
        continue;
      }
      const scaled = new Uint8Array(given.length);
      this.#addRow(scaled, given, inverse);
      this.#addRow(row, scaled, factor);
    }
  }
}
