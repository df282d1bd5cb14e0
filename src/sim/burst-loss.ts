/**
 * Losses that come in bursts: the channel of E. Gilbert (1960) and E. Elliott (1963), in continuous time. A link is in a
 * good or a bad state, each for an exponentially distributed time.
 * @module
 */
import type { Random } from "../ports/random.ts";
import { uniform } from "./seeded-random.ts";

export interface BurstLoss {
  /** Mean length of a good and of a bad time in ms, above 0. */
  readonly goodMs: number;
  readonly badMs: number;
  /** Share of frames lost, 0 … 1; 0 and 1 when left out. */
  readonly goodLoss?: number;
  readonly badLoss?: number;
}

/** One direction of one link. Looked at only when a frame comes, so that a quiet link costs nothing. */
export class BurstChannel {
  readonly #burst: BurstLoss;
  #bad = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(burst: BurstLoss) {
    this.#burst = burst;
  }

  /** Whether the frame that comes now is lost. Moments must not go back. */
  loses(nowMs: number, random: Random): boolean {
    const { goodMs, badMs, goodLoss = 0, badLoss = 1 } = this.#burst;
    const badShare = badMs / (goodMs + badMs);
    // The state's memory fades at the sum of both rates; before the first look there is none.
    const memory = Math.exp(-(nowMs - this.#lookedMs) * (1 / goodMs + 1 / badMs));
    this.#lookedMs = nowMs;
    this.#bad = uniform(random) < badShare + ((this.#bad ? 1 : 0) - badShare) * memory;
    return uniform(random) < (this.#bad ? badLoss : goodLoss);
  }
}
