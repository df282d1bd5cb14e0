/**
 * How this node asks for everything (PULL), while somebody speaks of a base that it does not know: of several that stand
 * where it does one asks, and it asks again until somebody tells all that it holds in words that it knows.
 * @module
 */
import { REQUEST } from "../../radio/priority.ts";
import { MAX_PULL_BASES, MAX_PULL_TRIES, type Pull } from "../../wire/pull.ts";
import { HourlyAllowance, type AllowanceRules } from "../allowance.ts";
import { TRIES_A_RELAY, type ExchangeParts, type Origin } from "../parts.ts";
import type { Floor } from "./floor.ts";
import { isFarther } from "./holders.ts";
import { MAX_NAMED, namedRows } from "./named-rows.ts";
import { countIn, type IndexState } from "./state.ts";

export interface PullerPorts extends ExchangeParts {
  readonly state: IndexState;
  readonly floor: Floor;
}

const KEY = "index:pull";
/** So many fruitless ones in a row; the next base that is not known begins anew. */
const MAX_PULLS = 8;
const MOST_DOUBLINGS = 5;
/** In vain because of one radio's unknown bases, in an hour; and because of all radios' together. */
const PULLS: AllowanceRules = { times: 10, smallChange: 0 };
const ALL_RADIOS = 4;
const ANYBODY = "anybody";

export class Puller {
  readonly #ports: PullerPorts;
  readonly #inVain = new HourlyAllowance(PULLS);
  /** The last base that somebody named and we don't know, and who did; undefined once there is none. */
  #unknown: { readonly base: number; readonly radio: number } | undefined;
  #tries = 0;

  constructor(ports: PullerPorts) {
    this.#ports = ports;
  }

  /** That radio names a base that we do not know. False when we ask already, or did too often in vain. */
  heardUnknown(base: number, { from, hops }: Origin): boolean {
    const { agenda, floor, state } = this.#ports;
    if (agenda.has(KEY)) {
      this.#unknown = { base, radio: this.#unknown?.radio ?? from };
      return false;
    }
    this.#unknown = { base, radio: from };
    if (!this.#mayAsk(from)) return false;
    const isFar = isFarther(hops, state.neighbours.nearestHops());
    const waitMs = floor.askDelayMs(0.5 * floor.chance()) + (isFar ? floor.farPatienceMs : 0);
    agenda.set(KEY, waitMs, () => this.#ask());
    return true;
  }

  /** Something came that we understand. @param isAll false when it is a part of what its sender holds: there may be more */
  understood(isAll: boolean): void {
    const { agenda, air } = this.#ports;
    const wasAsking = agenda.has(KEY);
    air.cancel(KEY);
    this.#tries = 0;
    if (isAll || this.#unknown === undefined) this.#resolved();
    else if (wasAsking) this.#askAgain();
  }

  /** Another asks who holds just what we do: the answer serves us, too. */
  heardPull({ bases }: Pull, { hops }: Origin): void {
    const { agenda, air, state } = this.#ports;
    if (bases[0] !== state.vector.tag || !agenda.has(KEY)) return;
    if (isFarther(hops, state.neighbours.nearestHops())) return;
    air.cancel(KEY);
    this.#askAgain();
  }

  /** Entries came from coded slots of that radio: it was not asked in vain. */
  harvestedFrom(radio: number): void {
    for (const key of [`${radio}`, ANYBODY]) this.#inVain.forget(key);
  }

  #ask(): void {
    const { state, air, clock, count } = this.#ports;
    if (this.#unknown === undefined || state.bases.find(this.#unknown.base) !== undefined) return this.#resolved();
    // First what was named meanwhile.
    if (state.gathering.needed > 0) return this.#askAgain();
    const { radio } = this.#unknown;
    if (this.#tries >= MAX_PULLS || !this.#mayAsk(radio)) {
      count("pulls_given_up");
      this.#tries = 0;
      return;
    }
    const nearest = state.neighbours.nearestHops();
    air.say(this.#question(), {
      priority: REQUEST,
      key: KEY,
      hops: air.reach(nearest === undefined ? undefined : nearest + Math.floor(this.#tries / TRIES_A_RELAY)),
      onSent: () => count("pulls_said"),
    });
    for (const key of [`${radio}`, ANYBODY]) this.#inVain.spend(key, clock.monotonicMs());
    this.#askAgain();
  }

  #askAgain(): void {
    const { agenda, floor } = this.#ports;
    this.#tries++;
    const waitMs = floor.busyMs + 4 * floor.packetMs + (1 + floor.chance()) * floor.askWindowMs;
    agenda.set(KEY, waitMs * 2 ** Math.min(this.#tries, MOST_DOUBLINGS), () => this.#ask());
  }

  #resolved(): void {
    this.#unknown = undefined;
    this.#ports.agenda.cancel(KEY);
  }

  #mayAsk(radio: number): boolean {
    const nowMs = this.#ports.clock.monotonicMs();
    return this.#inVain.left(`${radio}`, 1, nowMs) > 0 && this.#inVain.left(ANYBODY, ALL_RADIOS, nowMs) > 0;
  }

  /** Of the authors only those of whom more is held than in the base that others probably know. */
  #question(): Pull {
    const { vector, bases } = this.#ports.state;
    const tries = Math.min(MAX_PULL_TRIES, this.#tries);
    const { current } = bases;
    const beyond = [...vector.members()].filter(({ hex, count }) => count > countIn(current, hex));
    // No room for all: somebody is to tell what there is.
    if (beyond.length > MAX_NAMED) return { type: "pull", tries, bases: [], partial: true, vector: [] };
    return { type: "pull", tries, bases: bases.tags(MAX_PULL_BASES), partial: false, vector: namedRows(beyond) };
  }
}
