/**
 * Kindness on a busy channel: who holds back at which use of it, and for how long.
 * @module
 */
import { ALERT, ALERT_REPAIR, ANSWER, CHECKPOINT, INDEX, REQUEST, type Priority } from "./priority.ts";
import type { Ratio } from "./regions.ts";

/**
 * Above this use of the channel we hold back: the firmware's two limits, the lower one for what it sends by itself (our
 * index), the higher one for what people ask for and warn of.
 */
const POLITE_UTILIZATION: Ratio = 0.25;
const USER_UTILIZATION: Ratio = 0.4;
/**
 * By priority, index first: a hold lasts so long, then one packet goes. The radio reports the use of the last minute once
 * in a while, and one bad figure of a radio that reports no more must not silence the node; a question of ten bytes, for
 * which a person waits, weighs little on a channel however full.
 */
const LONGEST_HOLD_MS: Readonly<Record<Priority, number>> = {
  [CHECKPOINT]: 120_000,
  [INDEX]: 120_000,
  [ANSWER]: 10_000,
  [REQUEST]: 5_000,
  [ALERT_REPAIR]: 15_000,
  [ALERT]: 15_000,
};

export class ChannelHold {
  #sinceMs: number | undefined;

  /** True while a packet of that priority is to wait. @param used of the channel, as the radio reports @param nowMs monotonic */
  isFull(priority: Priority, used: Ratio, nowMs: number): boolean {
    if (used <= (priority <= INDEX ? POLITE_UTILIZATION : USER_UTILIZATION)) {
      // Between the two limits the index does not pass: its wait goes on.
      if (used <= POLITE_UTILIZATION) this.#sinceMs = undefined;
      return false;
    }
    this.#sinceMs ??= nowMs;
    return nowMs - this.#sinceMs < LONGEST_HOLD_MS[priority];
  }

  /** A packet went: the wait begins anew. */
  release(): void {
    this.#sinceMs = undefined;
  }
}
