/**
 * What came of asking each radio: one whose words bring nothing is asked last, and after many questions in vain it is not
 * believed to hold anything for an hour. Anybody can say that he holds what does not exist.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";
import type { Ratio } from "../../radio/regions.ts";

const HOUR_MS = 3_600_000;
/** Radios that are remembered, those asked last. */
const CAPACITY = 256;
/** So many questions in vain are put down to loss. */
const PATIENT = 3;
/** With each further one the next best becomes so many times as good. */
const FACTOR = 4;
/** So many in an hour are enough, when nothing new comes at all; and when slots come, which anybody can make up, but no entries. */
const MOST_IN_VAIN = 30;
const MOST_WITHOUT_ENTRIES = 150;

interface Account {
  readonly sinceMs: number;
  /** Questions since anything new came, and since entries came. */
  readonly times: number;
  readonly all: number;
}

export class Credit {
  readonly #vain = new Map<number, Account>();

  /** A question to that radio. @param nowMs monotonic */
  asked(radio: number, nowMs: number): void {
    const { sinceMs, times, all } = this.#account(radio, nowMs) ?? { sinceMs: nowMs, times: 0, all: 0 };
    keepRecent(this.#vain, radio, { sinceMs, times: times + 1, all: all + 1 }, CAPACITY);
  }

  /** New slots came from it. @param nowMs monotonic */
  answered(radio: number, nowMs: number): void {
    const account = this.#account(radio, nowMs);
    if (account !== undefined) this.#vain.set(radio, { ...account, times: 0 });
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
    const account = this.#account(radio, nowMs);
    return account !== undefined && (account.times >= MOST_IN_VAIN || account.all >= MOST_WITHOUT_ENTRIES);
  }

  #account(radio: number, nowMs: number): Account | undefined {
    const account = this.#vain.get(radio);
    return account === undefined || nowMs - account.sinceMs >= HOUR_MS ? undefined : account;
  }
}
