/**
 * One radio's share in the mesh, as Meshtastic firmware 2.7 and 2.8 do it: queue, carrier sense, managed flooding,
 * acknowledgements, the law's hour.
 *
 * Sources, of meshtastic/firmware: `RadioLibInterface.cpp` (when it sends), `FloodingRouter.cpp`, `NextHopRouter.cpp` and
 * `ReliableRouter.cpp` (what it relays and acknowledges), `Router.cpp` (the law's hour, gated as a packet is queued). A
 * radio without an agent is a relay only. Left out: PKC, channels, favourites, and the mesh's own traffic (node info,
 * positions).
 * @module
 */
import type { ChannelUse } from "../ports/modem.ts";
import { BROADCAST, TEXT_MESSAGE_APP } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { MAX_FRAME_BYTES, timeOnAirUs } from "../radio/airtime.ts";
import type { Air, Reception } from "./air.ts";
import { ownSlots, relaySlots, retransmissionMs, slotMs } from "./contention.ts";
import { LawHour } from "./law-hour.ts";
import {
  type AirFrame,
  frameBytesOf,
  packetKey,
  priorityOf,
  relayByte,
  responseHops,
  ROUTING_APP,
  signed28,
  towards,
} from "./mesh-frame.ts";
import { PacketHistory, type Seen } from "./packet-history.ts";
import type { RadioFirmware } from "./radio-firmware.ts";
import { OWN_SENDS, RELAY_SENDS, Retransmission } from "./retransmission.ts";
import { drawBelow } from "./seeded-random.ts";
import { SlidingSum } from "./sliding-sum.ts";
import type { Timetable } from "./timetable.ts";
import { TxQueue } from "./tx-queue.ts";
import type { Timer } from "./virtual-clock.ts";

const MINUTE_MS = 60_000;
/** `Routing` with `error_reason` 0: field 3, varint. */
const ACKNOWLEDGED = Uint8Array.of(0x18, 0);
/** `Routing.Error` */
const NONE = 0;
const MAX_RETRANSMIT = 5;

/** A client relays unless another did so first; a router relays in any case, and early; a mute radio relays nothing. */
export type RadioRole = "client" | "router" | "mute";

export type Admission =
  | { readonly kind: "queued" }
  | { readonly kind: "full" }
  | { readonly kind: "too-large" }
  /** Minutes until the radio may send again. */
  | { readonly kind: "duty-cycle"; readonly minutes: number };

/**
 * The radio's own word on a packet of its host. Error 0 is the implicit acknowledgement: somebody, anybody, relayed it.
 * The real one is a packet from the receiver on port 5.
 */
export interface RoutingWord {
  readonly requestId: number;
  /** `Routing.Error`: 0, or 5 when nobody answered. */
  readonly error: number;
}

/** Whoever uses the radio: a simulated serial interface, or an agent's modem. */
export interface RadioHost {
  /** A packet for everybody or for this node, the first time that it is heard. Must not throw. */
  packet(reception: Reception): void;
  /** The radio was switched on or off. Must not throw. */
  power(on: boolean): void;
  /** Must not throw. */
  routing?(word: RoutingWord): void;
}

export type Submission = Pick<AirFrame, "to" | "id" | "hopLimit" | "port" | "payload" | "wantAck">;

export interface RadioNodeOptions {
  readonly number: number;
  readonly air: Air;
  readonly timetable: Timetable;
  readonly random: Random;
}

export class RadioNode {
  readonly number: number;
  /** May be changed at any time. */
  role: RadioRole = "client";
  firmware: RadioFirmware = "2.7";
  readonly #air: Air;
  readonly #timetable: Timetable;
  readonly #random: Random;
  readonly #slotMs: number;
  readonly #byte: number;
  readonly #hour = new LawHour();
  readonly #channelMs = new SlidingSum(MINUTE_MS);
  readonly #history: PacketHistory;
  readonly #queue = new TxQueue();
  readonly #unanswered: Retransmission;
  #timer: Timer | undefined;
  #sending = false;
  #powered = true;
  #host: RadioHost | undefined;
  #relayed = 0;
  #relaysCancelled = 0;

  constructor({ number, air, timetable, random }: RadioNodeOptions) {
    this.number = number;
    this.#air = air;
    this.#timetable = timetable;
    this.#random = random;
    this.#byte = relayByte(number);
    this.#history = new PacketHistory(this.#byte);
    this.#slotMs = slotMs(air.modulation);
    this.#unanswered = new Retransmission({
      timetable,
      patienceMs: (frame) => retransmissionMs(this.#airtimeMs(frameBytesOf(frame)), this.#use(), this.#slotMs),
      sendAgain: (frame, last) => this.#sendAgain(frame, last),
      giveUp: ({ from, id }) => {
        if (from === number) this.#host?.routing?.({ requestId: id, error: MAX_RETRANSMIT });
      },
    });
    air.listen(number, {
      heard: (reception) => this.#heard(reception),
      used: (durationMs) => {
        if (!this.#powered) return;
        this.#channelMs.add(timetable.nowMs(), durationMs);
        // The interrupt takes the place of the timer: after whatever it heard or sent, the radio draws its delay anew.
        this.#draw();
      },
    });
  }

  get powered(): boolean {
    return this.#powered;
  }

  /** Free places in the queue. */
  get free(): number {
    return this.#queue.free;
  }

  get relayed(): number {
    return this.#relayed;
  }

  get relaysCancelled(): number {
    return this.#relaysCancelled;
  }

  /** Packets refused, or not relayed, because the law's hour was used up. */
  get cutOff(): number {
    return this.#hour.cutOff;
  }

  /** Packets for which the queue had no room, relayed ones included. */
  get dropped(): number {
    return this.#queue.dropped;
  }

  /** The region's law: share of an hour that may be sent, 0 … 1. */
  limitDutyCycle(ratio: number): void {
    this.#hour.dutyCycle = ratio;
  }

  /** Other traffic, as of a phone app at the same radio, takes all that the law leaves of this hour. */
  useUpHour(): void {
    this.#hour.useUp(this.#timetable.nowMs());
  }

  /** At most one host at a time: the newest. Returns how to leave. */
  attach(host: RadioHost): () => void {
    this.#host = host;
    return () => {
      if (this.#host === host) this.#host = undefined;
    };
  }

  /**
   * Off: hears and relays nothing, and breaks off what it sends. What was queued and known is forgotten, the hour's airtime
   * too, as in RAM.
   */
  power(on: boolean): void {
    if (on === this.#powered) return;
    this.#powered = on;
    if (!on) {
      this.#air.cut(this.number);
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#queue.clear();
      this.#history.clear();
      this.#unanswered.clear();
      this.#hour.clear();
      this.#channelMs.clear();
    }
    this.#host?.power(on);
  }

  channelUse(): ChannelUse {
    return {
      channelUtilization: this.#use(),
      airUtilTx: this.#hour.use(this.#timetable.nowMs()),
    };
  }

  /** Takes a packet of the host's for the air. With `wantAck` the host hears of it again, by {@link RadioHost.routing}. */
  submit(packet: Submission): Admission {
    const plain = { ...packet, from: this.number, hopStart: packet.hopLimit, relay: this.#byte };
    // On the air a broadcast never asks for an acknowledgement.
    const wantAck = packet.wantAck === true && packet.to !== BROADCAST;
    const frame = this.firmware === "2.8" ? signed28({ ...plain, wantAck }) : { ...plain, wantAck };
    const frameBytes = frameBytesOf(frame);
    if (frameBytes > MAX_FRAME_BYTES) return { kind: "too-large" };
    const minutes = this.#silentMinutes();
    if (minutes > 0) {
      this.#hour.cutOff++;
      return { kind: "duty-cycle", minutes };
    }
    const nextHop = frame.to === BROADCAST ? undefined : this.#history.nextHop(frame.to, undefined);
    const routed = towards(frame, nextHop);
    this.#history.see(routed);
    this.#unanswered.extend(this.#airtimeMs(frameBytes), frame.id);
    if (packet.wantAck === true) this.#unanswered.start(routed, OWN_SENDS);
    else if (nextHop !== undefined && frame.hopLimit > 0) this.#unanswered.start(routed, RELAY_SENDS);
    return { kind: this.#enqueue(routed) ? "queued" : "full" };
  }

  #heard(reception: Reception): void {
    const { frame } = reception;
    if (!this.#powered) return;
    const own = frame.from === this.number;
    // Any relay of our packet counts as its acknowledgement, whether or not it will ever reach its receiver.
    if (own && this.#stop(frame.from, frame.id)) this.#host?.routing?.({ requestId: frame.id, error: NONE });
    this.#unanswered.extend(this.#airtimeMs(frameBytesOf(frame)));
    const seen = this.#history.see(frame);
    if (own) return;
    if (seen === undefined) this.#heardFirst(reception);
    else this.#heardAgain(reception, seen);
  }

  #heardFirst(reception: Reception): void {
    const { frame } = reception;
    const toUs = frame.to === this.number;
    if (toUs || frame.to === BROADCAST) this.#give(reception);
    this.#history.learn(frame);
    if (frame.requestId !== undefined && frame.to !== BROADCAST) {
      // The answer is on its way: the question need not be carried any further.
      if (!toUs && this.#queue.remove(frame.to, frame.requestId)) this.#relaysCancelled++;
      this.#stop(frame.to, frame.requestId);
    }
    if (toUs && frame.wantAck === true) this.#acknowledge(frame, responseHops(frame));
    else if (toUs && frame.nextHop === this.#byte && frame.hopLimit > 0) this.#acknowledge(frame, 0);
    this.#relay(reception);
  }

  #heardAgain(reception: Reception, seen: Seen): void {
    const { frame } = reception;
    this.#stop(frame.from, frame.id);
    if (frame.hopLimit > seen.hopLimitBefore && this.#queue.remove(frame.from, frame.id, frame.hopLimit)) {
      this.#relay(reception);
      return;
    }
    const fromItsMaker = frame.hopStart === frame.hopLimit && (frame.to !== BROADCAST || frame.hopStart > 0);
    if (!fromItsMaker) {
      const asked = frame.to !== BROADCAST && seen.nextHop === this.#byte;
      if (this.role !== "router" && !asked && this.#queue.remove(frame.from, frame.id)) this.#relaysCancelled++;
    } else if (!this.#queue.has(frame.from, frame.id) && !this.#relay(reception)) {
      // The maker has not heard us: the acknowledgement was lost.
      if (frame.to === this.number && frame.wantAck === true) this.#acknowledge(frame, 0);
    }
  }

  #relay({ frame, snrDb }: Reception): boolean {
    if (frame.to === this.number || frame.from === this.number || frame.hopLimit === 0 || this.role === "mute")
      return false;
    if (frame.nextHop !== undefined && frame.nextHop !== this.#byte) return false;
    const nextHop = frame.nextHop === undefined ? undefined : this.#history.nextHop(frame.to, frame.relay);
    const relayed = { ...towards(frame, nextHop), hopLimit: frame.hopLimit - 1, relay: this.#byte };
    this.#history.see(relayed);
    if (this.#silentMinutes() > 0) {
      this.#hour.cutOff++;
      return true;
    }
    if (nextHop !== undefined && (relayed.hopLimit > 0 || relayed.wantAck === true)) {
      this.#unanswered.start(relayed, RELAY_SENDS);
    }
    this.#enqueue(relayed, snrDb);
    return true;
  }

  /** A packet of ours towards whoever sent this. Of texts even the acknowledgement is to be acknowledged. */
  #acknowledge({ from: to, id: requestId, port }: AirFrame, hopLimit: number): void {
    if (this.#silentMinutes() > 0) return;
    const id = 1 + drawBelow(this.#random, 2 ** 32 - 1);
    const wantAck = port === TEXT_MESSAGE_APP;
    const head = { from: this.number, to, id, hopLimit, hopStart: hopLimit, relay: this.#byte };
    const frame = { ...head, requestId, wantAck, port: ROUTING_APP, payload: ACKNOWLEDGED };
    this.#history.see(frame);
    if (wantAck) this.#unanswered.start(frame, OWN_SENDS);
    this.#enqueue(frame);
  }

  #sendAgain(frame: AirFrame, last: boolean): void {
    if (this.#silentMinutes() > 0) return;
    if (last) this.#history.forgetRoute(frame.to);
    this.#enqueue(last ? towards(frame, undefined) : frame);
  }

  /** False when it was not waited for. */
  #stop(from: number, id: number): boolean {
    const stopped = this.#unanswered.stop(from, id);
    if (stopped?.sent === true && (from === this.number || this.role !== "router")) this.#queue.remove(from, id);
    return stopped !== undefined;
  }

  #give(reception: Reception): void {
    for (const delayMs of this.#air.deliveriesMs(this.number)) {
      if (delayMs === 0) this.#host?.packet(reception);
      else this.#timetable.after(delayMs, () => this.#host?.packet(reception));
    }
  }

  #enqueue(frame: AirFrame, snrDb?: number): boolean {
    const frameBytes = frameBytesOf(frame);
    const key = packetKey(frame.from, frame.id);
    const queued = this.#queue.offer({ frame, key, frameBytes, priority: priorityOf(frame), snrDb });
    if (this.#timer === undefined) this.#draw();
    return queued;
  }

  /** Draws a delay for the first in the queue. A timer that runs is replaced. */
  #draw(): void {
    const head = this.#queue.first;
    if (head === undefined || this.#sending) return;
    const slots =
      head.snrDb === undefined
        ? ownSlots(this.#use(), this.#random)
        : relaySlots(head.snrDb, this.role === "router", this.#random);
    this.#wait(slots * this.#slotMs);
  }

  #wait(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.#timetable.after(ms, () => {
      this.#timer = undefined;
      this.#send();
    });
  }

  /** The delay is over: whoever is first now goes, unless the channel is in use; its end draws a new delay. */
  #send(): void {
    if (this.#queue.length === 0 || this.#sending) return;
    const busyMs = this.#air.busyForMs(this.number);
    if (busyMs > 0) {
      this.#wait(busyMs);
      return;
    }
    const item = this.#queue.takeFirst();
    if (item === undefined) return;
    if (item.snrDb !== undefined) this.#relayed++;
    this.#hour.add(this.#timetable.nowMs(), this.#airtimeMs(item.frameBytes));
    this.#sending = true;
    this.#air.transmit(this.number, item.frame, item.frameBytes, () => {
      this.#sending = false;
      if (this.#powered) this.#draw();
    });
  }

  #airtimeMs(frameBytes: number): number {
    return timeOnAirUs(frameBytes, this.#air.modulation) / 1000;
  }

  #use(): number {
    return Math.min(this.#channelMs.total(this.#timetable.nowMs()) / MINUTE_MS, 1);
  }

  /** 0 when the radio may send. */
  #silentMinutes(): number {
    return this.#hour.silentMinutes(this.#timetable.nowMs());
  }
}
