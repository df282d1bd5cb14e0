/**
 * What this node holds of each author, as one tag, and the vectors of before that messages may refer to.
 *
 * The tag of a vector is the exclusive or, over its authors, of the first 3 bytes of SHA-256("caye vector 2" ‖ id ‖
 * count as u32): it changes with each entry at no cost that grows with the village. 0 is the vector of nothing.
 * @module
 */
import { ByteWriter, copyBytes, toHex, utf8, type Bytes } from "../../kernel/bytes.ts";
import { sha256 } from "../../dag/cid.ts";
import type { Shard } from "../../dag/shard.ts";

export interface Member {
  readonly hex: string;
  readonly id: Bytes;
  readonly count: number;
}

/** A vector that messages name by its tag. */
export interface Base {
  readonly tag: number;
  /** In the order of their ids: the place is the author's number. */
  readonly members: readonly Member[];
  /** Number of an author by its id in hex. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Entries of all together. */
  readonly total: number;
}

export const NOTHING: Base = { tag: 0, members: [], numbers: new Map(), total: 0 };

const DOMAIN = utf8("caye vector 2");
const SHORT_HEX = 8;

/** What an author's count adds to the tag; 0 for none. */
export function tagPart(id: Uint8Array, count: number): number {
  if (count === 0) return 0;
  const [a = 0, b = 0, c = 0] = sha256(DOMAIN, id, new ByteWriter().u32(count).finish());
  return (a << 16) | (b << 8) | c;
}

export class Vector {
  readonly #shard: Pick<Shard, "vector">;
  readonly #members = new Map<string, Member>();
  /** Ids in hex by their first 4 bytes. */
  readonly #short = new Map<string, readonly string[]>();
  #seen: ReturnType<Shard["vector"]> | undefined;
  #tag = 0;

  constructor(shard: Pick<Shard, "vector">) {
    this.#shard = shard;
  }

  get tag(): number {
    return this.#tag;
  }

  get size(): number {
    return this.#members.size;
  }

  /** In no order. */
  members(): IterableIterator<Member> {
    return this.#members.values();
  }

  member(hex: string): Member | undefined {
    return this.#members.get(hex);
  }

  count(hex: string): number {
    return this.#members.get(hex)?.count ?? 0;
  }

  /** Known authors whose ids begin with these bytes. */
  matching(start: Uint8Array): readonly string[] {
    const hex = toHex(start);
    const alike = this.#short.get(hex.slice(0, SHORT_HEX)) ?? [];
    return hex.length === SHORT_HEX ? alike : alike.filter((one) => one.startsWith(hex));
  }

  /**
   * Takes over what the shard says; the authors whose count has changed.
   * @param leave called before, if there are any
   */
  refresh(leave: () => void): readonly string[] {
    const now = this.#shard.vector();
    if (now === this.#seen) return [];
    this.#seen = now;
    const gone = new Set(this.#members.keys());
    const changed: Member[] = [];
    for (const { author, count } of now) {
      const hex = toHex(author);
      gone.delete(hex);
      if (this.count(hex) !== count) changed.push({ hex, id: copyBytes(author), count });
    }
    if (changed.length + gone.size > 0) leave();
    for (const member of changed) this.#set(member);
    // In quarantine: it is spread no more.
    for (const hex of gone) this.#remove(hex);
    return [...changed.map(({ hex }) => hex), ...gone];
  }

  toBase(): Base {
    const members = [...this.#members.values()].filter(({ count }) => count > 0);
    members.sort((a, b) => (a.hex < b.hex ? -1 : 1));
    const total = members.reduce((sum, { count }) => sum + count, 0);
    return { tag: this.#tag, members, numbers: new Map(members.map(({ hex }, i) => [hex, i])), total };
  }

  #set(member: Member): void {
    const { hex, id, count } = member;
    this.#tag ^= tagPart(id, this.count(hex)) ^ tagPart(id, count);
    if (!this.#members.has(hex)) {
      const short = hex.slice(0, SHORT_HEX);
      this.#short.set(short, [...(this.#short.get(short) ?? []), hex]);
    }
    this.#members.set(hex, member);
  }

  #remove(hex: string): void {
    const member = this.#members.get(hex);
    if (member === undefined) return;
    this.#tag ^= tagPart(member.id, member.count);
    this.#members.delete(hex);
    const short = hex.slice(0, SHORT_HEX);
    const left = (this.#short.get(short) ?? []).filter((one) => one !== hex);
    if (left.length === 0) this.#short.delete(short);
    else this.#short.set(short, left);
  }
}
