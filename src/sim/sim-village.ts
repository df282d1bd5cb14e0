/**
 * Whole agents on one simulated air under one virtual clock, from one seed: what every scenario is played on.
 *
 * Every frame that goes on the air, relayed ones too, is counted here by message, with its time on air.
 * @module
 */
import { createHash } from "node:crypto";
import type { AirCount } from "../kernel/simulation.ts";
import type { Clock } from "../ports/clock.ts";
import { PRIVATE_APP } from "../ports/modem.ts";
import type { Store } from "../ports/store.ts";
import { PRESETS, type LoraModulation, type PresetName } from "../radio/airtime.ts";
import { decodeMessage } from "../wire/codec.ts";
import type { LossOracle, SentFrame } from "./air.ts";
import { openEther, type Ether } from "./ether.ts";
import { House, type NodeExtras } from "./house.ts";
import type { RadioFirmware } from "./radio-firmware.ts";
import { drawBelow, seededRandom } from "./seeded-random.ts";
import type { SimNode } from "./sim-node.ts";
import { nodeNumber, type AirLink } from "./topology.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface SimVillageOptions {
  readonly seed: number;
  readonly count: number;
  readonly links: readonly AirLink[];
  readonly preset: PresetName;
  /** Meshtastic's name, for example `US`. */
  readonly region: string;
  /** Relays, 0 … 7. */
  readonly hopLimit: number;
  /** Our part of the law's time on air, 0 … 1. */
  readonly share: number;
  /** Of the radios; 2.7 when left out. With `both` every other one has the newer. */
  readonly firmware?: RadioFirmware | "both";
  /** How long a disk takes to sync; 0 when left out. */
  readonly syncMs?: number;
  /** How far the machines' clocks run apart, at most, in parts per million; 0 when left out. */
  readonly skewPpm?: number;
  /** Decides losses in place of chance. */
  readonly losesBy?: LossOracle;
  /** What an agent is given beside its radio and its disk, at the beginning of each life; nothing when left out. */
  readonly extras?: (index: number, ports: { readonly store: Store; readonly clock: Clock }) => Promise<NodeExtras>;
  /** So many houses, the last ones, are not opened yet; 0 when left out. */
  readonly closed?: number;
}

/** A frame on the air, and what it carries. */
export interface SentPacket extends SentFrame {
  /** Of our messages, or `port N`. */
  readonly type: string;
}

const STOP_MS = 600_000;

export class SimVillage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly modulation: LoraModulation;
  readonly ether: Ether;
  readonly houses: readonly House[];
  readonly #trace = createHash("sha256");
  readonly #listeners: ((packet: SentPacket) => void)[] = [];
  #counts = new Map<string, { packets: number; airMs: number }>();
  #collisionsBefore = 0;

  private constructor(options: SimVillageOptions) {
    const { seed, count, preset, links, region, hopLimit, share, syncMs = 0, skewPpm = 0, losesBy } = options;
    const { clock } = this;
    this.modulation = PRESETS[preset];
    const random = seededRandom(`${seed}/air`);
    this.ether = openEther({ clock, random, modulation: this.modulation, links, ...(losesBy && { losesBy }) });
    this.ether.onFrame((frame) => this.#count(frame));
    const skew = seededRandom(`${seed}/skew`);
    this.houses = Array.from(
      { length: count },
      (_, index) =>
        new House({
          index,
          number: nodeNumber(index),
          seed: String(seed),
          clock,
          clockRate: skewPpm === 0 ? 1 : 1 + (drawBelow(skew, 2 * skewPpm + 1) - skewPpm) * 1e-6,
          syncMs,
          ether: this.ether,
          region,
          preset,
          firmware: firmwareOf(index, options.firmware ?? "2.7"),
          extras: (ports) => options.extras?.(index, ports) ?? Promise.resolve({}),
          wishes: { preset: "auto", region: "auto", hopLimit, share },
        }),
    );
  }

  /** The agents exist, but don't run yet: see {@link SimVillage.start}. */
  static async open(options: SimVillageOptions): Promise<SimVillage> {
    const village = new SimVillage(options);
    // Side by side: with a disk that takes its time, the clock must run meanwhile.
    const houses = village.houses.slice(0, options.count - (options.closed ?? 0));
    const opened = Promise.all(houses.map((house) => house.open()));
    await village.clock.runUntil(opened, 60_000);
    await opened;
    return village;
  }

  /** Every agent that is up, in the order of the houses. */
  get nodes(): readonly SimNode[] {
    return this.houses.flatMap(({ node }) => (node === undefined ? [] : [node]));
  }

  /** Every agent runs from now on. */
  start(): void {
    for (const house of this.houses) house.start();
  }

  /** Told of every frame as it goes on the air. */
  onSent(listener: (packet: SentPacket) => void): void {
    this.#listeners.push(listener);
  }

  /** What was sent so far is no longer counted. */
  countFromNow(): void {
    this.#counts = new Map();
    this.#collisionsBefore = this.ether.stats().collisions;
  }

  /** By message type, since {@link SimVillage.countFromNow}. */
  counts(): Readonly<Record<string, AirCount>> {
    return Object.fromEntries([...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }

  total(): AirCount {
    let [packets, airMs] = [0, 0];
    for (const count of this.#counts.values()) {
      packets += count.packets;
      airMs += count.airMs;
    }
    return { packets, airMs };
  }

  /** Receptions that were spoiled, since {@link SimVillage.countFromNow}. */
  collisions(): number {
    return this.ether.stats().collisions - this.#collisionsBefore;
  }

  /** Over every packet so far. */
  traceHash(): string {
    return this.#trace.copy().digest("hex");
  }

  /**
   * Lets time pass until the goal, which is looked at after each wake-up; false when `limitMs` passed first.
   * @throws what made an agent stop
   */
  async runUntil(goal: () => boolean, limitMs: number): Promise<boolean> {
    const reached = await this.clock.runUntil(goal, limitMs);
    this.check();
    return reached;
  }

  /** @throws what made an agent stop */
  check(): void {
    for (const house of this.houses) house.check();
  }

  /** Each agent learns all of the others' logs, without any air. */
  async bringInStep(): Promise<void> {
    const merged = this.#mergeAll();
    await this.clock.runUntil(merged, 3_600_000);
    await merged;
  }

  async #mergeAll(): Promise<void> {
    for (const { shard: from } of this.nodes) {
      const { id } = from.author;
      const { entries, signature } = await from.entries(id, 1, 255);
      const others = this.nodes.filter(({ shard }) => shard !== from);
      await Promise.all(others.map(({ shard }) => shard.merge(id, 1, entries, signature)));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What is on its way to a disk still takes its time.
    const stopped = Promise.all(this.houses.map((house) => house.stop()));
    if (!(await this.clock.runUntil(stopped, STOP_MS))) throw new Error("an agent does not stop");
    await this.ether[Symbol.asyncDispose]();
  }

  #count(frame: SentFrame): void {
    const { atMs, station, port, payload, airtimeUs } = frame;
    const message = port === PRIVATE_APP ? decodeMessage(payload) : undefined;
    const type = message?.ok === true ? message.value.type : `port ${port}`;
    const count = this.#counts.get(type) ?? { packets: 0, airMs: 0 };
    count.packets++;
    count.airMs += airtimeUs / 1000;
    this.#counts.set(type, count);
    this.#trace.update(`${atMs} ${station} ${port} `).update(payload);
    const packet: SentPacket = { ...frame, type };
    for (const listener of this.#listeners) listener(packet);
  }
}

function firmwareOf(index: number, firmware: RadioFirmware | "both"): RadioFirmware {
  if (firmware !== "both") return firmware;
  return index % 2 === 0 ? "2.7" : "2.8";
}
