/**
 * The way that Meshtastic itself offers for a file: each packet to each receiver as a direct message with `want_ack`. What
 * that costs on the air, to compare our own way with.
 *
 * One application sends one packet at a time and waits for the receiver's own acknowledgement (the implicit one proves
 * nothing). The radio sends it up to three times; what failed is queued again, under a new id, until all is acknowledged.
 * All stations are in one cell. By default the receivers relay nothing, which is the kindest case: in a real village each
 * direct message is flooded, too.
 * @module
 */
import { PRIVATE_APP } from "../ports/modem.ts";
import { timeOnAirUs, type LoraModulation } from "../radio/airtime.ts";
import type { LossOracle, Reception } from "./air.ts";
import { retransmissionMs, slotMs } from "./contention.ts";
import { openEther, type Ether } from "./ether.ts";
import { frameBytesOf, ROUTING_APP } from "./mesh-frame.ts";
import { OWN_SENDS } from "./retransmission.ts";
import { seededRandom } from "./seeded-random.ts";
import { fullMesh, nodeNumber } from "./topology.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface WantAckOptions {
  /** Of the file. */
  readonly packets: number;
  /** 1 … 231. */
  readonly payloadBytes: number;
  readonly receivers: number;
  /** Of each link, 0 ≤ x < 1. */
  readonly lossRatio: number;
  readonly seed: string | number;
  readonly modulation: LoraModulation;
  /** Whether receivers relay for each other; false when left out. */
  readonly relays?: boolean;
  readonly losesBy?: LossOracle;
}

export interface WantAckReport {
  /** Of all stations: packets, repeats and acknowledgements. */
  readonly airtimeUs: number;
  readonly frames: number;
  /** Packets that the application handed to its radio. */
  readonly submitted: number;
  /** Words of the radio: that somebody relayed it, and that nobody answered. */
  readonly implicit: number;
  readonly failures: number;
  /** Packets that had arrived although the radio said that nobody answered. */
  readonly falseFailures: number;
  readonly elapsedMs: number;
  /** Whether each receiver has each packet. */
  readonly complete: boolean;
}

/** Tries for one packet and receiver, after which the run gives up; each is three sends. */
const MAX_TRIES = 200;
/** Apps send direct messages with the default number of hops. */
const HOPS = 3;

interface Errand {
  readonly receiver: number;
  readonly index: number;
  tries: number;
}

export async function sendByWantAck(options: WantAckOptions): Promise<WantAckReport> {
  const { receivers, lossRatio, seed, modulation, losesBy } = options;
  const clock = new VirtualClock();
  const random = seededRandom(`${seed}/want-ack`);
  const links = fullMesh(receivers + 1, lossRatio);
  await using ether = openEther({ clock, random, modulation, links, ...(losesBy && { losesBy }) });
  const run = new Run(options, clock, ether);
  await run.all();
  return run.report();
}

class Run {
  readonly #options: WantAckOptions;
  readonly #clock: VirtualClock;
  readonly #ether: Ether;
  readonly #sender: number;
  readonly #patienceMs: number;
  /** By packet id, from 1. */
  readonly #errands: Errand[] = [];
  readonly #acknowledged = new Set<string>();
  readonly #arrived = new Set<string>();
  readonly #failed = new Set<number>();
  #implicit = 0;
  #falseFailures = 0;

  constructor(options: WantAckOptions, clock: VirtualClock, ether: Ether) {
    this.#options = options;
    this.#clock = clock;
    this.#ether = ether;
    this.#sender = nodeNumber(0);
    this.#patienceMs = patienceMs(options);
    for (const number of ether.nodes()) {
      const radio = ether.radio(number);
      if (options.relays !== true && number !== this.#sender) radio.role = "mute";
      radio.attach({
        packet: (reception) => this.#heard(number, reception),
        power: () => undefined,
        routing: ({ requestId, error }) => this.#told(requestId, error),
      });
    }
  }

  async all(): Promise<void> {
    const { packets, receivers } = this.#options;
    const open: Errand[] = [];
    for (let receiver = 1; receiver <= receivers; receiver++) {
      for (let index = 0; index < packets; index++) open.push({ receiver, index, tries: 0 });
    }
    for (let next = open.shift(); next !== undefined; next = open.shift()) {
      // An acknowledgement may come after the radio has given up.
      if (this.#acknowledged.has(nameOf(next)) || next.tries >= MAX_TRIES) continue;
      await this.#attempt(next);
      if (!this.#acknowledged.has(nameOf(next))) open.push(next);
    }
  }

  report(): WantAckReport {
    const { packets, receivers } = this.#options;
    const { airtimeUs, frames } = this.#ether.stats();
    return {
      airtimeUs,
      frames,
      submitted: this.#errands.length,
      implicit: this.#implicit,
      failures: this.#failed.size,
      falseFailures: this.#falseFailures,
      elapsedMs: this.#clock.monotonicMs(),
      complete: this.#arrived.size === packets * receivers,
    };
  }

  async #attempt(errand: Errand): Promise<void> {
    errand.tries++;
    const id = this.#errands.push(errand);
    const payload = new Uint8Array(this.#options.payloadBytes);
    const to = nodeNumber(errand.receiver);
    this.#ether.radio(this.#sender).submit({ to, id, port: PRIVATE_APP, hopLimit: HOPS, payload, wantAck: true });
    const settled = (): boolean => this.#acknowledged.has(nameOf(errand)) || this.#failed.has(id);
    await this.#clock.runUntil(settled, this.#patienceMs);
  }

  #heard(station: number, { frame }: Reception): void {
    if (station === this.#sender) {
      const errand = frame.port === ROUTING_APP ? this.#errands[(frame.requestId ?? 0) - 1] : undefined;
      if (errand !== undefined) this.#acknowledged.add(nameOf(errand));
      return;
    }
    const errand = frame.from === this.#sender ? this.#errands[frame.id - 1] : undefined;
    if (errand !== undefined) this.#arrived.add(nameOf(errand));
  }

  #told(id: number, error: number): void {
    const errand = this.#errands[id - 1];
    if (errand === undefined) return;
    if (error === 0) this.#implicit++;
    else {
      this.#failed.add(id);
      if (this.#arrived.has(nameOf(errand))) this.#falseFailures++;
    }
  }
}

function nameOf({ receiver, index }: Errand): string {
  return `${receiver}/${index}`;
}

/** After an implicit acknowledgement the radio is silent: then the application waits as long as three sends would take. */
function patienceMs({ modulation, payloadBytes }: WantAckOptions): number {
  const frame = { to: 0, id: 0, hopLimit: HOPS, port: PRIVATE_APP, payload: new Uint8Array(payloadBytes) };
  const airtimeMs = timeOnAirUs(frameBytesOf(frame), modulation) / 1000;
  return OWN_SENDS * 2 * retransmissionMs(airtimeMs, 1, slotMs(modulation));
}
