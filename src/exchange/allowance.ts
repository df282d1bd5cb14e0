/**
 * What one thing may cost the air in an hour: a block, whoever asks for it how often; an asker, whatever it asks for.
 * @module
 */
import { keepRecent } from "../kernel/recent.ts";

export interface AllowanceRules {
  /** In multiples of what it takes to say it once. */
  readonly times: number;
  /** Packets more. */
  readonly smallChange: number;
}

/** Of one thing, for several askers who lose two of three, and for a few lost questions. */
export const THING_RULES: AllowanceRules = { times: 12, smallChange: 24 };
const HOUR_MS = 3_600_000;
/** Things that are accounted for, the last ones. */
const CAPACITY = 4_096;

interface Account {
  readonly sinceMs: number;
  readonly spent: number;
}

export class HourlyAllowance {
  readonly #rules: AllowanceRules;
  readonly #accounts = new Map<string, Account>();

  constructor(rules: AllowanceRules = THING_RULES) {
    this.#rules = rules;
  }

  /** Packets that may still be said. @param once packets that it takes to say it once @param nowMs monotonic */
  left(key: string, once: number, nowMs: number): number {
    const { times, smallChange } = this.#rules;
    return Math.max(0, times * once + smallChange - this.#account(key, nowMs).spent);
  }

  /** So many packets are said, or owed. */
  spend(key: string, nowMs: number, packets = 1): void {
    const { sinceMs, spent } = this.#account(key, nowMs);
    keepRecent(this.#accounts, key, { sinceMs, spent: spent + packets }, CAPACITY);
  }

  /** It was worth it: not counted any more. */
  forget(key: string): void {
    this.#accounts.delete(key);
  }

  #account(key: string, nowMs: number): Account {
    const account = this.#accounts.get(key);
    return account === undefined || nowMs - account.sinceMs > HOUR_MS ? { sinceMs: nowMs, spent: 0 } : account;
  }
}
