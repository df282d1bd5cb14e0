/**
 * When this node says what it holds although nobody asks: Trickle on the agenda's time.
 * @module
 */
import type { ExchangeParts } from "./parts.ts";
import { chance } from "../radio/chance.ts";
import {
  endsMs,
  heardConsistent,
  heardInconsistent,
  maySpeak,
  nextInterval,
  startTrickle,
  type Trickle,
  type TrickleRules,
} from "./trickle.ts";

export interface BeaconPorts extends ExchangeParts {
  /** Relays to the nearest neighbour; undefined while nobody was heard, or when the distance can't be told. */
  readonly nearestHops: () => number | undefined;
  /** Agents next door. */
  readonly listeners: () => number;
  /** True while nobody was heard: agreement can't be told from loneliness then. */
  readonly alone: () => boolean;
  /** True while others talk about the index: they tell more than a beacon does. */
  readonly isBusy: () => boolean;
  readonly say: (hops: number | undefined, expiresInMs: number) => Promise<void>;
}

/** Every so many beacons, one goes as far as relays take it. */
const FAR_EVERY = 4;
/** So many beacons in a row are left out because others talk; then one is said all the same. */
const MOST_LEFT_OUT = 3;
/** So many listeners fit the shortest interval. */
const CALM = 8;

export class Beacons {
  readonly #ports: BeaconPorts;
  #trickle: Trickle | undefined;
  #spoken = 0;
  #leftOut = 0;

  constructor(ports: BeaconPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#adopt(startTrickle(this.#rules(), this.#nowMs(), this.#chance()));
  }

  /** Somebody said what we would say. */
  agrees(): void {
    if (this.#trickle === undefined) return;
    this.#trickle = heardConsistent(this.#trickle);
    // One that still waits for its turn on air is superfluous by now.
    if (!maySpeak(this.#trickle, this.#rules())) this.#ports.air.cancel("beacon");
  }

  /** Somebody holds something else than we do, or what we hold has changed. */
  differs(): void {
    if (this.#trickle === undefined) return;
    const reset = heardInconsistent(this.#trickle, this.#rules(), this.#nowMs(), this.#chance());
    if (reset !== this.#trickle) this.#adopt(reset);
  }

  #adopt(trickle: Trickle): void {
    const { agenda } = this.#ports;
    this.#trickle = trickle;
    agenda.set("beacon:speak", trickle.speakMs - this.#nowMs(), () => this.#speak(trickle.intervalMs));
    agenda.set("beacon:interval", endsMs(trickle) - this.#nowMs(), () =>
      this.#adopt(nextInterval(trickle, this.#rules(), this.#nowMs(), this.#chance())),
    );
  }

  async #speak(expiresInMs: number): Promise<void> {
    const { count, isBusy, say, nearestHops } = this.#ports;
    if (this.#trickle === undefined) return;
    if (!maySpeak(this.#trickle, this.#rules())) return count("beacons_suppressed");
    if (isBusy() && this.#leftOut++ < MOST_LEFT_OUT) return count("beacons_suppressed");
    this.#leftOut = 0;
    // Who hears it tells it on in beacons of its own; only those behind radios without an agent need our far ones.
    const near = nearestHops() === 0 && this.#spoken++ % FAR_EVERY !== 0;
    await say(near ? 0 : undefined, expiresInMs);
  }

  #rules(): TrickleRules {
    const timing = this.#ports.air.timing();
    const doublings = this.#ports.alone() ? timing.lonelyDoublings : timing.beaconDoublings;
    // In a crowd all begin anew at the same moment: half an interval must hold them.
    const minMs = timing.beaconMinMs * Math.max(1, this.#ports.listeners() / CALM);
    return { minMs, doublings, redundancy: timing.beaconRedundancy };
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #chance(): number {
    return chance(this.#ports.random);
  }
}
