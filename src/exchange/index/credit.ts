/**
 * What came of asking each radio: one whose words bring nothing is asked last, and after many questions in vain it is not
 * believed to hold anything for an hour. Anybody can say that he holds what does not exist.
 * @module
 */
import type { Ratio } from "../../radio/regions.ts";

const HOUR_MS = 3_600_000;
/** Radios that are remembered, those asked last. */
const CAPACITY = 256;
/** So many questions in vain are put down to loss. */
const PATIENT = 3;
/** With each further one the next best becomes so many times as good. */
const FACTOR = 4;
/** So many in an hour are enough. */
const MOST_IN_VAIN = 30;

export class Credit {
  readonly #vain = new Map<number, { readonly times: number; readonly sinceMs: number }>();

  /** A question to that radio. @param nowMs monotonic */
  asked(radio: number, nowMs: number): void {
    const before = this.#account(radio, nowMs);
    this.#vain.delete(radio);
    this.#vain.set(radio, { sinceMs: before?.sinceMs ?? nowMs, times: (before?.times ?? 0) + 1 });
    const oldest = this.#vain.keys().next();
    if (this.#vain.size > CAPACITY && oldest.done !== true) this.#vain.delete(oldest.value);
  }

  /** Entries that it told of have come, and their author's signature held. */
  paid(radio: number): void {
    this.#vain.delete(radio);
  }

  /** How much its claims weigh beside those of others, above 0. @param nowMs monotonic */
  of(radio: number, nowMs: number): Ratio {
    return FACTOR ** Math.min(0, PATIENT - (this.#account(radio, nowMs)?.times ?? 0));
  }

  /** True when enough was asked for the hour. @param nowMs monotonic */
  isSpent(radio: number, nowMs: number): boolean {
    return (this.#account(radio, nowMs)?.times ?? 0) >= MOST_IN_VAIN;
  }

  #account(radio: number, nowMs: number): { readonly times: number; readonly sinceMs: number } | undefined {
    const account = this.#vain.get(radio);
    return account === undefined || nowMs - account.sinceMs >= HOUR_MS ? undefined : account;
  }
}
