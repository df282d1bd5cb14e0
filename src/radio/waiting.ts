/**
 * A bounded queue ordered by priority, whose items may expire and replace each other.
 *
 * Within one priority flows take turns, so that one long file does not hold up another; within a flow the oldest goes
 * first. Whoever waits long goes up, so that the least is served at last.
 * @module
 */

export interface Waiting {
  /** Higher goes first. */
  readonly priority: number;
  /** From then on it is worthless and dropped. */
  readonly expiresAtMs?: number;
  /** A waiting item with the same key is replaced. */
  readonly key?: string;
  /** What it belongs to: a file, a peer. All items without one are one flow. */
  readonly flow?: string;
}

/**
 * `replaced`: it took the place of the one with its key. `dropped`: the queue is full of items that matter as much or
 * more. Otherwise `queued`; if the queue was full, the newest of the least important made room.
 */
export type Offer = "queued" | "dropped" | "replaced";

export interface Ageing {
  /** After each of these an item counts one priority higher. */
  readonly stepMs: number;
  /** But never higher than this by age alone. */
  readonly highest: number;
}

/** An item and the priority that it has come to by waiting. */
export interface Next<T> {
  readonly item: T;
  readonly rank: number;
}

interface Place<T> {
  item: T;
  readonly sinceMs: number;
}

/** So many flows are remembered to have had their turn. */
const REMEMBERED_FLOWS = 128;
const NO_AGEING: Ageing = { stepMs: Number.POSITIVE_INFINITY, highest: Number.NEGATIVE_INFINITY };

export class WaitingQueue<T extends Waiting> {
  readonly #capacity: number;
  readonly #ageing: Ageing;
  /** Oldest first. */
  readonly #places: Place<T>[] = [];
  /** When each flow had its last turn, the longest ago first. */
  readonly #turns = new Map<string, number>();
  #turn = 0;
  #dropped = 0;
  #expired = 0;

  /** @param capacity items, 1 or more */
  constructor(capacity: number, ageing: Ageing = NO_AGEING) {
    this.#capacity = capacity;
    this.#ageing = ageing;
  }

  get length(): number {
    return this.#places.length;
  }

  /** How many had to make room, or found none. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How many waited too long. */
  get expired(): number {
    return this.#expired;
  }

  /** @param nowMs from when on it ages; one that replaces another keeps its age */
  offer(item: T, nowMs: number): Offer {
    const same = item.key === undefined ? undefined : this.#places.find(({ item: { key } }) => key === item.key);
    if (same !== undefined) {
      same.item = item;
      return "replaced";
    }
    if (this.#places.length >= this.#capacity) {
      this.#dropped++;
      const loser = this.#loserTo(item, nowMs);
      if (loser < 0) return "dropped";
      this.#removeAt(loser);
    }
    this.#places.push({ item, sinceMs: nowMs });
    return "queued";
  }

  /** The item that goes next; undefined when none waits. What has expired is dropped first. */
  first(nowMs: number): Next<T> | undefined {
    this.#expire(nowMs);
    let best: Next<T> | undefined;
    for (const { item, sinceMs } of this.#places) {
      const rank = this.#rank(item, nowMs - sinceMs);
      if (
        best === undefined ||
        rank > best.rank ||
        (rank === best.rank && this.#turnOf(item) < this.#turnOf(best.item))
      )
        best = { item, rank };
    }
    return best;
  }

  /** Its flow had its turn. False when it is not, or no more, in the queue: it was replaced or cancelled meanwhile. */
  serve(item: T): boolean {
    const flow = item.flow ?? "";
    this.#turns.delete(flow);
    this.#turns.set(flow, ++this.#turn);
    for (const oldest of this.#turns.keys()) {
      if (this.#turns.size <= REMEMBERED_FLOWS) break;
      this.#turns.delete(oldest);
    }
    return this.remove(item);
  }

  /** False when it is not, or no more, in the queue. */
  remove(item: T): boolean {
    return this.#removeAt(this.#places.findIndex((place) => place.item === item));
  }

  cancel(key: string): boolean {
    return this.#removeAt(this.#places.findIndex(({ item }) => item.key === key));
  }

  #rank({ priority }: T, waitedMs: number): number {
    const { stepMs, highest } = this.#ageing;
    return Math.max(priority, Math.min(priority + Math.floor(waitedMs / stepMs), highest));
  }

  #turnOf({ flow = "" }: T): number {
    return this.#turns.get(flow) ?? 0;
  }

  /**
   * Which makes room: the newest of the least important, of the longest flow among these; as important as the newcomer
   * only when its flow has more than the newcomer's. −1: none.
   */
  #loserTo(newcomer: T, nowMs: number): number {
    const ranks = this.#places.map(({ item, sinceMs }) => this.#rank(item, nowMs - sinceMs));
    const least = Math.min(...ranks);
    if (newcomer.priority < least) return -1;
    const flowOf = ({ flow = "" }: T): string => flow;
    const lengths = new Map<string, number>();
    for (const [at, { item }] of this.#places.entries()) {
      if (ranks[at] === least) lengths.set(flowOf(item), (lengths.get(flowOf(item)) ?? 0) + 1);
    }
    const longest = Math.max(...lengths.values());
    const own = newcomer.priority === least ? (lengths.get(flowOf(newcomer)) ?? 0) + 1 : 0;
    if (own >= longest) return -1;
    return this.#places.findLastIndex(({ item }, at) => ranks[at] === least && lengths.get(flowOf(item)) === longest);
  }

  #removeAt(at: number): boolean {
    if (at < 0) return false;
    this.#places.splice(at, 1);
    return true;
  }

  #expire(nowMs: number): void {
    for (let at = this.#places.length - 1; at >= 0; at--) {
      const end = this.#places[at]?.item.expiresAtMs;
      if (end === undefined || end > nowMs) continue;
      this.#removeAt(at);
      this.#expired++;
    }
  }
}
