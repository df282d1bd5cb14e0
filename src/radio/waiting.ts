/**
 * A bounded queue ordered by priority, oldest first within one, whose items may expire and replace each other.
 * @module
 */

export interface Waiting {
  /** Higher goes first. */
  readonly priority: number;
  /** From then on it is worthless and dropped. */
  readonly expiresAtMs?: number;
  /** A waiting item with the same key is replaced. */
  readonly key?: string;
}

/**
 * `replaced`: it took the place of the one with its key. `dropped`: the queue is full of items that matter as much or
 * more. Otherwise `queued`; if the queue was full, the newest of the least important made room.
 */
export type Offer = "queued" | "dropped" | "replaced";

export class WaitingQueue<T extends Waiting> {
  readonly #capacity: number;
  /** Oldest first. */
  readonly #items: T[] = [];
  #dropped = 0;
  #expired = 0;

  /** @param capacity items, 1 or more */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#items.length;
  }

  /** How many had to make room, or found none. */
  get dropped(): number {
    return this.#dropped;
  }

  /** How many waited too long. */
  get expired(): number {
    return this.#expired;
  }

  offer(item: T): Offer {
    const same = item.key === undefined ? -1 : this.#items.findIndex(({ key }) => key === item.key);
    if (same >= 0) {
      this.#items[same] = item;
      return "replaced";
    }
    if (this.#items.length >= this.#capacity) {
      this.#dropped++;
      const least = Math.min(...this.#items.map(({ priority }) => priority));
      if (item.priority <= least) return "dropped";
      this.#removeAt(this.#items.findLastIndex(({ priority }) => priority === least));
    }
    this.#items.push(item);
    return "queued";
  }

  /** The item that goes next; undefined when none waits. What has expired is dropped first. */
  first(nowMs: number): T | undefined {
    this.#expire(nowMs);
    let best: T | undefined;
    for (const item of this.#items) if (best === undefined || item.priority > best.priority) best = item;
    return best;
  }

  /** False when it is not, or no more, in the queue: it was replaced or cancelled meanwhile. */
  remove(item: T): boolean {
    return this.#removeAt(this.#items.indexOf(item));
  }

  cancel(key: string): boolean {
    return this.#removeAt(this.#items.findIndex((item) => item.key === key));
  }

  #removeAt(at: number): boolean {
    if (at < 0) return false;
    this.#items.splice(at, 1);
    return true;
  }

  #expire(nowMs: number): void {
    for (let at = this.#items.length - 1; at >= 0; at--) {
      const end = this.#items[at]?.expiresAtMs;
      if (end === undefined || end > nowMs) continue;
      this.#removeAt(at);
      this.#expired++;
    }
  }
}
