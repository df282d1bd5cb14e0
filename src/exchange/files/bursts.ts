/**
 * How the bursts of one block stand, as a listener sees them: how many symbols were sent, how many came, when the last is
 * due. A value with steps; moments are monotonic ms.
 * @module
 */
import type { Coded } from "../../wire/coded.ts";

/** What a newly heard symbol says of those before it, to judge the way from its speaker. */
export interface Gap {
  readonly packets: number;
  readonly lost: number;
}

interface Burst {
  readonly from: number;
  readonly index: number;
  readonly left: number;
  readonly atMs: number;
}

const INDEXES = 256;
/** An author's stream begins with the block's own pieces: who hears one of these first knows what it has missed. */
const FIRST_OF_STREAM = 40;
/** The newest pace counts half: a channel that fills up makes a burst slower. */
const PACE_MEMORY = 0.5;

export class Bursts {
  /** Symbols that were sent so far, as far as that can be told, and those to come of the burst under way. */
  sent = 0;
  /** Of these, those that came. */
  heard = 0;
  #last: Burst | undefined;
  #paceMs: number | undefined;

  /** The radio that was heard last. */
  get speaker(): number | undefined {
    return this.#last?.from;
  }

  /** From one symbol to the next; undefined until two of a burst came. */
  get paceMs(): number | undefined {
    return this.#paceMs;
  }

  note({ index, left }: Coded, from: number, nowMs: number): Gap {
    const last = this.#last;
    this.#last = { from, index, left, atMs: nowMs };
    this.heard++;
    const step = last === undefined || last.from !== from ? 0 : (index - last.index + INDEXES) % INDEXES;
    if (last === undefined || step === 0 || step > last.left) {
      this.sent += 1 + left + (this.sent === 0 && index < FIRST_OF_STREAM ? index : 0);
      return { packets: 0, lost: 0 };
    }
    // A burst may have been made longer, or shorter, meanwhile.
    this.sent += step + left - last.left;
    const paceMs = (nowMs - last.atMs) / step;
    this.#paceMs = this.#paceMs === undefined ? paceMs : PACE_MEMORY * (this.#paceMs + paceMs);
    return { packets: step, lost: step - 1 };
  }

  /** When the last symbol of the burst is due; undefined before any came. @param leastMs the shortest pace there can be */
  endMs(leastMs: number): number | undefined {
    if (this.#last === undefined) return undefined;
    return this.#last.atMs + this.#last.left * Math.max(leastMs, this.#paceMs ?? 0);
  }
}
