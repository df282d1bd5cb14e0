/**
 * Knobs by which a schedule of faults turns the air bad, for all radios or for some: loss beyond that of the links, bursts,
 * bytes that arrive changed, packets that a host is given twice or late.
 * @module
 */
import type { Random } from "../ports/random.ts";
import type { Ratio } from "../radio/regions.ts";
import { BurstChannel, type BurstLoss } from "./burst-loss.ts";
import { drawBelow, uniform } from "./seeded-random.ts";

/** What befalls the frames that a radio receives. All shares are 0 … 1, and 0 when left out. */
export interface Impairment {
  /** Frames lost beside all other losses. */
  readonly loss?: Ratio;
  /** Frames lost in bursts that hit all that this radio would hear. */
  readonly burst?: BurstLoss;
  /** Frames in which one byte is changed although the check sum was right. */
  readonly corruption?: Ratio;
  /** Packets that the host is given twice. */
  readonly duplication?: Ratio;
  /** Packets that reach the host late, so that others overtake them. */
  readonly reordering?: Ratio;
  /** The longest such delay; 5 s when left out. */
  readonly reorderMs?: number;
}

const DEFAULT_REORDER_MS = 5000;

/** What is in force at one radio. */
export class Impaired {
  readonly #random: Random;
  /** Since the start: frames lost in bursts, packets that came twice, and late. */
  readonly counts = { inBursts: 0, twice: 0, late: 0 };
  #now: Impairment = {};
  #burst: BurstChannel | undefined;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Replaces all that was set before; `{}` mends. */
  set(impairment: Impairment): void {
    this.#now = impairment;
    this.#burst = impairment.burst === undefined ? undefined : new BurstChannel(impairment.burst);
  }

  loses(nowMs: number): boolean {
    // Both are asked, so that the state of the burst goes on.
    const inBurst = this.#burst?.loses(nowMs, this.#random) ?? false;
    if (inBurst) this.counts.inBursts++;
    return this.#happens(this.#now.loss) || inBurst;
  }

  corrupts(): boolean {
    return this.#happens(this.#now.corruption);
  }

  /** How long after its arrival each copy reaches the host, in ms: mostly once, and at once. */
  deliveriesMs(): readonly number[] {
    const { duplication, reordering, reorderMs = DEFAULT_REORDER_MS } = this.#now;
    if (duplication === undefined && reordering === undefined) return AT_ONCE;
    const delay = (): number => (this.#happens(reordering) ? drawBelow(this.#random, reorderMs + 1) : 0);
    const delays = this.#happens(duplication) ? [delay(), delay()] : [delay()];
    if (delays.length > 1) this.counts.twice++;
    if (delays.some((ms) => ms > 0)) this.counts.late++;
    return delays;
  }

  /** Draws only where there is something to decide: a knob that is off changes no run. */
  #happens(share: Ratio | undefined): boolean {
    return share !== undefined && share > 0 && uniform(this.#random) < share;
  }
}

const AT_ONCE: readonly number[] = [0];
