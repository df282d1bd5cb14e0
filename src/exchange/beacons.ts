/**
 * When this node says what it holds: Trickle on the agenda's time, and a beacon of as much as fits.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import type { Shard } from "../dag/shard.ts";
import { chance } from "../radio/chance.ts";
import { INDEX } from "../radio/priority.ts";
import { MAX_BEACON_AUTHORS, type Beacon } from "../wire/beacon.ts";
import { packBeacon } from "../wire/packing.ts";
import type { ExchangeParts } from "./parts.ts";
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
  readonly shard: Pick<Shard, "author" | "vector">;
  /** Relays to the nearest neighbour; undefined while nobody was heard, or when the distance can't be told. */
  readonly nearestHops: () => number | undefined;
  /** True while nobody was heard: agreement can't be told from loneliness then. */
  readonly alone: () => boolean;
}

/** Every so many beacons, one goes as far as relays take it. */
const FAR_EVERY = 4;

export class Beacons {
  readonly #ports: BeaconPorts;
  #trickle: Trickle | undefined;
  #turn = 0;
  #spoken = 0;

  constructor(ports: BeaconPorts) {
    this.#ports = ports;
  }

  start(): void {
    this.#adopt(startTrickle(this.#rules(), this.#nowMs(), this.#chance()));
  }

  /** Somebody said what we would say. */
  agrees(): void {
    if (this.#trickle !== undefined) this.#trickle = heardConsistent(this.#trickle);
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

  #speak(expiresInMs: number): void {
    const { air, count, shard } = this.#ports;
    if (this.#trickle === undefined || !maySpeak(this.#trickle, this.#rules())) return count("beacons_suppressed");
    // Who hears it tells it on in beacons of its own; only those behind radios without an agent need our far ones.
    const near = this.#ports.nearestHops() === 0 && this.#spoken++ % FAR_EVERY !== 0;
    const beacon = packBeacon(shard.author.id, this.#vector());
    air.say(beacon, { priority: INDEX, key: "beacon", expiresInMs, ...(near ? { hops: 0 } : {}) });
  }

  /** Own log first; the others take turns at being named, in case that they don't all fit. */
  #vector(): Beacon["vector"] {
    const { shard } = this.#ports;
    const ownHex = toHex(shard.author.id);
    const vector = shard.vector();
    const own = vector.filter(({ author }) => toHex(author) === ownHex);
    const others = vector.filter(({ author }) => toHex(author) !== ownHex);
    const turn = others.length === 0 ? 0 : (this.#turn++ * (MAX_BEACON_AUTHORS - 1)) % others.length;
    return [...own, ...others.slice(turn), ...others.slice(0, turn)];
  }

  #rules(): TrickleRules {
    const timing = this.#ports.air.timing();
    const doublings = this.#ports.alone() ? timing.lonelyDoublings : timing.beaconDoublings;
    return { minMs: timing.beaconMinMs, doublings, redundancy: timing.beaconRedundancy };
  }

  #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #chance(): number {
    return chance(this.#ports.random);
  }
}
