/**
 * Whole agents on one simulated air under one virtual clock, from one seed: what every scenario is played on.
 *
 * Every packet that an agent hands to its radio is counted here by message, with its time on air.
 * @module
 */
import { VirtualClock } from "./virtual-clock.ts";
import { runAll } from "../kernel/service.ts";
import type { Log } from "../ports/log.ts";
import { PRIVATE_APP, type Modem } from "../ports/modem.ts";
import { meshFrameBytes, PRESETS, timeOnAirUs, type LoraModulation, type PresetName } from "../radio/airtime.ts";
import { decodeMessage } from "../wire/codec.ts";
import { openEtherModem } from "./ether-modem.ts";
import { openEther, type Ether } from "./ether.ts";
import { seededRandom } from "./seeded-random.ts";
import { openSimNode, type SimNode } from "./sim-node.ts";
import { nodeNumber, type AirLink } from "./topology.ts";

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
}

/** What one kind of message has cost so far. */
export interface AirCount {
  readonly packets: number;
  readonly airMs: number;
}

/** A packet as an agent gave it to its radio. */
export interface SentPacket {
  readonly atMs: number;
  readonly from: number;
  readonly type: string;
  readonly payload: Uint8Array;
  readonly airtimeUs: number;
}

/** Says nothing. */
const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  named: () => silentLog,
};

export class SimVillage implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly modulation: LoraModulation;
  readonly ether: Ether;
  readonly nodes: SimNode[] = [];
  readonly #counts = new Map<string, { packets: number; airMs: number }>();
  readonly #stop = new AbortController();
  readonly #listeners: ((packet: SentPacket) => void)[] = [];
  readonly #lives: Promise<void>[] = [];
  #failure: { readonly error: unknown } | undefined;

  private constructor({ seed, preset, links }: SimVillageOptions) {
    this.modulation = PRESETS[preset];
    const random = seededRandom(`${seed}/air`);
    this.ether = openEther({ clock: this.clock, random, modulation: this.modulation, links });
  }

  /** The agents exist, but don't run yet: see {@link SimVillage.start}. */
  static async open(options: SimVillageOptions): Promise<SimVillage> {
    const village = new SimVillage(options);
    for (let i = 0; i < options.count; i++) village.nodes.push(await village.#openNode(i, options));
    return village;
  }

  /** Every agent runs from now on. */
  start(): void {
    for (const node of this.nodes) {
      this.#lives.push(
        runAll([node], this.#stop.signal).catch((error: unknown) => {
          this.#failure ??= { error };
        }),
      );
    }
  }

  /** Told of every packet that an agent hands to its radio. */
  onSent(listener: (packet: SentPacket) => void): void {
    this.#listeners.push(listener);
  }

  /** What was sent so far is no longer counted. */
  countFromNow(): void {
    this.#counts.clear();
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

  /**
   * Lets time pass until the goal, which is looked at after each wake-up; false when `limitMs` passed first.
   * @throws what made an agent stop
   */
  async runUntil(goal: () => boolean, limitMs: number): Promise<boolean> {
    return this.clock.runUntil(() => {
      if (this.#failure !== undefined) throw this.#failure.error;
      return goal();
    }, limitMs);
  }

  /** Each agent learns all of the others' logs, without any air. */
  async bringInStep(): Promise<void> {
    for (const { shard: from } of this.nodes) {
      const { id } = from.author;
      const { entries, signature } = await from.entries(id, 1, 255);
      for (const { shard: to } of this.nodes) if (to !== from) await to.merge(id, 1, entries, signature);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#lives);
    await this.ether[Symbol.asyncDispose]();
  }

  async #openNode(index: number, { seed, preset, region, hopLimit, share }: SimVillageOptions): Promise<SimNode> {
    const number = nodeNumber(index);
    const random = seededRandom(`${seed}/node/${index}`);
    const modem = this.#counted(
      number,
      openEtherModem({ ether: this.ether, nodeNumber: number, random, region, preset }),
    );
    const wishes = { preset: "auto", region: "auto", hopLimit, share };
    return openSimNode({ name: `house ${index}`, modem, clock: this.clock, random, log: silentLog, wishes });
  }

  #counted(number: number, modem: Modem): Modem {
    return {
      name: modem.name,
      uri: modem.uri,
      state: () => modem.state(),
      channelUse: () => modem.channelUse(),
      counters: () => modem.counters(),
      receive: (signal) => modem.receive(signal),
      run: (signal) => modem.run(signal),
      send: async (packet, signal) => {
        const outcome = await modem.send(packet, signal);
        if (outcome.kind === "taken") this.#count(number, packet.port, packet.payload);
        return outcome;
      },
    };
  }

  #count(from: number, port: number, payload: Uint8Array): void {
    const airtimeUs = timeOnAirUs(meshFrameBytes(port, payload.length), this.modulation);
    const message = port === PRIVATE_APP ? decodeMessage(payload) : undefined;
    const type = message?.ok === true ? message.value.type : `port ${port}`;
    const count = this.#counts.get(type) ?? { packets: 0, airMs: 0 };
    count.packets++;
    count.airMs += airtimeUs / 1000;
    this.#counts.set(type, count);
    const packet = { atMs: this.clock.monotonicMs(), from, type, payload, airtimeUs };
    for (const listener of this.#listeners) listener(packet);
  }
}
