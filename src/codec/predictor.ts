/**
 * Predicts a text bit by bit from what stands before: many simple guesses, mixed by weights that learn.
 *
 * Integers only, so that every machine predicts alike. docs/codec.md describes each step.
 * @module
 */
import { CLASSES, CONTEXTS, Contexts, HASH_A, HASH_B, ORDERS } from "./contexts.ts";
import { FIRST_GUESS } from "./counts.ts";
import { firstGuess, probabilityOf, taught } from "./guesses.ts";
import { Matches, TRUSTS } from "./matches.ts";
import { Mixer } from "./mixer.ts";
import { Refiner } from "./refiner.ts";
import { stretch } from "./scale.ts";
import { Slots } from "./slots.ts";

/** How many bytes must agree before a match is believed, one number a matcher. */
const MATCHED_BYTES = [7, 4] as const;
const MATCHERS = MATCHED_BYTES.length;
/** Guesses by this byte's bits alone, with the byte before, with the two before (hashed). */
const DIRECTS = 3;
const DIRECT_BITS = 16;
const DIRECT_FROM = [0, 256, 256 + (1 << DIRECT_BITS)] as const;
const STATES = 256;
const INPUTS = CONTEXTS + DIRECTS + MATCHERS + 1;
const BIAS = 256;
/** Rows of the mixer: 18 by the match, 256 by the bits of the byte, 40 by what is known of the last bytes. */
const MATCH_ROWS = 18;
const BIT_ROWS = 256;
const ROWS = MATCH_ROWS + BIT_ROWS + 8 * (ORDERS + 1);
const CURVES = [512, 1024] as const;

/** The sizes of all that is small and changes with each bit, in numbers of 32 bits. */
const STORES = [
  CONTEXTS * STATES,
  256 + (2 << DIRECT_BITS),
  MATCHERS * TRUSTS,
  Mixer.words(INPUTS, ROWS),
  Refiner.words(CURVES[0]),
  Refiner.words(CURVES[1]),
] as const;

export class Predictor {
  /** That the next bit is 1, in 1/65536: 1 … 65535. */
  p = 32_768;
  readonly #history: Uint8Array;
  readonly #contexts = new Contexts();
  readonly #slots = new Slots(CONTEXTS);
  /** On one buffer, so that one stroke restores it. */
  readonly #store = new Int32Array(STORES.reduce((sum, words) => sum + words, 0));
  readonly #guesses: Int32Array;
  readonly #directs: Int32Array;
  readonly #trusts: Int32Array;
  readonly #matchers: readonly Matches[];
  readonly #mixer: Mixer;
  readonly #byBits: Refiner;
  readonly #byBytes: Refiner;
  readonly #directAt = new Int32Array(DIRECTS);
  /** Where in the trusts each matcher's guess stands, or −1, and which bit it expects. */
  readonly #trustAt = new Int32Array(MATCHERS);
  readonly #expected = new Uint8Array(MATCHERS);
  #kept: { readonly store: Int32Array; readonly at: number } | undefined;
  #start = 0;
  #at = 0;
  /** The bits of this byte so far, after a leading 1. */
  #partial = 1;

  /** @param historyBytes of the dictionary and of the longest text together, with an end for each */
  constructor(historyBytes: number) {
    this.#history = new Uint8Array(historyBytes);
    let from = 0;
    const [guesses, directs, trusts, weights, curves0, curves1] = STORES.map((words) =>
      this.#store.subarray(from, (from += words)),
    );
    const empty = new Int32Array(0);
    this.#guesses = guesses ?? empty;
    this.#directs = (directs ?? empty).fill(firstGuess(1 << 21));
    this.#trusts = (trusts ?? empty).fill(firstGuess(3 << 20));
    this.#matchers = MATCHED_BYTES.map((bytes) => new Matches(bytes));
    this.#mixer = new Mixer(weights ?? empty, INPUTS, ROWS);
    this.#byBits = new Refiner(curves0 ?? empty);
    this.#byBytes = new Refiner(curves1 ?? empty);
    for (let i = 0; i < this.#guesses.length; i++) {
      this.#guesses[i] = firstGuess(FIRST_GUESS[i % STATES] ?? 0);
    }
    this.#mixer.inputs[INPUTS - 1] = BIAS;
  }

  /** What was learnt up to here is what {@link undo} comes back to. */
  keep(): void {
    this.#slots.keep();
    for (const matcher of this.#matchers) matcher.keep();
    this.#kept = { store: this.#store.slice(), at: this.#at };
  }

  undo(): void {
    if (this.#kept === undefined) return;
    this.#slots.undo();
    for (const matcher of this.#matchers) matcher.undo();
    this.#store.set(this.#kept.store);
    this.#at = this.#kept.at;
  }

  /** A new text. @param kind 0 … 255: both sides know it */
  begin(kind: number): void {
    this.#start = this.#at;
    this.#partial = 1;
    this.#contexts.begin(kind, this.#at, this.#history);
    for (const matcher of this.#matchers) matcher.begin();
    this.#place();
    this.#predict();
  }

  /** Learns what the bit was, and predicts the next. */
  update(bit: number): void {
    this.#learn(bit);
    this.#partial = 2 * this.#partial + bit;
    if (this.#partial >= 256) this.#endByte(this.#partial & 0xff);
    else if (this.#partial >= 16 && this.#partial < 32) this.#place();
    this.#predict();
  }

  #endByte(byte: number): void {
    this.#partial = 1;
    this.#history[this.#at++] = byte;
    this.#contexts.add(byte, this.#at, this.#history);
    for (const matcher of this.#matchers) matcher.add(byte, this.#at, this.#start, this.#history);
    this.#place();
  }

  /** Four bits begin: where each context's states lie. */
  #place(): void {
    const { hashes } = this.#contexts;
    const prefix = Math.imul(this.#partial, HASH_B);
    for (let i = 0; i < CONTEXTS; i++) {
      const hash = Math.imul((hashes[i] ?? 0) ^ prefix, HASH_A);
      this.#slots.place(i, hash ^ (hash >>> 15));
    }
  }

  #predict(): void {
    const partial = this.#partial;
    const { recent } = this.#contexts;
    const { rows } = this.#mixer;
    const bytesAndBits = Math.imul(Math.imul(recent & 0xffff, HASH_A) ^ Math.imul(partial, HASH_B), HASH_A);
    this.#slots.look(nodeOf(partial));
    const known = this.#askContexts();
    this.#askDirects(partial, ((recent & 0xff) << 8) | partial, bytesAndBits >>> (32 - DIRECT_BITS));
    const match = this.#askMatchers(partial);
    rows[0] = match;
    rows[1] = MATCH_ROWS + partial;
    rows[2] = MATCH_ROWS + BIT_ROWS + 8 * known + (CLASSES[recent & 0xff] ?? 0);
    const score = this.#mixer.mix();
    const byBits = this.#byBits.refine(partial | (match > 0 ? 256 : 0), score);
    const byBytes = this.#byBytes.refine(bytesAndBits >>> 22, score);
    const p = (2 * this.#mixer.p + byBits + byBytes) >> 2;
    this.p = p < 1 ? 1 : p > 65_535 ? 65_535 : p;
  }

  /** How many of the contexts that are last bytes alone were seen before: 0 … 4. */
  #askContexts(): number {
    const { states } = this.#slots;
    const { inputs } = this.#mixer;
    const guesses = this.#guesses;
    let known = 0;
    for (let i = 0; i < CONTEXTS; i++) {
      const state = states[i] ?? 0;
      inputs[i] = state === 0 ? 0 : stretch(probabilityOf(guesses[STATES * i + state] ?? 0));
      if (state !== 0 && i < ORDERS) known++;
    }
    return known;
  }

  #askDirects(bits: number, byte: number, bytes: number): void {
    this.#askDirect(0, bits);
    this.#askDirect(1, DIRECT_FROM[1] + byte);
    this.#askDirect(2, DIRECT_FROM[2] + bytes);
  }

  #askDirect(i: number, at: number): void {
    this.#directAt[i] = at;
    this.#mixer.inputs[CONTEXTS + i] = stretch(probabilityOf(this.#directs[at] ?? 0));
  }

  /** 0 when nobody expects anything; else 1 + the trust in the first who does, in eighths, 8 more for the second. */
  #askMatchers(partial: number): number {
    const shift = Math.clz32(partial) - 24;
    let row = 0;
    for (let i = 0; i < MATCHERS; i++) {
      const matcher = this.#matchers[i];
      const byte = matcher?.expected(this.#history) ?? -1;
      let score = 0;
      this.#trustAt[i] = -1;
      if (matcher !== undefined && byte >= 0 && (byte | 256) >> (shift + 1) === partial) {
        const { trust } = matcher;
        const bit = (byte >> shift) & 1;
        this.#trustAt[i] = TRUSTS * i + trust;
        this.#expected[i] = bit;
        score = stretch(probabilityOf(this.#trusts[TRUSTS * i + trust] ?? 0));
        if (bit === 0) score = -score;
        if (row === 0) row = 1 + 8 * i + (trust >> 3);
      }
      this.#mixer.inputs[CONTEXTS + DIRECTS + i] = score;
    }
    return row;
  }

  #learn(bit: number): void {
    const { states } = this.#slots;
    const guesses = this.#guesses;
    for (let i = 0; i < CONTEXTS; i++) {
      const state = states[i] ?? 0;
      const at = STATES * i + state;
      if (state !== 0) guesses[at] = taught(guesses[at] ?? 0, bit);
    }
    this.#slots.learn(bit);
    for (let i = 0; i < DIRECTS; i++) {
      const at = this.#directAt[i] ?? 0;
      this.#directs[at] = taught(this.#directs[at] ?? 0, bit);
    }
    for (let i = 0; i < MATCHERS; i++) {
      const at = this.#trustAt[i] ?? -1;
      if (at >= 0) this.#trusts[at] = taught(this.#trusts[at] ?? 0, this.#expected[i] === bit ? 1 : 0);
    }
    this.#mixer.learn(bit);
    this.#byBits.learn(bit);
    this.#byBytes.learn(bit);
  }
}

/** Which of the 15 nodes of its four bits comes next. */
function nodeOf(partial: number): number {
  if (partial < 16) return partial;
  const bits = 27 - Math.clz32(partial);
  return (1 << bits) | (partial & ((1 << bits) - 1));
}
