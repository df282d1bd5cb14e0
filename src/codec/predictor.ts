/**
 * Predicts a text bit by bit from what stands before: many simple guesses, mixed by weights that learn.
 *
 * Integers only, so that every machine predicts alike. docs/codec.md describes each step.
 * @module
 */
import { CLASSES, CONTEXTS, Contexts, HASH_A, HASH_B } from "./contexts.ts";
import { FIRST_GUESS, NEXT, WEIGHT } from "./counts.ts";
import { Matches, PLACES, TRUSTS } from "./matches.ts";
import { ONE, SCORE_LIMIT, squash, stretch } from "./scale.ts";
import { Slots } from "./slots.ts";

const MATCHERS = 2;
const DIRECTS = 3;
const INPUTS = 2 * CONTEXTS + DIRECTS + 2 * MATCHERS + 1;
const DIRECT_BITS = 16;
/** Learnt guesses count how often they were asked up to here; then they follow at 1 / so many. */
const GUESS_LIMIT = 255;
const DIRECT_LIMIT = 255;
const WEIGHT_ONE = 65_536;
const WEIGHT_LIMIT = 8 * WEIGHT_ONE - 1;
const SETS = 3;
const ROWS = [64, 256, 64] as const;
const FIRST_ROW = [0, 64, 320] as const;
const ALL_ROWS = 384;
const FINAL_ROWS = 64;
const APM_STEPS = 24;
const APM_WIDTH = 2 * Math.ceil(SCORE_LIMIT / 256) + 2;
const APMS = 2;
const APM_CONTEXTS = 1 << 12;
/** ⌊8192 / (2n + 3)⌋: a step of 1 / (n + 1.5) in 1/4096. */
const STEPS = Int32Array.from({ length: 256 }, (_, n) => Math.floor(8192 / (2 * n + 3)));

export interface Tuning {
  primeRate: number;
  textRate: number;
  finalRate: number;
  directLimit: number;
  guessLimit: number;
  initial: number;
  apmRate: number;
}
export const TUNE: Tuning = {
  primeRate: 6,
  textRate: 6,
  finalRate: 2,
  directLimit: 255,
  guessLimit: 255,
  initial: 14000,
  apmRate: 6,
};

export class Predictor {
  readonly #history: Uint8Array;
  readonly #slots = new Slots();
  readonly #contexts = new Contexts();
  /** All that is small and changes with each bit, on one buffer, so that it is restored in one stroke. */
  readonly #small: Int32Array;
  readonly #guesses: Int32Array;
  readonly #guessed: Int32Array;
  readonly #direct: Int32Array;
  readonly #trust: Int32Array;
  readonly #trusted: Int32Array;
  readonly #weights: Int32Array;
  readonly #finals: Int32Array;
  readonly #apms: Int32Array;
  readonly #matchers: readonly [Matches, Matches];
  #kept: Int32Array | undefined;
  #keptAt = 0;

  readonly #inputs = new Int32Array(INPUTS);
  readonly #states = new Uint8Array(CONTEXTS);
  readonly #found = new Int32Array(CONTEXTS);
  readonly #bases = new Int32Array(CONTEXTS);
  readonly #tags = new Uint8Array(CONTEXTS);
  readonly #directAt = new Int32Array(DIRECTS);
  readonly #trustAt = new Int32Array(MATCHERS);
  readonly #expected = new Int32Array(MATCHERS);
  readonly #rows = new Int32Array(SETS);
  readonly #scores = new Int32Array(SETS);
  readonly #setP = new Int32Array(SETS);
  readonly #apmAt = new Int32Array(APMS);
  #start = 0;
  #at = 0;
  /** The bits of this byte so far, after a leading 1. */
  #partial = 1;
  #mixed = 0;
  #finalRow = 0;
  #p = ONE / 2;
  #rate = TUNE.primeRate;

  constructor(historyBytes: number) {
    this.#history = new Uint8Array(historyBytes);
    const sizes = [
      CONTEXTS * 256,
      CONTEXTS * 256,
      DIRECTS << DIRECT_BITS,
      MATCHERS * TRUSTS,
      MATCHERS * TRUSTS,
      ALL_ROWS * INPUTS,
      FINAL_ROWS * SETS,
      APMS * APM_CONTEXTS * APM_WIDTH,
      MATCHERS * PLACES,
    ];
    this.#small = new Int32Array(sizes.reduce((a, b) => a + b, 0));
    let from = 0;
    const part = (i: number): Int32Array => this.#small.subarray(from, (from += sizes[i] ?? 0));
    this.#guesses = part(0);
    this.#guessed = part(1);
    this.#direct = part(2);
    this.#trust = part(3);
    this.#trusted = part(4);
    this.#weights = part(5);
    this.#finals = part(6);
    this.#apms = part(7);
    const places = part(8);
    this.#matchers = [new Matches(places.subarray(0, PLACES), 7), new Matches(places.subarray(PLACES), 4)];
    for (let i = 0; i < CONTEXTS; i++) this.#guesses.set(FIRST_GUESS, 256 * i);
    this.#direct.fill(1 << 31);
    this.#trust.fill(3 << 20);
    this.#weights.fill(TUNE.initial);
    this.#finals.fill(Math.floor(WEIGHT_ONE / SETS));
    for (let i = 0; i < this.#apms.length; i++) {
      this.#apms[i] = 16 * squash(((i % APM_WIDTH) - (APM_WIDTH >> 1)) * 256);
    }
  }

  get p(): number {
    return this.#p;
  }

  keep(): void {
    this.#slots.keep();
    this.#kept = this.#small.slice();
    this.#keptAt = this.#at;
    this.#rate = TUNE.textRate;
  }

  undo(): void {
    this.#slots.undo();
    if (this.#kept !== undefined) this.#small.set(this.#kept);
    this.#at = this.#keptAt;
  }

  begin(kind: number): void {
    this.#start = this.#at;
    this.#partial = 1;
    this.#contexts.begin(kind, this.#at, this.#history);
    for (const matcher of this.#matchers) matcher.begin();
    this.#locate();
    this.#predict();
  }

  update(bit: number): void {
    this.#learn(bit);
    this.#partial = 2 * this.#partial + bit;
    if (this.#partial >= 256) {
      const byte = this.#partial & 0xff;
      this.#partial = 1;
      this.#history[this.#at++] = byte;
      this.#contexts.add(byte, this.#at, this.#history);
      for (const matcher of this.#matchers) matcher.add(byte, this.#at, this.#start, this.#history);
      this.#locate();
    } else if (this.#partial >= 16 && this.#partial < 32) this.#locate();
    this.#predict();
  }

  /** At the beginning of a nibble: where each context's nodes lie. */
  #locate(): void {
    const prefix = Math.imul(this.#partial, HASH_B);
    for (let i = 0; i < CONTEXTS; i++) {
      let hash = Math.imul((this.#contexts.hashes[i] ?? 0) ^ prefix, HASH_A);
      hash ^= hash >>> 15;
      this.#bases[i] = hash;
      const tag = hash >>> 24;
      this.#tags[i] = tag;
    }
  }

  #predict(): void {
    const inputs = this.#inputs;
    const partial = this.#partial;
    const node = partial < 16 ? partial : (partial & 15) | 0;
    let nodeInNibble = node;
    if (partial >= 16) {
      // 16…255: the bits since the nibble began, after a leading 1.
      const bits = partial >= 128 ? 3 : partial >= 64 ? 2 : partial >= 32 ? 1 : 0;
      nodeInNibble = (1 << bits) | (partial & ((1 << bits) - 1));
    }
    let seen = 0;
    for (let i = 0; i < CONTEXTS; i++) {
      const tag = this.#tags[i] ?? 0;
      const at = this.#slots.find(this.#bases[i] ?? 0, tag, nodeInNibble);
      const state = this.#slots.state(at, tag);
      this.#found[i] = at;
      this.#states[i] = state;
      if (state === 0) {
        inputs[2 * i] = 0;
        inputs[2 * i + 1] = 0;
      } else {
        const p = this.#guesses[256 * i + state] ?? 0;
        inputs[2 * i] = stretch(p >> 10);
        inputs[2 * i + 1] = (p - (1 << 21)) >> 11;
        if (i < 6) seen++;
      }
    }
    let n = 2 * CONTEXTS;
    const recent = this.#contexts.recent;
    this.#directAt[0] = partial;
    this.#directAt[1] = (1 << DIRECT_BITS) + (((recent & 0xff) << 8) | partial);
    this.#directAt[2] =
      (2 << DIRECT_BITS) +
      (Math.imul(Math.imul(recent & 0xffff, HASH_A) ^ Math.imul(partial, HASH_B), HASH_A) >>> (32 - DIRECT_BITS));
    for (let i = 0; i < DIRECTS; i++) inputs[n++] = stretch((this.#direct[this.#directAt[i] ?? 0] ?? 0) >>> 20);
    let row = 0;
    for (let i = 0; i < MATCHERS; i++) {
      const matcher = this.#matchers[i] ?? this.#matchers[0];
      const expected = matcher.expected(this.#history);
      const shift = nodeShift(partial);
      if (expected >= 0 && (expected | 256) >> (shift + 1) === partial) {
        const bit = (expected >> shift) & 1;
        const trust = TRUSTS * i + matcher.trust;
        this.#trustAt[i] = trust;
        this.#expected[i] = bit;
        const p = this.#trust[trust] ?? 0;
        const score = stretch(p >> 10);
        inputs[n++] = bit === 1 ? score : -score;
        const lean = (p - (1 << 21)) >> 11;
        inputs[n++] = bit === 1 ? lean : -lean;
        if (i === 0 || row === 0) row = (matcher.trust >> 3) + 1 + 16 * i;
      } else {
        this.#trustAt[i] = -1;
        inputs[n++] = 0;
        inputs[n++] = 0;
      }
    }
    inputs[n++] = 256;
    this.#rows[0] = row;
    this.#rows[1] = FIRST_ROW[1] + partial;
    this.#rows[2] = FIRST_ROW[2] + 8 * seen + (CLASSES[recent & 0xff] ?? 0);
    this.#mix(row);
  }

  #mix(row: number): void {
    const inputs = this.#inputs;
    const weights = this.#weights;
    let total = 0;
    this.#finalRow = SETS * row;
    for (let set = 0; set < SETS; set++) {
      const from = INPUTS * (this.#rows[set] ?? 0);
      let sum = 0;
      for (let i = 0; i < INPUTS; i++) sum += Math.imul(inputs[i] ?? 0, weights[from + i] ?? 0) >> 8;
      let score = sum >> 8;
      if (score > SCORE_LIMIT) score = SCORE_LIMIT;
      else if (score < -SCORE_LIMIT) score = -SCORE_LIMIT;
      this.#scores[set] = score;
      this.#setP[set] = squash(score);
      total += Math.imul(score, this.#finals[this.#finalRow + set] ?? 0) >> 8;
    }
    let score = total >> 8;
    if (score > SCORE_LIMIT) score = SCORE_LIMIT;
    else if (score < -SCORE_LIMIT) score = -SCORE_LIMIT;
    const p = squash(score);
    this.#mixed = p;
    // Adaptive maps from the mixed score to a probability.
    const recent = this.#contexts.recent;
    const c1 = recent & 0xff;
    const a = this.#apm(0, this.#partial | (row > 0 ? 256 : 0), score);
    const b = this.#apm(
      1,
      Math.imul(Math.imul(recent & 0xffff, HASH_A) ^ Math.imul(this.#partial, HASH_B), HASH_A) >>> 20,
      score,
    );
    void c1;
    const out = (2 * p + a + b) >> 2;
    this.#p = out < 1 ? 1 : out > ONE - 1 ? ONE - 1 : out;
  }

  #apm(which: number, context: number, score: number): number {
    const shifted = score + (APM_WIDTH >> 1) * 256;
    const low = shifted >> 8;
    const part = shifted & 255;
    const at = (which * APM_CONTEXTS + context) * APM_WIDTH + low;
    this.#apmAt[which] = part < 128 ? at : at + 1;
    return ((this.#apms[at] ?? 0) * (256 - part) + (this.#apms[at + 1] ?? 0) * part) >> 12;
  }

  #learn(bit: number): void {
    const one22 = bit === 1 ? (1 << 22) - 1 : 0;
    for (let i = 0; i < CONTEXTS; i++) {
      const state = this.#states[i] ?? 0;
      if (state !== 0) this.#nudge(this.#guesses, this.#guessed, 256 * i + state, one22, TUNE.guessLimit);
      this.#slots.put(this.#found[i] ?? 0, this.#tags[i] ?? 0, NEXT[2 * state + bit] ?? 0);
    }
    for (let i = 0; i < DIRECTS; i++) {
      const at = this.#directAt[i] ?? 0;
      const value = this.#direct[at] ?? 0;
      const count = value & 1023;
      const p = value >>> 10;
      const next = p + (Math.imul((one22 - p) >> 3, STEPS[count] ?? 0) >> 9);
      this.#direct[at] = (next << 10) | (count < TUNE.directLimit ? count + 1 : count);
    }
    for (let i = 0; i < MATCHERS; i++) {
      const at = this.#trustAt[i] ?? -1;
      if (at >= 0)
        this.#nudge(this.#trust, this.#trusted, at, this.#expected[i] === bit ? (1 << 22) - 1 : 0, TUNE.guessLimit);
    }
    for (let set = 0; set < SETS; set++) this.#teach(set, bit);
    const error = ((bit << 16) - this.#mixed) >> 4;
    for (let set = 0; set < SETS; set++) {
      const at = this.#finalRow + set;
      this.#finals[at] =
        (this.#finals[at] ?? 0) +
        ((Math.imul(Math.imul(this.#scores[set] ?? 0, error), TUNE.finalRate) + 0x8000) >> 16);
    }
    for (let i = 0; i < APMS; i++) {
      const at = this.#apmAt[i] ?? 0;
      const value = this.#apms[at] ?? 0;
      this.#apms[at] = value + (((bit << 20) - value) >> TUNE.apmRate);
    }
  }

  #teach(set: number, bit: number): void {
    const inputs = this.#inputs;
    const weights = this.#weights;
    const from = INPUTS * (this.#rows[set] ?? 0);
    const error = Math.imul(((bit << 16) - (this.#setP[set] ?? 0)) >> 4, this.#rate);
    for (let i = 0; i < INPUTS; i++) {
      const weight = (weights[from + i] ?? 0) + ((Math.imul(inputs[i] ?? 0, error) + 0x8000) >> 16);
      weights[from + i] = weight > WEIGHT_LIMIT ? WEIGHT_LIMIT : weight < -WEIGHT_LIMIT ? -WEIGHT_LIMIT : weight;
    }
  }

  #nudge(values: Int32Array, counts: Int32Array, at: number, target: number, limit: number): void {
    const p = values[at] ?? 0;
    const n = counts[at] ?? 0;
    values[at] = p + (Math.imul((target - p) >> 3, STEPS[n] ?? 0) >> 9);
    if (n < limit) counts[at] = n + 1;
  }
}

function nodeShift(partial: number): number {
  return Math.clz32(partial) - 24;
}
void WEIGHT;
void GUESS_LIMIT;
void DIRECT_LIMIT;
void ROWS;
void APM_STEPS;
