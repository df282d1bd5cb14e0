/**
 * The air between radios: who hears whom, how long a frame takes, what collides and what is lost.
 *
 * The model: frames last their LoRa time on air. A station hears the neighbours that it has links to. Two frames that
 * overlap at one station are both lost there (no capture effect); a station that sends hears nothing. What is left is
 * lost independently by the loss of its link. Carrier sense finds a frame only after some symbols, so two stations that
 * begin almost together do collide.
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import { timeOnAirUs, type LoraModulation } from "../radio/airtime.ts";
import { chance } from "../radio/chance.ts";
import type { AirLink } from "./topology.ts";

/** What is on the air: Meshtastic's header and the decoded `Data`. */
export interface AirFrame {
  readonly from: number;
  readonly to: number;
  readonly id: number;
  readonly hopLimit: number;
  readonly hopStart: number;
  readonly port: number;
  readonly payload: Uint8Array;
}

export interface Reception {
  readonly frame: AirFrame;
  readonly rssiDbm: number;
  readonly snrDb: number;
}

/** Counts since the start. */
export interface StationStats {
  readonly framesSent: number;
  readonly airtimeUs: number;
  readonly framesHeard: number;
  readonly collisions: number;
  /** Frames that came while the station itself sent. */
  readonly deaf: number;
  readonly losses: number;
}

export interface AirOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly modulation: LoraModulation;
  readonly links: readonly AirLink[];
}

interface Incoming {
  readonly startMs: number;
  readonly endMs: number;
  spoiled: "collision" | "deaf" | undefined;
}

interface Ear {
  readonly link: AirLink;
  readonly station: Station;
}

interface Station {
  readonly incoming: Set<Incoming>;
  readonly ears: Map<number, Ear>;
  readonly stats: { -readonly [K in keyof StationStats]: StationStats[K] };
  sendingUntilMs: number;
  /** Told of what was heard, and of every stretch of time in which the channel was in use. */
  listener: StationListener | undefined;
}

export interface StationListener {
  /** A whole frame. Must not throw. */
  heard(reception: Reception): void;
  /** The channel was in use for so long, until now. Must not throw. */
  used(durationMs: number): void;
}

/** Symbols until the radio's activity detection finds a preamble. */
const SENSE_SYMBOLS = 2;
const DEFAULT_SNR_DB = 6;
/** Noise floor at 250 kHz, roughly; only for display. */
const NOISE_DBM = -113;

export class Air {
  readonly modulation: LoraModulation;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #stations = new Map<number, Station>();
  readonly #senseMs: number;

  constructor(options: AirOptions) {
    this.modulation = options.modulation;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#senseMs = SENSE_SYMBOLS * symbolMs(options.modulation);
    for (const link of options.links) this.setLink(link);
  }

  get stations(): readonly number[] {
    return [...this.#stations.keys()];
  }

  /** Adds a link, or replaces the one between the same two. A loss of 1 cuts it. */
  setLink(link: AirLink): void {
    const a = this.#station(link.a);
    const b = this.#station(link.b);
    if (link.loss < 1) {
      a.ears.set(link.b, { link, station: b });
      b.ears.set(link.a, { link, station: a });
    } else {
      a.ears.delete(link.b);
      b.ears.delete(link.a);
    }
  }

  listen(number: number, listener: StationListener): void {
    this.#station(number).listener = listener;
  }

  stats(number: number): StationStats {
    return { ...this.#station(number).stats };
  }

  /** How long the channel is known to be in use, as this station hears it, in ms; 0 when it is free. */
  busyForMs(number: number): number {
    const station = this.#station(number);
    const nowMs = this.#clock.monotonicMs();
    let untilMs = station.sendingUntilMs;
    for (const { startMs, endMs } of station.incoming) {
      if (nowMs - startMs >= this.#senseMs) untilMs = Math.max(untilMs, endMs);
    }
    return Math.max(untilMs - nowMs, 0);
  }

  /** Sends at once, whatever else is on the air; resolves when the last symbol is out. Never rejects. */
  async transmit(number: number, frame: AirFrame, frameBytes: number, signal: AbortSignal): Promise<void> {
    const station = this.#station(number);
    const airtimeUs = timeOnAirUs(frameBytes, this.modulation);
    const startMs = this.#clock.monotonicMs();
    const endMs = startMs + airtimeUs / 1000;
    station.sendingUntilMs = endMs;
    station.stats.framesSent++;
    station.stats.airtimeUs += airtimeUs;
    for (const incoming of station.incoming) incoming.spoiled ??= "deaf";
    // The neighbours of now: a link that changes meanwhile counts from the next frame on.
    const arrivals = [...station.ears.values()].map((ear) => ({ ear, incoming: arrive(ear.station, startMs, endMs) }));
    await this.#clock.sleep(endMs - startMs, signal);
    station.sendingUntilMs = 0;
    for (const { ear, incoming } of arrivals) ear.station.incoming.delete(incoming);
    if (signal.aborted) return;
    station.listener?.used(endMs - startMs);
    for (const { ear, incoming } of arrivals) this.#deliver(ear, incoming, frame);
  }

  #deliver({ link, station }: Ear, incoming: Incoming, frame: AirFrame): void {
    station.listener?.used(incoming.endMs - incoming.startMs);
    if (incoming.spoiled === "collision") station.stats.collisions++;
    else if (incoming.spoiled === "deaf") station.stats.deaf++;
    else if (chance(this.#random) < link.loss) station.stats.losses++;
    else {
      station.stats.framesHeard++;
      const snrDb = link.snrDb ?? DEFAULT_SNR_DB;
      station.listener?.heard({ frame, snrDb, rssiDbm: Math.round(NOISE_DBM + snrDb) });
    }
  }

  #station(number: number): Station {
    let station = this.#stations.get(number);
    if (station === undefined) {
      station = {
        incoming: new Set(),
        ears: new Map(),
        stats: { framesSent: 0, airtimeUs: 0, framesHeard: 0, collisions: 0, deaf: 0, losses: 0 },
        sendingUntilMs: 0,
        listener: undefined,
      };
      this.#stations.set(number, station);
    }
    return station;
  }
}

/** Length of a symbol in ms. */
export function symbolMs(modulation: LoraModulation): number {
  return (2 ** modulation.spreadingFactor / modulation.bandwidthHz) * 1000;
}

function arrive(station: Station, startMs: number, endMs: number): Incoming {
  const incoming: Incoming = { startMs, endMs, spoiled: undefined };
  if (station.sendingUntilMs > startMs) incoming.spoiled = "deaf";
  for (const other of station.incoming) {
    other.spoiled ??= "collision";
    incoming.spoiled ??= "collision";
  }
  station.incoming.add(incoming);
  return incoming;
}
