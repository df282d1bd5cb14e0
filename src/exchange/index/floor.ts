/**
 * Who has the floor: when the channel can be taken for free of index talk, and how long each kind of speaker waits then.
 *
 * First those ask who lack something, the neediest before the others; only when nobody asks, who has news tells of it.
 * Times are in ms on the monotonic clock.
 * @module
 */
import type { ExchangeParts } from "../parts.ts";
import { chance } from "../../radio/chance.ts";

/** A crowd larger than this waits no longer: by then the waits are as long as the talk. */
const CROWD = 50;
/** How much the need weighs against chance among askers. */
const NEED_WEIGHT = 3;
/** In packets: what separates the first two askers, and the first two who take over, on average, in a crowd. */
const ASK_RACE = 1;
const TAKE_OVER_RACE = 2.5;
const TAKE_OVER_RACE_EACH = 0.06;
/** How much a place weighs against chance among speakers. */
const PLACE_WEIGHT = 1.5;
/** Until its pace is known, each packet of a burst may take so many times its airtime. */
const SLOW_BURST = 2;
/** Slower than this no burst is, with relays between; and no longer silence is kept on one packet's word, which anybody can send. */
const SLOWEST_BURST = 4;
const MOST_BELIEVED = 12;
/** Longer than the longest burst of one offer takes in one cell. */
const PATIENCE = 100;
/** In packets: what a cell needs to come in step, and somewhat more. */
const FAR_PATIENCE = 300;

export class Floor {
  readonly #parts: Pick<ExchangeParts, "air" | "clock" | "random">;
  readonly #listeners: () => number;
  #burstUntilMs = 0;
  #last: { readonly radio: number; readonly left: number; readonly atMs: number } | undefined;

  constructor(parts: Pick<ExchangeParts, "air" | "clock" | "random">, listeners: () => number) {
    this.#parts = parts;
    this.#listeners = listeners;
  }

  /** A packet of a burst was heard. @returns packets of it that were lost since the last one heard */
  heardBurst(radio: number, left: number): number {
    const nowMs = this.#parts.clock.monotonicMs();
    const last = this.#last;
    const goesOn = last !== undefined && last.radio === radio && left < last.left && nowMs - last.atMs < 600_000;
    const steps = goesOn ? last.left - left : 0;
    const heardPaceMs = goesOn ? (nowMs - last.atMs) / steps : SLOW_BURST * this.packetMs;
    const paceMs = Math.min(heardPaceMs, SLOWEST_BURST * this.packetMs);
    this.#last = { radio, left, atMs: nowMs };
    this.#burstUntilMs = nowMs + Math.min(left, MOST_BELIEVED) * Math.max(1.1 * this.packetMs, 1.2 * paceMs);
    return goesOn ? steps - 1 : 0;
  }

  /** After so long a wait ends, however much talk there is: else who talks without end would silence all others. */
  get patienceMs(): number {
    return PATIENCE * this.packetMs;
  }

  /** So long somebody next door has time to learn what only a farther one has. */
  get farPatienceMs(): number {
    return FAR_PATIENCE * this.packetMs;
  }

  /** Time on air of a full packet. */
  get packetMs(): number {
    return this.#parts.air.packetMs;
  }

  /** Until the burst under way will have ended. */
  get busyMs(): number {
    return Math.max(0, this.#burstUntilMs - this.#parts.clock.monotonicMs());
  }

  /** Most askers have spoken by then, counted from the end of the talk. */
  get askWindowMs(): number {
    return this.#askRaceMs * (this.#lead + NEED_WEIGHT);
  }

  /** @param need 0 … 1, one's own lack beside the greatest that can be: the neediest comes first */
  askDelayMs(need: number): number {
    return this.busyMs + 0.15 * this.packetMs + this.#askRaceMs * this.#behind(NEED_WEIGHT * (1 - Math.min(1, need)));
  }

  /** Somebody speaks who lacks some of what we hold. @param handicap 0 … 4, how badly placed we are ourselves */
  takeOverDelayMs(handicap: number): number {
    const race = Math.min(TAKE_OVER_RACE, TAKE_OVER_RACE_EACH * this.#crowd);
    return (0.1 + race * this.#behind(PLACE_WEIGHT * handicap)) * this.packetMs;
  }

  /** @param handicap as above */
  speakDelayMs(handicap: number): number {
    const race = this.packetMs * Math.min(3, 0.3 + 0.3 * this.#crowd);
    return this.busyMs + 1.5 * this.packetMs + this.askWindowMs + race * this.#behind(PLACE_WEIGHT * handicap);
  }

  chance(): number {
    return chance(this.#parts.random);
  }

  /**
   * Of any number of rivals one is mostly well ahead of all others: the waits are a constant less an exponential, so that
   * the distance between the first two does not depend on how many there are.
   */
  #behind(handicap: number): number {
    return Math.max(0, this.#lead + handicap + Math.log(1 - this.chance()));
  }

  get #lead(): number {
    return 1 + Math.log(this.#crowd + 1);
  }

  /** What separates the first two askers, on average. */
  get #askRaceMs(): number {
    return this.packetMs * Math.min(ASK_RACE, 0.1 + 0.1 * this.#crowd);
  }

  get #crowd(): number {
    return Math.min(CROWD, this.#listeners());
  }
}
