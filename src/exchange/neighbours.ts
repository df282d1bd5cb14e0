/**
 * Who was heard, and what each said that it holds. Claims, not facts: they decide whom to ask, never what to believe.
 * @module
 */
import { keepRecent } from "../kernel/recent.ts";

/** Entries by author id (hex), as last claimed. */
export interface Claims {
  get(authorHex: string): number | undefined;
}

export interface Neighbour {
  /** Author id in hex; while that was not told, the radio's number in 8 hex digits. */
  readonly author: string;
  readonly heardAtMs: number;
  /** Relays between it and us, as it was last heard; undefined when the radio can't tell. */
  readonly hops: number | undefined;
  readonly claims: Claims;
}

/** What a packet told about its sender; what it did not tell stays as it was. */
export interface Sign {
  readonly radio: number;
  readonly hops: number | undefined;
  readonly author?: string;
  readonly claims?: Claims;
}

/** At most this many neighbours, the last heard ones; a cell of more can't share 850 bit/s. */
const MAX_NEIGHBOURS = 256;
/** Who was silent for so long is no listener to reckon with. */
const LISTENS_MS = 3 * 3_600_000;
const NO_CLAIMS: Claims = new Map<string, number>();

export class Neighbours {
  readonly #heard = new Map<number, Neighbour>();

  /** @param nowMs monotonic @returns true when it was not known before */
  note({ radio, hops, author, claims }: Sign, nowMs: number): boolean {
    const before = this.#heard.get(radio);
    const name = author ?? before?.author ?? radio.toString(16).padStart(8, "0");
    keepRecent(
      this.#heard,
      radio,
      { author: name, heardAtMs: nowMs, hops, claims: claims ?? before?.claims ?? NO_CLAIMS },
      MAX_NEIGHBOURS,
    );
    return before === undefined;
  }

  /** As whom that radio spoke: see {@link Neighbour.author}. */
  authorOf(radio: number): string | undefined {
    return this.#heard.get(radio)?.author;
  }

  get size(): number {
    return this.#heard.size;
  }

  /** How many may be listening next door. */
  near(nowMs: number): number {
    let near = 0;
    for (const { hops, heardAtMs } of this.#heard.values()) {
      if ((hops ?? 0) === 0 && nowMs - heardAtMs < LISTENS_MS) near++;
    }
    return near;
  }

  /** Relays to the nearest one; undefined when nobody was heard, or one whose distance can't be told. */
  nearestHops(): number | undefined {
    return leastHops([...this.#heard.values()]);
  }

  /** Relays to that author's own node, if it was heard; undefined too when the distance can't be told. */
  hopsTo(authorHex: string): number | undefined {
    for (const { author, hops } of this.#heard.values()) if (author === authorHex) return hops;
    return undefined;
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
