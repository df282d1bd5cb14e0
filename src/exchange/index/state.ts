/**
 * What the parts of the index sync know together: the vector held, the bases, what was announced, what is lacking.
 * @module
 */
import { toHex, type Bytes } from "../../kernel/bytes.ts";
import { keepRecent } from "../../kernel/recent.ts";
import type { Shard } from "../../dag/shard.ts";
import type { Holdings, Stranger } from "../../wire/holdings.ts";
import { Neighbours } from "../neighbours.ts";
import { Bases } from "./bases.ts";
import { Credit } from "./credit.ts";
import { Gathering, type Announced, type Part } from "./gathering.ts";
import { LossEstimate } from "./loss-estimate.ts";
import { Refused } from "./refused.ts";
import { Streams, slotsOf } from "./streams.ts";
import { NOTHING, Vector, tagPart, type Base, type Member } from "./vector.ts";

export type IndexShard = Pick<Shard, "author" | "authors" | "vector" | "entries" | "merge" | "accepts">;

/** A neighbour's holdings, with the numbers resolved. */
export interface Resolved {
  readonly base: Base;
  readonly partial: boolean;
  readonly streams: readonly Announced[];
  /** Of the whole vector; undefined when it can't be told. */
  readonly tag: number | undefined;
}

/** Authors that may all live in one cell. */
const MOST_IN_A_CELL = 50;

/** What somebody lacks of what we hold. */
export interface Lack {
  readonly member: Member;
  readonly from: number;
}

/** Slots of one offer of coded slots: what a receiver can solve at once, and hold. */
export const MAX_OFFER_SLOTS = 512;
/** Authors of whom it is remembered what was announced: twice as many as a shard holds. */
const MAX_COVERED = 8_192;
/** Authors whose turn is remembered; of more than these the first come again a little early. */
const MAX_TOLD = 4_096;

export class IndexState {
  readonly shard: IndexShard;
  readonly vector: Vector;
  readonly bases: Bases;
  readonly streams: Streams;
  readonly gathering = new Gathering();
  readonly neighbours = new Neighbours();
  readonly credit = new Credit();
  readonly refused: Refused;
  /** Of packets in bursts, and of what authors push once (where many collide at times). */
  readonly loss = new LossEstimate();
  readonly pushLoss = new LossEstimate();
  /** Entries by author that were announced on air, by us or by others: what is beyond is news that somebody should tell. */
  readonly #covered = new Map<string, number>();
  /** Authors who were told of, the last ones at the end: where not all fits, each has its turn. */
  readonly #told = new Set<string>();
  /** Authors with entries beyond the current base. */
  readonly #news = new Map<string, Member>();
  #newsBase: Base = NOTHING;
  #mostKnown = 0;
  #confirmed = 0;

  constructor(shard: IndexShard) {
    this.shard = shard;
    this.vector = new Vector(shard);
    this.bases = new Bases(this.vector);
    this.streams = new Streams(shard);
    this.refused = new Refused(shard);
  }

  /** Agents that may want to speak at the same moment: who was heard next door, or may live there. */
  crowd(nowMs: number): number {
    return Math.max(this.neighbours.near(nowMs), Math.min(MOST_IN_A_CELL, this.vector.size - 1));
  }

  /** Takes over changes of the shard; true when there were any. */
  refresh(nowMs: number): boolean {
    const changed = this.vector.refresh(() => this.bases.leave(nowMs));
    if (changed.length === 0) return false;
    this.bases.changed(nowMs);
    for (const hex of changed) this.#noteNews(hex);
    return true;
  }

  /** Authors of whom we hold more than that base says. */
  newsOver(base: Base): readonly Member[] {
    if (base === this.bases.current) {
      this.#followBase();
      return [...this.#news.values()];
    }
    return [...this.vector.members()].filter(({ hex, count }) => count > countIn(base, hex));
  }

  /** News that nobody has told of yet. */
  uncovered(): readonly Member[] {
    return this.newsOver(this.bases.current).filter(({ hex, count }) => count > this.coveredUpTo(hex));
  }

  coveredUpTo(hex: string): number {
    return Math.max(countIn(this.bases.current, hex), this.#covered.get(hex) ?? 0);
  }

  cover(hex: string, count: number): void {
    if (count <= (this.#covered.get(hex) ?? 0)) return;
    // Anybody can name authors that do not exist: what was announced longest ago is forgotten, and told of once more.
    keepRecent(this.#covered, hex, count, MAX_COVERED);
  }

  /** A question went to that radio; undefined: to whoever knows. @returns true when it was the last: what it named is forgotten */
  asked(radio: number | undefined, nowMs: number): boolean {
    let isSpent = false;
    for (const one of radio === undefined ? this.gathering.sources : [radio]) {
      this.credit.asked(one, nowMs);
      if (!this.credit.isSpent(one, nowMs)) continue;
      this.gathering.forgetOf(one);
      isSpent = true;
    }
    return isSpent;
  }

  /** Somebody else was heard to hold so much of the own log. */
  confirm(count: number): void {
    this.#confirmed = Math.max(this.#confirmed, count);
  }

  /** Whether somebody else was heard to hold all of the own log. */
  isConfirmed(ownHex: string): boolean {
    return this.#confirmed >= this.vector.count(ownHex);
  }

  /** These authors had their turn to be told of. */
  noteTold(streams: readonly { readonly hex: string }[]): void {
    for (const { hex } of streams) {
      this.#told.delete(hex);
      this.#told.add(hex);
    }
    for (const hex of this.#told) {
      if (this.#told.size <= MAX_TOLD) return;
      this.#told.delete(hex);
    }
  }

  /** In which order authors are told of where not all fits: first of what nobody was told of yet, then by turns. */
  inTurn<T extends { readonly member: Member }>(all: readonly T[]): readonly T[] {
    const turns = new Map([...this.#told].map((hex, turn) => [hex, turn + 1]));
    const place = ({ member: { hex, count } }: T): number =>
      (this.coveredUpTo(hex) < count ? 0 : 1 + MAX_TOLD) + (turns.get(hex) ?? 0);
    return [...all].sort((a, b) => place(a) - place(b));
  }

  /** Undefined when the base is not known, or has no such authors. */
  resolve(holdings: Holdings): Resolved | undefined {
    const base = this.bases.find(holdings.base);
    if (base === undefined) return undefined;
    const streams: Announced[] = [];
    let tag: number | undefined = holdings.partial ? undefined : base.tag;
    for (const { number, delta, slots } of holdings.rows) {
      const member = base.members[number];
      if (member === undefined) return undefined;
      const { hex, id, count: from } = member;
      streams.push({ hex, from, to: from + delta, slots });
      if (tag !== undefined) tag ^= tagPart(id, from) ^ tagPart(id, from + delta);
    }
    for (const stranger of holdings.strangers) {
      const { hex, id } = this.#author(stranger);
      const { from, delta, slots } = stranger;
      streams.push({ hex, from, to: from + delta, slots });
      tag = tag === undefined || id === undefined ? undefined : tag ^ tagPart(id, from + delta);
    }
    return { base, partial: holdings.partial, streams, tag };
  }

  /** Somebody has news of so many authors beyond our base. */
  noteKnown(authors: number): void {
    this.#mostKnown = Math.max(this.#mostKnown, authors);
  }

  /** How much worse placed we are than the best that was heard of, in standard deviations of what chance does; 0 … 4. */
  get handicap(): number {
    this.#followBase();
    const own = this.#news.size;
    const most = Math.max(this.#mostKnown, own);
    return Math.min(4, (most - own) / Math.sqrt(0.2 * most + 0.01));
  }

  /** What of that the other lacks, and we hold. Empty where that can't be told. */
  lackedBy({ base, partial, streams }: Resolved): readonly Lack[] {
    if (partial) return [];
    const theirs = new Map(streams.map(({ hex, to }) => [hex, to]));
    return this.newsOver(base).flatMap((member) => {
      const from = theirs.get(member.hex) ?? countIn(base, member.hex);
      return member.count > from ? [{ member, from }] : [];
    });
  }

  /** True when it joins on to what we hold, is longer, and the shard would take it. */
  lacks({ hex, from, to }: Announced, nowMs: number): boolean {
    const held = this.vector.count(hex);
    return to > held && from <= held && this.refused.accepts(hex, nowMs);
  }

  /** Slots of all that, exactly; no more are reckoned than one answer takes. */
  async slotsFor(lacks: readonly Lack[]): Promise<number> {
    let slots = 0;
    for (const { member, from } of lacks) {
      const { hex, id, count: to } = member;
      const stream = await this.streams.fitting({ hex, id, from, to }, MAX_OFFER_SLOTS);
      slots += stream === undefined ? 0 : slotsOf(stream.bytes);
      if (slots >= MAX_OFFER_SLOTS) return MAX_OFFER_SLOTS;
    }
    return slots;
  }

  /** A stream of a packet with as much of it as we hold. */
  async part(stream: Announced, nowMs: number): Promise<Part> {
    const member = this.vector.member(stream.hex);
    if (member === undefined) {
      return { ...stream, bytes: new Uint8Array(), whole: false, wanted: this.lacks(stream, nowMs) };
    }
    const { count, id } = member;
    // Nobody has more of our own log, unless we came back from a backup: then theirs may be another history from its beginning.
    if (stream.to > count && stream.hex === toHex(this.shard.author.id)) {
      return { ...stream, bytes: new Uint8Array(), whole: false, wanted: this.lacks(stream, nowMs) };
    }
    const stretch = { hex: stream.hex, id, from: stream.from, to: stream.to };
    if (count >= stream.to) {
      const whole = await this.streams.whole(stretch);
      if (whole !== undefined && slotsOf(whole.bytes) === stream.slots) {
        return { ...stream, bytes: whole.bytes, whole: true, wanted: false };
      }
    }
    const bytes = await this.streams.beginning(stretch, count);
    return { ...stream, bytes, whole: false, wanted: this.lacks(stream, nowMs) };
  }

  #author({ author }: Stranger): { readonly hex: string; readonly id: Bytes | undefined } {
    const alike = this.vector.matching(author);
    const hex = alike.length === 1 ? alike[0] : undefined;
    const member = hex === undefined ? undefined : this.vector.member(hex);
    return { hex: hex ?? toHex(author), id: member?.id };
  }

  #followBase(): void {
    if (this.#newsBase === this.bases.current) return;
    this.#newsBase = this.bases.current;
    this.#news.clear();
    this.#mostKnown = 0;
    for (const { hex } of this.vector.members()) this.#noteNews(hex);
    for (const [hex, count] of this.#covered) {
      if (count <= countIn(this.#newsBase, hex)) this.#covered.delete(hex);
    }
  }

  #noteNews(hex: string): void {
    const member = this.vector.member(hex);
    if (member !== undefined && member.count > countIn(this.#newsBase, hex)) this.#news.set(hex, member);
    else this.#news.delete(hex);
  }
}

export function countIn(base: Base, hex: string): number {
  const number = base.numbers.get(hex);
  return number === undefined ? 0 : (base.members[number]?.count ?? 0);
}
