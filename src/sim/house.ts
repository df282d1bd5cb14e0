/**
 * One house of a simulated village: a machine with a disk, a clock and a radio, on which an agent lives, dies and lives
 * again.
 * @module
 */
import { runAll } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Modem } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import type { Store } from "../ports/store.ts";
import type { RadioWishes } from "../radio/in-force.ts";
import { openEtherModem } from "./ether-modem.ts";
import type { Ether } from "./ether.ts";
import { HouseClock } from "./house-clock.ts";
import type { RadioFirmware } from "./radio-firmware.ts";
import { seededRandom } from "./seeded-random.ts";
import { SimDisk } from "./sim-disk.ts";
import { openSimNode, type SimNode, type SimNodeOptions } from "./sim-node.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface HouseOptions {
  readonly index: number;
  readonly number: number;
  readonly seed: string;
  readonly clock: VirtualClock;
  /** How fast the machine's clock runs; 1 is right. */
  readonly clockRate: number;
  readonly syncMs: number;
  readonly ether: Ether;
  readonly region: string;
  readonly preset: string;
  readonly firmware: RadioFirmware;
  readonly wishes: RadioWishes;
  /** Asked at the beginning of each life. */
  readonly extras: (ports: { readonly store: Store; readonly clock: Clock }) => Promise<NodeExtras>;
}

/** What an agent may be given beside its radio and its disk. */
export type NodeExtras = Partial<
  Pick<SimNodeOptions, "policy" | "gate" | "groupKeys" | "phones" | "authorised" | "attestation">
>;

/** One life of the agent. */
interface Life {
  readonly node: SimNode;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

/** Says nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  named: () => silentLog,
};

export class House {
  readonly index: number;
  readonly number: number;
  readonly clock: HouseClock;
  readonly disk: SimDisk;
  #failuresBefore = 0;
  #hasLived = false;
  readonly #options: HouseOptions;
  readonly #random: Random;
  readonly #modem: Modem;
  #node: SimNode | undefined;
  #life: Life | undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(options: HouseOptions) {
    const { index, number, seed, clock, clockRate, syncMs, ether, region, preset, firmware } = options;
    this.index = index;
    this.number = number;
    this.#options = options;
    this.#random = seededRandom(`${seed}/house/${index}`);
    this.clock = new HouseClock(clock, clockRate);
    this.disk = new SimDisk(clock, syncMs);
    this.#modem = openEtherModem({ ether, nodeNumber: number, random: this.#random, region, preset, firmware });
  }

  /** The agent, while the machine is up. */
  get node(): SimNode | undefined {
    return this.#node;
  }

  /** The agent of a machine that is up. @throws Error when it is down */
  get agent(): SimNode {
    if (this.#node === undefined) throw new Error(`house ${this.index} is down`);
    return this.#node;
  }

  /** What went wrong inside the exchange, in all lives. */
  get failures(): number {
    return this.#failuresBefore + (this.#life?.node.exchange.counters()["failures"] ?? 0);
  }

  /** Opens the store; the agent hears and says nothing before {@link House.start}. */
  async open(): Promise<SimNode> {
    this.clock.boot();
    const { index, wishes, extras } = this.#options;
    const store = this.disk.open();
    this.#node = await openSimNode({
      name: `house ${index}`,
      modem: this.#modem,
      clock: this.clock,
      random: this.#random,
      log: silentLog,
      wishes,
      store,
      ...(await extras({ store, clock: this.clock })),
    });
    return this.#node;
  }

  /** True once an agent has lived here: it has an identity. */
  get hasLived(): boolean {
    return this.#hasLived;
  }

  start(): void {
    const node = this.agent;
    this.#hasLived = true;
    const stop = new AbortController();
    const ended = runAll([node], stop.signal).catch((error: unknown) => {
      this.#fault ??= { error };
    });
    this.#life = { node, stop, ended };
  }

  /** The plug is pulled: nothing more reaches the disk. */
  async crash(): Promise<void> {
    this.disk.crash();
    await this.stop();
  }

  /** As {@link House.crash}, but what is on its way still reaches the disk. */
  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    this.#node = undefined;
    if (life === undefined) return;
    this.#failuresBefore += life.node.exchange.counters()["failures"] ?? 0;
    life.stop.abort();
    await life.ended;
  }

  /** @throws what made the agent stop by itself, if it did */
  check(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }
}
