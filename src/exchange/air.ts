/**
 * How the exchange speaks: messages in, frames to the scheduler out.
 * @module
 */
import { refused } from "../kernel/decoded.ts";
import type { Frame } from "../radio/frame.ts";
import { shareUs } from "../radio/budget.ts";
import { payloadAirtimeUs, type LoraModulation } from "../radio/airtime.ts";
import { MAX_PAYLOAD_BYTES } from "../ports/modem.ts";
import { MAX_MESSAGE_BYTES, encodeMessage } from "../wire/codec.ts";
import type { Message } from "../wire/messages.ts";
import { SEALED_OVERHEAD_BYTES } from "../wire/sealed.ts";
import type { Sealing } from "./sealing.ts";
import { timingFor, type Timing } from "./timing.ts";

export interface AirSettings {
  readonly modulation: LoraModulation;
  /** Relays that our messages may pass, 0 … 7. */
  readonly hopLimit: number;
  /** Bytes of a message, where something around it takes part of the packet; 231 when left out. */
  readonly maxMessageBytes?: number;
  /** True when the radio adds a signature of its own to short broadcasts. */
  readonly radioSigns?: boolean;
  /** Of the hour: what the law lets a radio send, and our part of that; 1 and a half when left out. */
  readonly dutyCycle?: number;
  readonly share?: number;
}

export interface SayOptions {
  readonly priority: Frame["priority"];
  /** Relays that it may pass; as many as are configured when left out. */
  readonly hops?: number;
  /** A waiting frame with the same key is replaced. */
  readonly key?: string;
  readonly expiresInMs?: number;
  /** What it belongs to (a file, a peer): flows of one priority take turns. */
  readonly flow?: string;
  readonly onSent?: (payloadBytes: number, airtimeMs: number) => void;
}

export interface PrivateVillage {
  readonly sealing: Pick<Sealing, "seal">;
  readonly count: (event: string) => void;
}

/** The part of the scheduler that is used here. */
export interface FrameQueue {
  offer(frame: Frame): "queued" | "dropped" | "replaced";
  cancel(key: string): void;
  /** Somebody else's packet was on air, just now. */
  heard?(airtimeUs: number): void;
}

export class Air {
  readonly #queue: FrameQueue;
  readonly #settings: () => AirSettings;
  readonly #monotonicMs: () => number;
  readonly #village: PrivateVillage | undefined;

  /** @param village what is said is sealed for it; in plain when left out */
  constructor(queue: FrameQueue, settings: () => AirSettings, monotonicMs: () => number, village?: PrivateVillage) {
    this.#village = village;
    this.#queue = queue;
    this.#settings = settings;
    this.#monotonicMs = monotonicMs;
  }

  timing(): Timing {
    return timingFor(payloadAirtimeUs(MAX_PAYLOAD_BYTES, this.#settings().modulation));
  }

  /** So many relays, but no more than are configured. Undefined (the radio can't tell): as many as are configured. */
  reach(hops: number | undefined): number {
    const { hopLimit } = this.#settings();
    return Math.min(hops ?? hopLimit, hopLimit);
  }

  /** Bytes of the longest message that fits a packet here; packing must not exceed it. */
  get maxMessageBytes(): number {
    const most = this.#settings().maxMessageBytes ?? MAX_MESSAGE_BYTES;
    return this.#village === undefined ? most : Math.min(most, MAX_MESSAGE_BYTES - SEALED_OVERHEAD_BYTES);
  }

  airtimeMs(payloadBytes: number): number {
    const { modulation, radioSigns } = this.#settings();
    return payloadAirtimeUs(payloadBytes, modulation, radioSigns) / 1000;
  }

  /** Time on air of a full packet. */
  get packetMs(): number {
    return this.airtimeMs(this.maxMessageBytes);
  }

  /** Full packets that we may say in an hour, 1 or more: our share of the law. */
  get packetsAnHour(): number {
    const { dutyCycle = 1, share = 1 / 2 } = this.#settings();
    return Math.max(1, Math.floor(shareUs({ dutyCycle, share }) / 1000 / this.packetMs));
  }

  /** False when the queue was full, or sealing is not possible now, and the message is dropped. @throws AgentError "MESSAGE_TOO_LONG", a fault of ours */
  say(message: Message, options: SayOptions): boolean {
    const payload = this.#payloadOf(message);
    if (payload === undefined) return false;
    const { onSent } = options;
    const frame: Frame = {
      payload,
      priority: options.priority,
      hopLimit: this.reach(options.hops),
      ...(options.key === undefined ? {} : { key: options.key }),
      ...(options.flow === undefined ? {} : { flow: options.flow }),
      ...(options.expiresInMs === undefined ? {} : { expiresAtMs: this.#monotonicMs() + options.expiresInMs }),
      ...(onSent === undefined ? {} : { onSent: (airtimeUs: number) => onSent(payload.length, airtimeUs / 1000) }),
    };
    return this.#queue.offer(frame) !== "dropped";
  }

  #payloadOf(message: Message): Uint8Array | undefined {
    const plain = encodeMessage(message);
    if (this.#village === undefined) return plain;
    const { sealing, count } = this.#village;
    const room = MAX_MESSAGE_BYTES - SEALED_OVERHEAD_BYTES;
    const sealed = plain.length > room ? refused("too long") : sealing.seal(plain);
    if (sealed.ok) return sealed.value;
    count(`unsent_${sealed.reason.replaceAll(" ", "_")}`);
    return undefined;
  }

  cancel(key: string): void {
    this.#queue.cancel(key);
  }

  /** A neighbour's message of so many bytes came in: it counts in the use of the channel. */
  heard(payloadBytes: number): void {
    this.#queue.heard?.(payloadAirtimeUs(Math.min(payloadBytes, MAX_PAYLOAD_BYTES), this.#settings().modulation));
  }
}
