/**
 * When a silent radio is reset: after some minutes, then after twice as many, and so on; after six resets that did not
 * help it is left alone. A radio that answers hears from the agent every half minute, so silence means that it hangs.
 * @module
 */
const MOST_IN_A_ROW = 6;
const MINUTE_MS = 60_000;

export class RadioReset {
  readonly #patienceMs: number;
  #wordMs: number;
  #frames = 0;
  #resetMs = Number.NEGATIVE_INFINITY;
  #inARow = 0;
  #total = 0;

  /** @param nowMs monotonic */
  constructor(minutes: number, nowMs: number) {
    this.#patienceMs = minutes * MINUTE_MS;
    this.#wordMs = nowMs;
  }

  /** Since the start. */
  get total(): number {
    return this.#total;
  }

  /** True when the radio is to be reset now. @param frames heard from the radio since the start: any number that grows */
  isDue(frames: number, nowMs: number): boolean {
    if (frames !== this.#frames) {
      this.#frames = frames;
      this.#wordMs = nowMs;
      // One word after a reset is not yet health.
      if (nowMs - this.#resetMs >= this.#patienceMs) this.#inARow = 0;
      return false;
    }
    const silentMs = nowMs - Math.max(this.#wordMs, this.#resetMs);
    if (this.#inARow >= MOST_IN_A_ROW || silentMs < this.#patienceMs * 2 ** this.#inARow) return false;
    this.#inARow++;
    this.#total++;
    this.#resetMs = nowMs;
    return true;
  }
}
