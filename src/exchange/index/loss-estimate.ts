/**
 * How much of what is sent once a neighbour does not hear: learnt from what this node itself missed.
 * @module
 */
import type { Ratio } from "../../radio/regions.ts";

/** Before anything is known: as if of so many packets so many had been lost. */
const PRIOR_LOST = 1.2;
const PRIOR_SENT = 8;
/** What is long ago counts less and less: the memory of about so many packets. */
const MEMORY_PACKETS = 200;
const LEAST: Ratio = 0.01;
const MOST: Ratio = 0.8;

export class LossEstimate {
  #lost = PRIOR_LOST;
  #sent = PRIOR_SENT;

  get ratio(): Ratio {
    return Math.min(MOST, Math.max(LEAST, this.#lost / this.#sent));
  }

  note(lost: number, sent: number): void {
    this.#lost += lost;
    this.#sent += sent;
    if (this.#sent <= MEMORY_PACKETS) return;
    this.#lost *= MEMORY_PACKETS / this.#sent;
    this.#sent = MEMORY_PACKETS;
  }
}
