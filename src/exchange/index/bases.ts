/**
 * The vectors that this node remembers, and which of them it speaks of itself.
 *
 * A base is good when the others know it, too. So it is one that somebody else was heard to hold or to use; it is kept
 * for as long as what came since is little, because every change of base is one that somebody may have missed.
 * @module
 */
import { NOTHING, type Base, type Vector } from "./vector.ts";

/** Bases that are remembered. 500 authors take about 60 KB each. */
const MAX_BASES = 12;
/** A vector that lasted so long is worth remembering, even if nobody agreed. */
const STABLE_MS = 120_000;
/** … and so long, to be spoken of: by then all who are in reach have it. */
const SETTLED_MS = 600_000;
/** With so few authors the base of nothing, which everybody knows, is as good. */
const FEW_AUTHORS = 6;
/** From so many authors with news on a newer base pays. */
const MANY_NEWS = 6;
/** … and after so long anyway. */
const OLD_MS = 1_800_000;

export class Bases {
  readonly #vector: Vector;
  /** The newest first. */
  #bases: Base[] = [];
  #current: Base = NOTHING;
  #currentSinceMs = 0;
  /** Since when the vector is what it is, and whether somebody was heard to hold the same. */
  #sinceMs = 0;
  #agreed = false;

  constructor(vector: Vector) {
    this.#vector = vector;
  }

  /** At the start: what is on disk was agreed upon before, more likely than not. */
  start(nowMs: number): void {
    this.#sinceMs = nowMs;
    if (this.#vector.size > FEW_AUTHORS) this.#use(this.#remember(), nowMs);
  }

  /** What messages of this node refer to. */
  get current(): Base {
    return this.#current;
  }

  /** Tags that an asker may name: its own vector's, the one that it speaks of, and older ones. */
  tags(most: number): number[] {
    const tags = [this.#vector.tag, this.#current.tag, ...this.#bases.map(({ tag }) => tag)];
    return [...new Set(tags)].filter((tag) => tag !== 0).slice(0, most);
  }

  /** The base of that tag; undefined when it is unknown. */
  find(tag: number): Base | undefined {
    if (tag === 0) return NOTHING;
    const known = this.#bases.find((base) => base.tag === tag);
    return known ?? (tag === this.#vector.tag ? this.#vector.toBase() : undefined);
  }

  /** The vector is about to change. */
  leave(nowMs: number): void {
    if (this.#agreed || nowMs - this.#sinceMs >= STABLE_MS) this.#remember();
  }

  /** The vector has changed. */
  changed(nowMs: number): void {
    this.#agreed = false;
    this.#sinceMs = nowMs;
  }

  /** Somebody else holds just the same. */
  agree(nowMs: number): void {
    if (!this.#agreed) {
      this.#agreed = true;
      this.#remember();
    }
    // Until it has lasted, others may still be on their way to it.
    if (nowMs - this.#sinceMs < SETTLED_MS || this.#current.tag === this.#vector.tag) return;
    const worthIt = this.newsSince(this.#current) > MANY_NEWS || nowMs - this.#currentSinceMs > OLD_MS;
    if (worthIt) this.#use(this.#remember(), nowMs);
  }

  /** Somebody speaks of that base: the newer one is followed, so that all speak of the same. */
  heard(base: Base, nowMs: number): void {
    if (base.tag === this.#current.tag || base.total <= this.#current.total) return;
    if (!this.#bases.includes(base)) this.#insert(base);
    this.#use(base, nowMs);
  }

  /** Authors who have more than the base says. */
  newsSince(base: Base): number {
    let news = 0;
    for (const { hex, count } of this.#vector.members()) {
      const number = base.numbers.get(hex);
      if (count > (number === undefined ? 0 : (base.members[number]?.count ?? 0))) news++;
    }
    return news;
  }

  #remember(): Base {
    const known = this.#bases.find(({ tag }) => tag === this.#vector.tag);
    if (known !== undefined) return known;
    const base = this.#vector.toBase();
    this.#insert(base);
    return base;
  }

  #insert(base: Base): void {
    const kept = this.#bases.filter((one) => one === this.#current || this.#bases.indexOf(one) < MAX_BASES - 2);
    this.#bases = [base, ...kept];
  }

  #use(base: Base, nowMs: number): void {
    this.#current = base;
    this.#currentSinceMs = nowMs;
  }
}
