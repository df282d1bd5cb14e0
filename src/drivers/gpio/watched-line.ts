/**
 * An input, with the bounces of its contact taken out.
 *
 * The kernel notes edges by interrupt; here they are fetched from time to time by calls that return at once. A file of
 * libgpiod can't be waited for in Node's event loop, and a call that waits would hold one of its few threads for ever.
 * @module
 */
import type { Clock } from "../../ports/clock.ts";
import type { InputLine, InputWish, LineAddress } from "../../ports/gpio.ts";
import { gpioError } from "./failures.ts";
import type { Line } from "./library.ts";

/** A failing supply leaves a node some tenths of a second at least; measured costs: docs/board.md. */
const LOOK_EVERY_MS = 50;

export class WatchedLine implements InputLine {
  readonly #line: Line;
  readonly #address: LineAddress;
  readonly #debounceMs: number;
  readonly #clock: Clock;
  #active: boolean;
  #closed = false;

  /** @throws GpioFailure */
  constructor(line: Line, address: LineAddress, { debounceMs }: InputWish, clock: Clock) {
    this.#line = line;
    this.#address = address;
    this.#debounceMs = debounceMs;
    this.#clock = clock;
    this.#active = line.get();
  }

  get active(): boolean {
    return this.#active;
  }

  async change(signal: AbortSignal): Promise<boolean | undefined> {
    let unrestSinceMs: number | undefined;
    // At once: an edge may have come while nobody waited.
    for (let first = true; !signal.aborted && !this.#closed; first = false) {
      const edges = this.#reading((line) => line.takeEdges());
      const nowMs = this.#clock.monotonicMs();
      if (edges > 0 || first) unrestSinceMs = nowMs;
      if (unrestSinceMs !== undefined && nowMs - unrestSinceMs >= this.#debounceMs) {
        unrestSinceMs = undefined;
        const active = this.#reading((line) => line.get());
        if (active !== this.#active) {
          this.#active = active;
          return active;
        }
      }
      await this.#clock.sleep(this.#pauseMs(unrestSinceMs, nowMs), signal);
    }
    return undefined;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#line.release();
  }

  #pauseMs(unrestSinceMs: number | undefined, nowMs: number): number {
    if (unrestSinceMs === undefined) return LOOK_EVERY_MS;
    return Math.min(LOOK_EVERY_MS, unrestSinceMs + this.#debounceMs - nowMs);
  }

  #reading<T>(read: (line: Line) => T): T {
    try {
      return read(this.#line);
    } catch (error) {
      throw gpioError(error, this.#address, "reading the line");
    }
  }
}
