/**
 * The clock of one simulated machine: it runs too fast or too slow, its wall clock jumps, and its monotonic clock begins
 * anew with each boot.
 * @module
 */
import type { Clock } from "../ports/clock.ts";

export class HouseClock implements Clock {
  /** How far the wall clock is off, in ms. */
  wallOffsetMs = 0;
  /** How fast it runs: 1 + 50e-6 gains 50 µs a second. */
  readonly rate: number;
  readonly #base: Clock;
  #bootMs: number;

  constructor(base: Clock, rate: number) {
    this.#base = base;
    this.rate = rate;
    this.#bootMs = base.monotonicMs();
  }

  /** Intervals are counted from now. */
  boot(): void {
    this.#bootMs = this.#base.monotonicMs();
  }

  nowMs(): number {
    return this.#base.nowMs() + this.wallOffsetMs;
  }

  monotonicMs(): number {
    return (this.#base.monotonicMs() - this.#bootMs) * this.rate;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#base.sleep(ms / this.rate, signal);
  }
}
