/**
 * Kindness on a busy channel: above a quarter of it everybody waits, the longer the fuller it is and the less it matters.
 * @module
 */
import { ALERT, ALERT_REPAIR, ANSWER, CHECKPOINT, INDEX, REQUEST } from "./priority.ts";
import type { Ratio } from "./regions.ts";

/** Where the firmware's own polite traffic falls silent. */
export const POLITE_UTILIZATION: Ratio = 0.25;
/**
 * On a channel that is full; on a fuller one than {@link POLITE_UTILIZATION} in proportion to the excess. Long waits cost
 * an answer its asker's patience, and then the question comes again: that serves nobody.
 */
const LONGEST_HOLD_MS: ReadonlyMap<number, number> = new Map([
  [CHECKPOINT, 600_000],
  [INDEX, 120_000],
  [ANSWER, 20_000],
  [REQUEST, 10_000],
  [ALERT_REPAIR, 5_000],
  [ALERT, 2_000],
]);
/** Whom people wait for goes before it becomes worthless; beacons that are too late are better not sent. */
const LAST_CALL_FROM: number = REQUEST;
const LAST_CALL_MS = 1_000;

export class ChannelHold {
  readonly #chance: () => number;
  #sinceMs: number | undefined;
  /** Between a half and all of the wait: neighbours who wait for the same moment must not meet in it. */
  #part = 1;

  /** @param chance evenly in 0 ≤ x < 1 */
  constructor(chance: () => number) {
    this.#chance = chance;
  }

  /**
   * How long the next packet is still to wait, in ms; 0: it may go. Never longer than for its priority on a full channel,
   * counted from the first wait since the last packet.
   * @param rank the priority, or what it has come to by its age
   * @param used of the channel
   * @param nowMs monotonic
   */
  waitMs(rank: number, used: Ratio, nowMs: number, expiresAtMs = Number.POSITIVE_INFINITY): number {
    if (used <= POLITE_UTILIZATION) {
      this.#sinceMs = undefined;
      return 0;
    }
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs;
      this.#part = (1 + this.#chance()) / 2;
    }
    const excess = (used - POLITE_UTILIZATION) / (1 - POLITE_UTILIZATION);
    // An alert's wait may be as short as none: it is there to part two neighbours who repeat the same one.
    const part = rank === ALERT ? 2 * this.#part - 1 : this.#part;
    const endMs = this.#sinceMs + part * excess * (LONGEST_HOLD_MS.get(rank) ?? 0);
    const lastMs = rank >= LAST_CALL_FROM ? expiresAtMs - LAST_CALL_MS : Number.POSITIVE_INFINITY;
    return Math.max(0, Math.min(endMs, lastMs) - nowMs);
  }

  /** A packet went: the wait begins anew. */
  release(): void {
    this.#sinceMs = undefined;
  }
}
