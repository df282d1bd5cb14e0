/**
 * The air between radios: who hears whom, how long a frame takes, what collides and what is lost.
 *
 * The model: frames last their LoRa time on air. A station hears the neighbours that it has links to. What overlaps at one
 * station is told in `reception.ts`; a station that sends hears nothing. What is left is lost by the link: by chance,
 * in bursts, or in the noise (`propagation.ts`); or as an oracle says. Carrier sense finds a frame only after the two
 * symbols that the radio scans, so two stations that begin almost together do collide, and stations that can't hear each
 * other never know. All stations use one modulation: others, which are nearly orthogonal, would be an air of their own.
 * @module
 */
import type { Random } from "../ports/random.ts";
import { timeOnAirUs, type LoraModulation } from "../radio/airtime.ts";
import { BurstChannel } from "./burst-loss.ts";
import { Impaired, type Impairment } from "./impairment.ts";
import { corrupted, type AirFrame } from "./mesh-frame.ts";
import { noiseDbm, noiseLoss, normal } from "./propagation.ts";
import { Incoming, type Span } from "./reception.ts";
import { uniform } from "./seeded-random.ts";
import type { Timetable } from "./timetable.ts";
import type { AirLink } from "./topology.ts";

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
  /** Of those heard: that were strong enough to drown others. */
  readonly captures: number;
  /** Of those heard: that arrived changed. */
  readonly corrupted: number;
  /** Frames that came while the station itself sent. */
  readonly deaf: number;
  readonly losses: number;
  /** Of those lost: in bursts that hit the station. */
  readonly inBursts: number;
  /** Packets that its host was given twice, and later than they came. */
  readonly twice: number;
  readonly late: number;
  /** Of those sent: with firmware 2.8's signature. */
  readonly signed: number;
}

/** What the air itself counts of a station. */
type OwnStats = Omit<StationStats, "inBursts" | "twice" | "late">;

/** A frame that goes on the air now. */
export interface SentFrame {
  /** Monotonic. */
  readonly atMs: number;
  /** The station that sends it. */
  readonly station: number;
  /** Who made it: another than the station when it is relayed. */
  readonly from: number;
  readonly to: number;
  readonly id: number;
  readonly port: number;
  /** Not to be changed. */
  readonly payload: Uint8Array;
  readonly hopLimit: number;
  readonly relayed: boolean;
  readonly frameBytes: number;
  readonly airtimeUs: number;
}

/**
 * Says whether a frame is lost between two stations, in place of chance: so that two ways of sending can be compared
 * under the very same losses. `ordinal` counts the frames that `from` has put on the air, from 0. Must give the same
 * answer each time. Collisions, and a receiver that sends itself, come before it.
 */
export type LossOracle = (from: number, to: number, ordinal: number, payload: Uint8Array) => boolean;

export interface AirOptions {
  readonly timetable: Timetable;
  readonly random: Random;
  readonly modulation: LoraModulation;
  readonly links: readonly AirLink[];
  readonly losesBy?: LossOracle;
}

interface Ear {
  readonly link: AirLink;
  readonly station: Station;
  readonly burst: BurstChannel | undefined;
}

interface Arrival {
  readonly ear: Ear;
  readonly incoming: Incoming;
  readonly snrDb: number;
}

interface Sending {
  readonly number: number;
  readonly ordinal: number;
  readonly frame: AirFrame;
  readonly frameBytes: number;
  readonly cut: boolean;
}

interface Station {
  readonly number: number;
  /** What may be heard, and what is too weak and only disturbs. */
  readonly incoming: Incoming[];
  readonly noises: Incoming[];
  readonly ears: Map<number, Ear>;
  readonly stats: { -readonly [K in keyof OwnStats]: OwnStats[K] };
  readonly impaired: Impaired;
  sendingUntilMs: number;
  sending: { cut: boolean } | undefined;
  listener: StationListener | undefined;
}

export interface StationListener {
  /** A whole frame. Must not throw. */
  heard(reception: Reception): void;
  /** A frame, heard or spoiled or the station's own, has ended: the channel was in use for so long. Must not throw. */
  used(durationMs: number): void;
}

/** `NUM_SYM_CAD` (`src/mesh/RadioInterface.h`): symbols that the radio scans for a preamble before it sends. */
const SENSE_SYMBOLS = 2;
/** Symbols of the preamble that a receiver needs (M. Bor et al., MSWiM 2016). */
const LOCK_SYMBOLS = 5;
const DEFAULT_SNR_DB = 6;

export class Air {
  readonly modulation: LoraModulation;
  readonly #timetable: Timetable;
  readonly #random: Random;
  readonly #losesBy: LossOracle | undefined;
  readonly #stations = new Map<number, Station>();
  readonly #watchers = new Set<(sent: SentFrame) => void>();
  readonly #senseMs: number;
  readonly #noiseDbm: number;

  constructor(options: AirOptions) {
    this.modulation = options.modulation;
    this.#timetable = options.timetable;
    this.#random = options.random;
    this.#losesBy = options.losesBy;
    this.#senseMs = SENSE_SYMBOLS * symbolMs(options.modulation);
    this.#noiseDbm = noiseDbm(options.modulation.bandwidthHz);
    for (const link of options.links) this.setLink(link);
  }

  /** Adds a link, or replaces the one between the same two. A loss of 1 cuts it. */
  setLink(link: AirLink): void {
    const a = this.#station(link.a);
    const b = this.#station(link.b);
    setEar(a, b, link);
    if (link.oneWay !== true) setEar(b, a, link);
  }

  listen(number: number, listener: StationListener): void {
    this.#station(number).listener = listener;
  }

  /** Must not throw. Returns how to leave. */
  watch(watcher: (sent: SentFrame) => void): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** What befalls frames from now on at these stations, or at all that there are. */
  impair(impairment: Impairment, numbers: Iterable<number> = this.#stations.keys()): void {
    for (const number of numbers) this.#station(number).impaired.set(impairment);
  }

  /** See {@link Impaired.deliveriesMs}. */
  deliveriesMs(number: number): readonly number[] {
    return this.#station(number).impaired.deliveriesMs();
  }

  stats(number: number): StationStats {
    const { stats, impaired } = this.#station(number);
    return { ...stats, ...impaired.counts };
  }

  /** How long the channel is known to be in use, as this station hears it, in ms; 0 when it is free. */
  busyForMs(number: number): number {
    const station = this.#station(number);
    const nowMs = this.#timetable.nowMs();
    let untilMs = station.sendingUntilMs;
    for (const { span } of station.incoming) {
      if (nowMs - span.startMs >= this.#senseMs) untilMs = Math.max(untilMs, span.endMs);
    }
    return Math.max(untilMs - nowMs, 0);
  }

  /** Sends at once, whatever else is on the air, and calls back when the last symbol is out. */
  transmit(number: number, frame: AirFrame, frameBytes: number, done: () => void): void {
    const station = this.#station(number);
    const airtimeUs = timeOnAirUs(frameBytes, this.modulation);
    const startMs = this.#timetable.nowMs();
    const endMs = startMs + airtimeUs / 1000;
    const lockSymbols = Math.max(this.modulation.preambleSymbols - LOCK_SYMBOLS, 0);
    const span = { startMs, endMs, criticalMs: startMs + lockSymbols * symbolMs(this.modulation) };
    const sending = { cut: false };
    const ordinal = station.stats.framesSent++;
    station.sending = sending;
    station.sendingUntilMs = endMs;
    station.stats.airtimeUs += airtimeUs;
    if (frame.signed === true && frame.from === number) station.stats.signed++;
    for (const incoming of station.incoming) incoming.deafen();
    this.#tell(number, frame, frameBytes, airtimeUs);
    // The neighbours of now: a link that changes meanwhile counts from the next frame on.
    const arrivals: Arrival[] = [];
    for (const ear of station.ears.values()) arrivals.push(this.#arrive(ear, span));
    this.#timetable.after(endMs - startMs, () => {
      if (station.sending === sending) station.sending = undefined;
      for (const arrival of arrivals) leave(arrival);
      station.listener?.used(endMs - startMs);
      const sent = { number, ordinal, frame, frameBytes, cut: sending.cut };
      for (const arrival of arrivals) if (arrival.ear.link.onlyDisturbs !== true) this.#deliver(arrival, sent);
      done();
    });
  }

  /** The station loses its power: what it is sending is spoiled. */
  cut(number: number): void {
    const station = this.#station(number);
    if (station.sending !== undefined) station.sending.cut = true;
    for (const incoming of station.incoming) incoming.deafen();
  }

  #arrive(ear: Ear, span: Span): Arrival {
    const { link, station } = ear;
    const { fadingDb = 0 } = link;
    const fadeDb = fadingDb > 0 ? fadingDb * normal(this.#random) : 0;
    const snrDb =
      fadeDb + (link.snrDb ?? (link.rssiDbm === undefined ? DEFAULT_SNR_DB : link.rssiDbm - this.#noiseDbm));
    const strength = link.rssiDbm ?? (link.snrDb === undefined ? undefined : this.#noiseDbm + link.snrDb);
    const incoming = new Incoming(span, strength === undefined ? undefined : strength + fadeDb);
    if (station.sendingUntilMs > span.startMs) incoming.deafen();
    const faint = link.onlyDisturbs === true;
    for (const other of station.incoming) {
      other.disturbedBy(incoming);
      incoming.disturbedBy(other);
    }
    for (const other of station.noises) incoming.disturbedBy(other);
    (faint ? station.noises : station.incoming).push(incoming);
    return { ear, incoming, snrDb };
  }

  #deliver(arrival: Arrival, sent: Sending): void {
    const { incoming, snrDb } = arrival;
    const { link, station } = arrival.ear;
    const { stats, listener, impaired } = station;
    const fate = incoming.fate();
    if (fate === "deaf") {
      stats.deaf++;
      return;
    }
    listener?.used(incoming.span.endMs - incoming.span.startMs);
    if (fate === "collision") {
      stats.collisions++;
      return;
    }
    const arrived = this.#loses(arrival, sent) ? undefined : this.#corrupt(sent.frame, impaired);
    if (arrived === undefined) {
      stats.losses++;
      return;
    }
    stats.framesHeard++;
    if (fate === "captured") stats.captures++;
    if (arrived !== sent.frame) stats.corrupted++;
    const rssiDbm = Math.round(link.rssiDbm ?? this.#noiseDbm + snrDb);
    // In quarters, as the radio's register has it.
    listener?.heard({ frame: arrived, snrDb: Math.round(snrDb * 4) / 4, rssiDbm });
  }

  #loses({ ear: { link, burst, station }, snrDb }: Arrival, sent: Sending): boolean {
    if (sent.cut) return true;
    if (this.#losesBy !== undefined)
      return this.#losesBy(sent.number, station.number, sent.ordinal, sent.frame.payload);
    const nowMs = this.#timetable.nowMs();
    let lost = uniform(this.#random) < link.loss;
    if (burst !== undefined && burst.loses(nowMs, this.#random)) lost = true;
    if (station.impaired.loses(nowMs)) lost = true;
    if (link.fadingDb === undefined || lost) return lost;
    return uniform(this.#random) < noiseLoss(snrDb, sent.frameBytes, this.modulation.spreadingFactor);
  }

  #corrupt(frame: AirFrame, impaired: Impaired): AirFrame | undefined {
    return impaired.corrupts() ? corrupted(frame, this.#random) : frame;
  }

  #tell(station: number, frame: AirFrame, frameBytes: number, airtimeUs: number): void {
    if (this.#watchers.size === 0) return;
    const { from, to, id, port, payload, hopLimit } = frame;
    const relayed = from !== station;
    const atMs = this.#timetable.nowMs();
    const sent = { atMs, station, from, to, id, port, payload, hopLimit, relayed, frameBytes, airtimeUs };
    for (const watcher of this.#watchers) watcher(sent);
  }

  #station(number: number): Station {
    let station = this.#stations.get(number);
    if (station === undefined) {
      station = newStation(number, this.#random);
      this.#stations.set(number, station);
    }
    return station;
  }
}

/** Length of a symbol in ms. */
export function symbolMs(modulation: LoraModulation): number {
  return (2 ** modulation.spreadingFactor / modulation.bandwidthHz) * 1000;
}

function newStation(number: number, random: Random): Station {
  return {
    number,
    incoming: [],
    noises: [],
    ears: new Map(),
    stats: {
      framesSent: 0,
      airtimeUs: 0,
      framesHeard: 0,
      collisions: 0,
      captures: 0,
      corrupted: 0,
      deaf: 0,
      losses: 0,
      signed: 0,
    },
    impaired: new Impaired(random),
    sendingUntilMs: 0,
    sending: undefined,
    listener: undefined,
  };
}

/** `to` hears `from`, or no longer does. */
function setEar(from: Station, to: Station, link: AirLink): void {
  if (link.loss >= 1 && link.onlyDisturbs !== true) from.ears.delete(to.number);
  else from.ears.set(to.number, { link, station: to, burst: link.burst && new BurstChannel(link.burst) });
}

function leave({ ear: { link, station }, incoming }: Arrival): void {
  const among = link.onlyDisturbs === true ? station.noises : station.incoming;
  among.splice(among.indexOf(incoming), 1);
  for (const other of station.incoming) other.relievedOf(incoming);
}
