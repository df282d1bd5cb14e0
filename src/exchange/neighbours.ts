/**
 * Who was heard, and what each said that it holds. Claims, not facts: they decide whom to ask, never what to believe.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import type { Beacon } from "../wire/beacon.ts";

export interface Neighbour {
  readonly author: string;
  readonly heardAtMs: number;
  /** Relays between it and us, as its last beacon came; undefined when the radio can't tell. */
  readonly hops: number | undefined;
  /** Entries by author id (hex), as last claimed. */
  readonly claims: ReadonlyMap<string, number>;
}

/** At most this many neighbours, the last heard ones; a cell of more can't share 850 bit/s. */
const MAX_NEIGHBOURS = 256;
/** Authors whose claims are remembered of one neighbour. */
const MAX_CLAIMS = 1_024;

export class Neighbours {
  readonly #heard = new Map<string, Neighbour>();

  /** @param nowMs monotonic */
  note(beacon: Beacon, nowMs: number, hops: number | undefined): void {
    const author = toHex(beacon.sender);
    const before = beacon.partial ? (this.#heard.get(author)?.claims ?? []) : [];
    const claims = new Map<string, number>(before);
    for (const row of beacon.vector) {
      if (claims.size < MAX_CLAIMS) claims.set(toHex(row.author), row.count);
    }
    // Deleted first, so that a Map's insertion order is the order of last hearing.
    this.#heard.delete(author);
    this.#heard.set(author, { author, heardAtMs: nowMs, hops, claims });
    const oldest = this.#heard.keys().next();
    if (this.#heard.size > MAX_NEIGHBOURS && oldest.done !== true) this.#heard.delete(oldest.value);
  }

  /** The longest log of an author that any neighbour claims to hold; 0 when nobody does. */
  longestClaim(authorHex: string): number {
    let longest = 0;
    for (const { claims } of this.#heard.values()) longest = Math.max(longest, claims.get(authorHex) ?? 0);
    return longest;
  }

  /** Relays to the nearest one; undefined when nobody was heard, or one whose distance can't be told. */
  nearestHops(): number | undefined {
    return leastHops([...this.#heard.values()]);
  }

  /** Relays to that author's own node, if it was heard; undefined too when the distance can't be told. */
  hopsTo(authorHex: string): number | undefined {
    return this.#heard.get(authorHex)?.hops;
  }

  /** Relays to the nearest one who claims to hold that entry; undefined when nobody does, or the distance can't be told. */
  hopsToHolder(authorHex: string, seq: number): number | undefined {
    return leastHops([...this.#heard.values()].filter(({ claims }) => (claims.get(authorHex) ?? 0) >= seq));
  }

  /** Forget all claims about an author: nobody could make them good. */
  disbelieve(authorHex: string): void {
    for (const [key, neighbour] of this.#heard) {
      const claims = new Map(neighbour.claims);
      if (claims.delete(authorHex)) this.#heard.set(key, { ...neighbour, claims });
    }
  }

  list(): readonly Neighbour[] {
    return [...this.#heard.values()];
  }
}

function leastHops(neighbours: readonly Neighbour[]): number | undefined {
  let least: number | undefined;
  for (const { hops } of neighbours) {
    if (hops === undefined) return undefined;
    least = Math.min(least ?? hops, hops);
  }
  return least;
}
