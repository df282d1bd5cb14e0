/** The sum of what happened in the last so many ms. @module */

interface Entry {
  readonly atMs: number;
  readonly amount: number;
}

export class SlidingSum {
  readonly #windowMs: number;
  #entries: Entry[] = [];
  /** Entries before this index are over. */
  #first = 0;
  #sum = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(atMs: number, amount: number): void {
    this.#forget(atMs);
    this.#entries.push({ atMs, amount });
    this.#sum += amount;
  }

  total(nowMs: number): number {
    this.#forget(nowMs);
    return this.#sum;
  }

  /** How long until the sum, with nothing added, is at most `limit`; 0 when it is already. */
  msUntilAtMost(limit: number, nowMs: number): number {
    let excess = this.total(nowMs) - limit;
    for (let i = this.#first; excess > 0; i++) {
      const entry = this.#entries[i];
      if (entry === undefined) return 0;
      excess -= entry.amount;
      if (excess <= 0) return entry.atMs + this.#windowMs - nowMs;
    }
    return 0;
  }

  clear(): void {
    this.#entries = [];
    this.#first = 0;
    this.#sum = 0;
  }

  #forget(nowMs: number): void {
    for (;;) {
      const entry = this.#entries[this.#first];
      if (entry === undefined || entry.atMs > nowMs - this.#windowMs) break;
      this.#sum -= entry.amount;
      this.#first++;
    }
    if (this.#first === this.#entries.length) this.clear();
    else if (this.#first > 1000) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}
