/** A clock that stands still until a test moves it. @module */
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../src/ports/clock.ts";

interface Sleeper {
  readonly untilMs: number;
  readonly wake: () => void;
}

export class FakeClock implements Clock {
  #monotonicMs: number;
  #wallOffsetMs: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(wallMs = 1_750_000_000_000, monotonicMs = 5_000) {
    this.#monotonicMs = monotonicMs;
    this.#wallOffsetMs = wallMs - monotonicMs;
  }

  /** How many wait: 0 once all that used the clock has ended. */
  get sleepers(): number {
    return this.#sleepers.size;
  }

  nowMs(): number {
    return this.#monotonicMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** The machine learns the time. */
  setWall(wallMs: number): void {
    this.#wallOffsetMs = wallMs - this.#monotonicMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const sleeper = { untilMs: this.#monotonicMs + ms, wake };
      this.#sleepers.add(sleeper);
      signal.addEventListener("abort", wake, { once: true });
    });
  }

  /** Lets all that can run now run, then wakes whoever is due, in order, until `ms` have passed. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      await setImmediate();
      const next = [...this.#sleepers].sort((a, b) => a.untilMs - b.untilMs)[0];
      if (next === undefined || next.untilMs > endMs) break;
      this.#monotonicMs = Math.max(this.#monotonicMs, next.untilMs);
      next.wake();
    }
    this.#monotonicMs = endMs;
    await setImmediate();
  }
}
