/**
 * A modem as its house hears it: packets may come garbled, twice, or after the one that followed them. What the house
 * hands to its radio is told to a listener.
 * @module
 */
import type { Modem, OutgoingPacket, RadioPacket } from "../ports/modem.ts";
import type { Random } from "../ports/random.ts";
import { chance } from "../radio/chance.ts";
import { drawBelow } from "./seeded-random.ts";

/** Shares of the packets that are heard, 0 … 1. */
export interface Hearing {
  /** One bit differs: the radio's CRC has missed it. */
  readonly garbled: number;
  readonly twice: number;
  /** Given after the next one. */
  readonly late: number;
}

export const CLEAR: Hearing = { garbled: 0, twice: 0, late: 0 };

export class Ears implements Modem {
  readonly name: string;
  readonly uri: string;
  hearing = CLEAR;
  readonly #modem: Modem;
  readonly #random: Random;
  readonly #onSent: (packet: OutgoingPacket) => void;
  readonly #ready: RadioPacket[] = [];
  #late: RadioPacket | undefined;

  constructor(modem: Modem, random: Random, onSent: (packet: OutgoingPacket) => void) {
    this.name = modem.name;
    this.uri = modem.uri;
    this.#modem = modem;
    this.#random = random;
    this.#onSent = onSent;
  }

  state(): ReturnType<Modem["state"]> {
    return this.#modem.state();
  }

  channelUse(): ReturnType<Modem["channelUse"]> {
    return this.#modem.channelUse();
  }

  counters(): ReturnType<Modem["counters"]> {
    return this.#modem.counters();
  }

  async send(packet: OutgoingPacket, signal: AbortSignal): ReturnType<Modem["send"]> {
    const outcome = await this.#modem.send(packet, signal);
    if (outcome.kind === "taken") this.#onSent(packet);
    return outcome;
  }

  async receive(signal: AbortSignal): Promise<RadioPacket | undefined> {
    for (;;) {
      const ready = this.#ready.shift();
      if (ready !== undefined) return ready;
      const packet = await this.#modem.receive(signal);
      if (packet === undefined || this.hearing === CLEAR) return packet;
      this.#hear(packet);
    }
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#modem.run(signal);
  }

  #hear(packet: RadioPacket): void {
    const { garbled, twice, late } = this.hearing;
    const heard = this.#happens(garbled) ? { ...packet, payload: flipOneBit(packet.payload, this.#random) } : packet;
    const before = this.#late;
    this.#late = undefined;
    if (before === undefined && this.#happens(late)) this.#late = heard;
    else this.#ready.push(heard);
    if (this.#happens(twice)) this.#ready.push({ ...heard, payload: heard.payload.slice() });
    if (before !== undefined) this.#ready.push(before);
  }

  #happens(share: number): boolean {
    return share > 0 && chance(this.#random) < share;
  }
}

/** A copy in which one bit differs; an empty payload stays as it is. */
export function flipOneBit(payload: Uint8Array, random: Random): Uint8Array {
  const copy = payload.slice();
  const bit = drawBelow(random, Math.max(copy.length * 8, 1));
  const at = bit >> 3;
  if (at < copy.length) copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7));
  return copy;
}
