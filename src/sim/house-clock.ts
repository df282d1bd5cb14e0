/**
 * The clock of one simulated machine: it runs too fast or too slow, its wall clock jumps, and its monotonic clock begins
 * anew with each boot.
 * @module
 */
import type { Clock } from "../ports/clock.ts";

/** So much later than it was told does a timer of this machine go off: a microsecond. */
const LATE_MS = 0.001;

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
    // Never early, not even by a rounding: whoever then waits for the rest would wait without end.
    return this.#base.sleep(ms > 0 ? ms / this.rate + LATE_MS : 0, signal);
  }
}
