/**
 * What one thing may cost the air in an hour, whoever asks for it how often.
 *
 * In multiples of what it takes to say it once: enough for several askers who lose two of three, and a little more, so
 * that small things are not stopped by a few lost questions.
 * @module
 */

const HOUR_MS = 3_600_000;
const TIMES_AN_HOUR = 12;
const SMALL_CHANGE = 24;
/** Things that are accounted for, the last ones. */
const CAPACITY = 4_096;

interface Account {
  readonly sinceMs: number;
  readonly spent: number;
}

export class HourlyAllowance {
  readonly #accounts = new Map<string, Account>();

  /** Packets that may still be said. @param once packets that it takes to say it once @param nowMs monotonic */
  left(key: string, once: number, nowMs: number): number {
    return Math.max(0, TIMES_AN_HOUR * once + SMALL_CHANGE - this.#account(key, nowMs).spent);
  }

  /** One packet is said. */
  spend(key: string, nowMs: number): void {
    const { sinceMs, spent } = this.#account(key, nowMs);
    this.#accounts.delete(key);
    this.#accounts.set(key, { sinceMs, spent: spent + 1 });
    const oldest = this.#accounts.keys().next();
    if (this.#accounts.size > CAPACITY && oldest.done !== true) this.#accounts.delete(oldest.value);
  }

  #account(key: string, nowMs: number): Account {
    const account = this.#accounts.get(key);
    return account === undefined || nowMs - account.sinceMs > HOUR_MS ? { sinceMs: nowMs, spent: 0 } : account;
  }
}
