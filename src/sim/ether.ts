/**
 * A simulated mesh: radios on one air, each relaying for the others. Agents join through a simulated device
 * (`radio-device.ts`) or directly (`ether-modem.ts`).
 *
 * All time comes from the clock and all chance from the generator that are given: the same seed gives the same run.
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { Random } from "../ports/random.ts";
import type { LoraModulation } from "../radio/airtime.ts";
import { Air, type LossOracle, type SentFrame, type StationStats } from "./air.ts";
import type { Impairment } from "./impairment.ts";
import type { RadioFirmware } from "./radio-firmware.ts";
import { RadioNode } from "./radio-node.ts";
import { timetableOn } from "./timetable.ts";
import type { AirLink } from "./topology.ts";

export interface EtherOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly modulation: LoraModulation;
  /** Radios exist by being named here, or by {@link Ether.radio}. */
  readonly links: readonly AirLink[];
  /** Of all radios that are not told otherwise; 2.7 when left out. */
  readonly firmware?: RadioFirmware;
  /** Decides losses in place of chance; see {@link LossOracle}. */
  readonly losesBy?: LossOracle;
}

/** Counts since the start, of all radios together. */
export interface EtherStats extends Omit<StationStats, "framesSent" | "framesHeard"> {
  readonly frames: number;
  /** Frames that arrived whole, counted at each receiver. */
  readonly heard: number;
  /** Packets that radios refused, or did not relay, because the law's hour was used up. */
  readonly cutOff: number;
  readonly relayed: number;
  readonly relaysCancelled: number;
  /** Packets for which a radio's queue had no room. */
  readonly dropped: number;
  readonly nodes: ReadonlyMap<number, StationStats>;
}

export interface Ether extends AsyncDisposable {
  readonly modulation: LoraModulation;
  /** Node numbers of all radios, in the order in which they came. */
  nodes(): readonly number[];
  /** The radio of that number; a new one, which hears nobody yet, when there was none. */
  radio(nodeNumber: number): RadioNode;
  /** Adds a link or changes the one between the same two; a loss of 1 cuts it. */
  setLink(link: AirLink): void;
  /**
   * What befalls the frames that these radios receive from now on; all radios that there are, when none are named. It
   * replaces what was said of them before, and `{}` mends.
   */
  impair(impairment: Impairment, nodes?: Iterable<number>): void;
  /** Told of every frame as it goes on the air; must not throw. Returns how to leave. */
  onFrame(watcher: (sent: SentFrame) => void): () => void;
  stats(): EtherStats;
}

export function openEther(options: EtherOptions): Ether {
  const { clock, random, modulation, links, firmware = "2.7", losesBy } = options;
  const life = new AbortController();
  const timetable = timetableOn(clock, life.signal);
  const air = new Air({ timetable, random, modulation, links, ...(losesBy && { losesBy }) });
  const radios = new Map<number, RadioNode>();
  const radio = (number: number): RadioNode => {
    let node = radios.get(number);
    if (node === undefined) {
      node = new RadioNode({ number, air, timetable, random });
      node.firmware = firmware;
      radios.set(number, node);
    }
    return node;
  };
  const setLink = (link: AirLink): void => {
    air.setLink(link);
    radio(link.a);
    radio(link.b);
  };
  for (const link of links) setLink(link);
  return {
    modulation,
    nodes: () => [...radios.keys()],
    radio,
    setLink,
    impair: (impairment, nodes) => air.impair(impairment, nodes ?? radios.keys()),
    onFrame: (watcher) => air.watch(watcher),
    stats: () => sum([...radios.values()], air),
    [Symbol.asyncDispose]: async () => {
      life.abort();
      // Sleepers have been woken; give them the turn in which they notice.
      await clock.sleep(0, life.signal);
    },
  };
}

function sum(radios: readonly RadioNode[], air: Air): EtherStats {
  const nodes = new Map(radios.map((radio) => [radio.number, air.stats(radio.number)]));
  const total = (pick: (stats: StationStats) => number): number =>
    [...nodes.values()].reduce((all, stats) => all + pick(stats), 0);
  return {
    frames: total((stats) => stats.framesSent),
    airtimeUs: total((stats) => stats.airtimeUs),
    heard: total((stats) => stats.framesHeard),
    collisions: total((stats) => stats.collisions),
    captures: total((stats) => stats.captures),
    corrupted: total((stats) => stats.corrupted),
    deaf: total((stats) => stats.deaf),
    losses: total((stats) => stats.losses),
    inBursts: total((stats) => stats.inBursts),
    twice: total((stats) => stats.twice),
    late: total((stats) => stats.late),
    signed: total((stats) => stats.signed),
    cutOff: radios.reduce((all, radio) => all + radio.cutOff, 0),
    relayed: radios.reduce((all, radio) => all + radio.relayed, 0),
    relaysCancelled: radios.reduce((all, radio) => all + radio.relaysCancelled, 0),
    dropped: radios.reduce((all, radio) => all + radio.dropped, 0),
    nodes,
  };
}
