/**
 * One radio's share in the mesh, as Meshtastic firmware 2.7 does it: queue, carrier sense, relaying, the law's hour.
 *
 * A radio without an agent is a relay only. Left out: acknowledgements and retransmission (`want_ack`), learnt next
 * hops (a direct message is flooded like a broadcast), and the mesh's own traffic (node info, positions).
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import type { ChannelUse } from "../ports/modem.ts";
import { BROADCAST } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { timeOnAirUs } from "../radio/airtime.ts";
import { MAX_FRAME_BYTES, meshFrameBytes } from "../radio/airtime.ts";
import { symbolMs, type Air, type AirFrame, type Reception } from "./air.ts";
import { drawBelow } from "./seeded-random.ts";
import { SlidingSum } from "./sliding-sum.ts";

/** Firmware's `MAX_TX_QUEUE`. */
export const TX_QUEUE_PACKETS = 16;
const SEEN_PACKETS = 400;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** Contention windows: 2^3 … 2^8 slots. */
const CW_MIN = 3;
const CW_MAX = 8;
/** The firmware's scale from the worst signal that it still hears to one from next door. */
const SNR_MIN_DB = -20;
const SNR_MAX_DB = 10;
/** Propagation, turnaround and processing, which the firmware adds to each slot. */
const SLOT_EXTRA_MS = 7.6;
const SLOT_SYMBOLS = 2.5;

/** `Priority` of the firmware's packets. */
export const PRIORITY_DEFAULT = 64;

export type Admission =
  | { readonly kind: "queued" }
  | { readonly kind: "full" }
  | { readonly kind: "too-large" }
  /** Minutes until the radio may send again. */
  | { readonly kind: "duty-cycle"; readonly minutes: number };

/** Whoever uses the radio: a simulated serial interface, or an agent's modem. */
export interface RadioHost {
  /** A packet for everybody or for this node, the first time that it is heard. Must not throw. */
  packet(reception: Reception): void;
  /** The radio was switched on or off. Must not throw. */
  power(on: boolean): void;
}

interface Waiting {
  readonly frame: AirFrame;
  readonly frameBytes: number;
  readonly priority: number;
  readonly order: number;
  /** Signal with which the packet to relay was heard; undefined for a packet of our own. */
  readonly snrDb: number | undefined;
}

export interface RadioNodeOptions {
  readonly number: number;
  readonly air: Air;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends all that the radio does. */
  readonly signal: AbortSignal;
}

export class RadioNode {
  readonly number: number;
  readonly #air: Air;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #signal: AbortSignal;
  readonly #slotMs: number;
  readonly #hourMs = new SlidingSum(HOUR_MS);
  readonly #channelMs = new SlidingSum(MINUTE_MS);
  readonly #seen = new Set<string>();
  #queue: Waiting[] = [];
  #order = 0;
  #sending = false;
  #powered = true;
  #host: RadioHost | undefined;
  #dutyCycle = 1;
  #relayed = 0;
  #relaysCancelled = 0;
  #dropped = 0;

  constructor(options: RadioNodeOptions) {
    this.number = options.number;
    this.#air = options.air;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#signal = options.signal;
    this.#slotMs = SLOT_SYMBOLS * symbolMs(options.air.modulation) + SLOT_EXTRA_MS;
    this.#air.listen(this.number, {
      heard: (reception) => this.#heard(reception),
      used: (durationMs) => this.#channelMs.add(this.#clock.monotonicMs(), durationMs),
    });
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** Free places in the queue. */
  get free(): number {
    return TX_QUEUE_PACKETS - this.#queue.length;
  }

  get relayed(): number {
    return this.#relayed;
  }

  get relaysCancelled(): number {
    return this.#relaysCancelled;
  }

  /** Packets for which the queue had no room, relayed ones included. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The region's law: share of an hour that may be sent, 0 … 1. */
  limitDutyCycle(ratio: number): void {
    this.#dutyCycle = ratio;
  }

  /** At most one host at a time: the newest. Returns how to leave. */
  attach(host: RadioHost): () => void {
    this.#host = host;
    return () => {
      if (this.#host === host) this.#host = undefined;
    };
  }

  /** Off: hears and relays nothing. What was queued and known is forgotten, the hour's airtime too, as in RAM. */
  power(on: boolean): void {
    if (on === this.#powered) return;
    this.#powered = on;
    if (!on) {
      this.#queue = [];
      this.#seen.clear();
      this.#hourMs.clear();
      this.#channelMs.clear();
    }
    this.#host?.power(on);
  }

  channelUse(): ChannelUse {
    const nowMs = this.#clock.monotonicMs();
    return {
      channelUtilization: Math.min(this.#channelMs.total(nowMs) / MINUTE_MS, 1),
      airUtilTx: Math.min(this.#hourMs.total(nowMs) / HOUR_MS, 1),
    };
  }

  /** Takes a packet of the host's for the air. */
  submit(packet: Omit<AirFrame, "from" | "hopStart">, priority = PRIORITY_DEFAULT): Admission {
    const frameBytes = meshFrameBytes(packet.port, packet.payload.length);
    if (frameBytes > MAX_FRAME_BYTES) return { kind: "too-large" };
    const minutes = this.#silentMinutes();
    if (minutes > 0) return { kind: "duty-cycle", minutes };
    const frame = { ...packet, from: this.number, hopStart: packet.hopLimit };
    this.#remember(frame);
    const queued = this.#enqueue({ frame, frameBytes, priority, order: this.#order++, snrDb: undefined });
    return { kind: queued ? "queued" : "full" };
  }

  #heard(reception: Reception): void {
    const { frame, snrDb } = reception;
    if (!this.#powered || frame.from === this.number) return;
    if (this.#seen.has(keyOf(frame))) {
      this.#cancelRelay(frame);
      return;
    }
    this.#remember(frame);
    if (frame.to === BROADCAST || frame.to === this.number) this.#host?.packet(reception);
    if (frame.hopLimit === 0 || frame.to === this.number || this.#silentMinutes() > 0) return;
    this.#enqueue({
      frame: { ...frame, hopLimit: frame.hopLimit - 1 },
      frameBytes: meshFrameBytes(frame.port, frame.payload.length),
      priority: PRIORITY_DEFAULT,
      order: this.#order++,
      snrDb,
    });
  }

  /** Somebody else has repeated it already. */
  #cancelRelay(frame: AirFrame): void {
    const kept = this.#queue.filter((item) => item.snrDb === undefined || keyOf(item.frame) !== keyOf(frame));
    this.#relaysCancelled += this.#queue.length - kept.length;
    this.#queue = kept;
  }

  /** By priority, then by age; a full queue throws out its last for something of higher priority. */
  #enqueue(item: Waiting): boolean {
    const last = this.#queue.at(-1);
    if (this.#queue.length >= TX_QUEUE_PACKETS) {
      this.#dropped++;
      if (last === undefined || last.priority >= item.priority) return false;
      this.#queue.pop();
    }
    this.#queue.push(item);
    this.#queue.sort((a, b) => b.priority - a.priority || a.order - b.order);
    if (!this.#sending) void this.#drain();
    return true;
  }

  async #drain(): Promise<void> {
    this.#sending = true;
    while (!this.#signal.aborted) {
      const head = this.#queue[0];
      if (head === undefined) break;
      await this.#clock.sleep(this.#delayMs(head), this.#signal);
      // It was cancelled, or something more urgent came: that has its own delay.
      if (this.#queue[0] !== head || this.#signal.aborted) continue;
      const busyMs = this.#air.busyForMs(this.number);
      if (busyMs > 0) await this.#clock.sleep(busyMs, this.#signal);
      else await this.#send(head);
    }
    this.#sending = false;
  }

  async #send(head: Waiting): Promise<void> {
    this.#queue.shift();
    if (head.snrDb !== undefined) this.#relayed++;
    this.#hourMs.add(this.#clock.monotonicMs(), timeOnAirUs(head.frameBytes, this.#air.modulation) / 1000);
    await this.#air.transmit(this.number, head.frame, head.frameBytes, this.#signal);
  }

  /**
   * Random, in slots. Own packets wait longer the busier the channel is; a relay waits longer the better it heard, so
   * that the far one, which carries the packet further, comes first.
   */
  #delayMs(item: Waiting): number {
    if (item.snrDb === undefined) {
      const use = this.channelUse().channelUtilization ?? 0;
      return this.#slotMs * drawBelow(this.#random, 2 ** Math.round(CW_MIN + use * (CW_MAX - CW_MIN)));
    }
    const quality = Math.min(Math.max((item.snrDb - SNR_MIN_DB) / (SNR_MAX_DB - SNR_MIN_DB), 0), 1);
    const slots = 2 ** Math.round(CW_MIN + quality * (CW_MAX - CW_MIN));
    return this.#slotMs * (2 * CW_MAX + drawBelow(this.#random, slots));
  }

  /** 0 when the radio may send. */
  #silentMinutes(): number {
    const waitMs = this.#hourMs.msUntilAtMost(this.#dutyCycle * HOUR_MS, this.#clock.monotonicMs());
    return Math.ceil(waitMs / MINUTE_MS);
  }

  #remember(frame: AirFrame): void {
    this.#seen.add(keyOf(frame));
    if (this.#seen.size <= SEEN_PACKETS) return;
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest);
      return;
    }
  }
}

function keyOf(frame: AirFrame): string {
  return `${frame.from}/${frame.id}`;
}
