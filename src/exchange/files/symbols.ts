/**
 * Symbols of one block, each with the radio that it came from, until some of them make the block.
 *
 * A single false symbol spoils a decoding, and can't be told by itself. So nothing that came is thrown away for another's
 * lie: when the symbols together make something else, they are tried without one sender after the other, and each sender
 * alone. Once the block is known, every symbol is held against it, which tells who lied.
 * @module
 */
import { startsWith } from "../../kernel/bytes.ts";
import { sha256 } from "../../dag/cid.ts";
import { SymbolCollector, sourceSymbols, symbolAt } from "../../erasure/cauchy.ts";
import { equalBytes, type Bytes } from "../../kernel/bytes.ts";
import type { Coded } from "../../wire/coded.ts";
import { MAX_BLOCK_BYTES } from "../../wire/coded.ts";
import { unpack } from "../../codec/pack.ts";
import type { Testimony } from "./suspects.ts";

/** How a sender has cut a block: symbols of different cuts never mix. */
export interface Cut {
  readonly streamBytes: number;
  readonly check: number | undefined;
  readonly symbolBytes: number;
}

/** A symbol, and the radio that it came from. */
export interface Piece {
  readonly index: number;
  readonly from: number;
  readonly symbol: Uint8Array;
}

export type SymbolVerdict =
  | { readonly kind: "new" | "known" | "refused" | "spoiled" }
  /** `witnesses`: what each radio's symbols proved to be. */
  | { readonly kind: "whole"; readonly bytes: Bytes; readonly witnesses: ReadonlyMap<number, Testimony> };

/** Kept beyond those that a decoding needs, while liars spoil it. */
const SPARE_SYMBOLS = 40;
/** Decodings of a spoiled block that are tried before all its symbols are thrown away. */
const MAX_TRIES = 64;
/** Senders that are tried without, and alone, at a time. */
const MAX_SENDERS_TRIED = 8;

export function cutOf({ streamBytes, check, symbol }: Coded): Cut {
  return { streamBytes, check, symbolBytes: symbol.length };
}

export function cutKey({ streamBytes, check, symbolBytes }: Cut): string {
  return `${streamBytes}/${check ?? "raw"}/${symbolBytes}`;
}

export class Symbols {
  readonly cut: Cut;
  readonly k: number;
  readonly #isBlock: (bytes: Bytes) => boolean;
  #pieces: Piece[] = [];
  #spoiled = false;
  #tries = 0;
  /** Pieces from here on came after the last failure of all that was here: the lie may be among the others. */
  #freshFrom = 0;

  /** @param isBlock whether these bytes are the block, by their hash */
  constructor(cut: Cut, isBlock: (bytes: Bytes) => boolean) {
    this.cut = cut;
    this.k = sourceSymbols(cut.streamBytes, cut.symbolBytes);
    this.#isBlock = isBlock;
  }

  /** Different symbols that are here. */
  get held(): number {
    return countOf(this.#pieces);
  }

  /** Symbols that are lacking at the least, 1 or more until it is whole. */
  get needed(): number {
    if (!this.#spoiled) return Math.max(1, this.k - this.held);
    // What is enough, and here still, was tried and made something else.
    const open = this.#candidates().map(countOf);
    return this.k - Math.max(0, ...open.filter((count) => count < this.k));
  }

  pieces(): readonly Piece[] {
    return this.#pieces;
  }

  /** Whether a symbol of that index came from another radio with another content. */
  add(index: number, symbol: Uint8Array, from: number): SymbolVerdict {
    if (symbol.length !== this.cut.symbolBytes || !this.#isPadded(index, symbol)) return { kind: "refused" };
    const twins = this.#pieces.filter((piece) => piece.index === index);
    if (twins.some((twin) => equalBytes(twin.symbol, symbol))) return { kind: "known" };
    if (twins.some((twin) => twin.from === from)) return { kind: "refused" };
    if (this.#pieces.length >= 2 * this.k + SPARE_SYMBOLS) this.#reset();
    // Two of one number: somebody lies, and the next decoding may already be without him.
    this.#pieces.push({ index, from, symbol: new Uint8Array(symbol) });
    if (twins.length > 0) this.#spoiled = true;
    return this.#decode();
  }

  #decode(): SymbolVerdict {
    if (this.held < this.k) return { kind: "new" };
    const sets = this.#spoiled ? this.#candidates() : [this.#pieces];
    for (const set of sets) {
      if (countOf(set) < this.k) continue;
      const whole = this.#attempt(set);
      if (whole !== undefined) return whole;
      this.#spoiled = true;
      if (++this.#tries < MAX_TRIES) continue;
      this.#reset();
      return { kind: "spoiled" };
    }
    if (this.#spoiled && countOf(this.#fresh()) >= this.k) this.#freshFrom = this.#pieces.length;
    return { kind: this.#tries > 0 ? "spoiled" : "new" };
  }

  #fresh(): readonly Piece[] {
    return this.#pieces.slice(this.#freshFrom);
  }

  /** All but one sender's, for each sender; each sender's alone; and, as a number may be borrowed, what is fresh. */
  #candidates(): (readonly Piece[])[] {
    const senders = sendersOf(this.#pieces).slice(0, MAX_SENDERS_TRIED);
    const without = senders.map((sender) => this.#pieces.filter(({ from }) => from !== sender));
    const alone = senders.map((sender) => this.#pieces.filter(({ from }) => from === sender));
    return [this.#fresh(), ...without, ...alone];
  }

  #attempt(pieces: readonly Piece[]): SymbolVerdict | undefined {
    const collector = new SymbolCollector(this.cut.streamBytes, this.cut.symbolBytes);
    for (const { index, symbol } of pieces) collector.add(index, symbol);
    const stream = collector.recover();
    if (stream === undefined) return undefined;
    const bytes = blockOf(stream, this.cut);
    if (bytes === undefined || !this.#isBlock(bytes)) return undefined;
    return { kind: "whole", bytes, witnesses: this.#witnesses(stream) };
  }

  #witnesses(stream: Uint8Array): ReadonlyMap<number, Testimony> {
    const witnesses = new Map<number, Testimony>();
    for (const { index, symbol, from } of this.#pieces) {
      const { lies, truths } = witnesses.get(from) ?? { lies: 0, truths: 0 };
      const isTrue = equalBytes(symbol, symbolAt(stream, this.cut.symbolBytes, index));
      witnesses.set(from, { lies: lies + (isTrue ? 0 : 1), truths: truths + (isTrue ? 1 : 0) });
    }
    return witnesses;
  }

  /** The padding of the last piece is zeros: else it is no symbol of this cut. */
  #isPadded(index: number, symbol: Uint8Array): boolean {
    if (index !== this.k - 1) return true;
    const used = this.cut.streamBytes - (this.k - 1) * this.cut.symbolBytes;
    return symbol.subarray(used).every((byte) => byte === 0);
  }

  #reset(): void {
    this.#pieces = [];
    this.#spoiled = false;
    this.#tries = 0;
    this.#freshFrom = 0;
  }
}

/** What the stream stands for; undefined when it can't be unpacked. */
function blockOf(stream: Bytes, { check }: Cut): Bytes | undefined {
  if (check === undefined) return stream;
  if (sha256(stream)[0] !== check) return undefined;
  const block = unpack(stream, MAX_BLOCK_BYTES);
  return block.ok ? block.value : undefined;
}

/** True when these bytes hash to something that begins so. */
export function hashesTo(digest: Uint8Array): (bytes: Uint8Array) => boolean {
  return (bytes) => startsWith(sha256(bytes), digest);
}

function countOf(pieces: readonly Piece[]): number {
  return new Set(pieces.map(({ index }) => index)).size;
}

/** Who sent most comes first: the honest stay with a block, the liars often don't. */
function sendersOf(pieces: readonly Piece[]): readonly number[] {
  const counts = new Map<number, number>();
  for (const { from } of pieces) counts.set(from, (counts.get(from) ?? 0) + 1);
  return [...counts].toSorted((a, b) => b[1] - a[1]).map(([from]) => from);
}
