/** The sum of what happened in the last so many ms. @module */

export class SlidingSum {
  readonly #windowMs: number;
  /** Moment and amount in turn: plain numbers, since a busy air notes millions. */
  #entries: number[] = [];
  /** Entries before this index are over. */
  #first = 0;
  #sum = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(atMs: number, amount: number): void {
    this.#forget(atMs);
    this.#entries.push(atMs, amount);
    this.#sum += amount;
  }

  total(nowMs: number): number {
    this.#forget(nowMs);
    return this.#sum;
  }

  /** How long until the sum, with nothing added, is at most `limit`; 0 when it is already. */
  msUntilAtMost(limit: number, nowMs: number): number {
    let excess = this.total(nowMs) - limit;
    for (let i = this.#first; excess > 0; i += 2) {
      const [atMs, amount] = [this.#entries[i], this.#entries[i + 1]];
      if (atMs === undefined || amount === undefined) return 0;
      excess -= amount;
      if (excess <= 0) return atMs + this.#windowMs - nowMs;
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
      const atMs = this.#entries[this.#first];
      if (atMs === undefined || atMs > nowMs - this.#windowMs) break;
      this.#sum -= this.#entries[this.#first + 1] ?? 0;
      this.#first += 2;
    }
    if (this.#first === 0) return;
    if (this.#first === this.#entries.length) this.clear();
    else if (this.#first > 1000) {
      this.#entries = this.#entries.slice(this.#first);
      this.#first = 0;
    }
  }
}
