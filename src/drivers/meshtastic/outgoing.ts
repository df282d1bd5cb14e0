/**
 * What holds a packet back before it goes to the radio: its own faults, a full queue, the law's hour.
 * @module
 */
import { BROADCAST, MAX_PAYLOAD_BYTES, type OutgoingPacket, type SendOutcome } from "../../ports/modem.ts";

const MAX_PORT = 511;
const MAX_HOPS = 7;
const MAX_CHANNEL = 7;
/** The radio reports its queue with each packet and heartbeat; an older word no longer counts. */
const QUEUE_NEWS_MS = 10_000;
/** How long to hold back when the radio does not name the minutes. */
const UNNAMED_WAIT_MS = 5 * 60_000;
/** The law's hour: no longer wait makes sense, whatever the radio says. */
const LONGEST_WAIT_MS = 60 * 60_000;
const REMEMBERED_IDS = 64;

/** Why no radio could ever send this, or undefined when it is well formed. */
export function packetFault(packet: OutgoingPacket): string | undefined {
  const { port, payload, hopLimit } = packet;
  if (payload.length === 0) return "empty payload";
  if (payload.length > MAX_PAYLOAD_BYTES) return `payload above ${MAX_PAYLOAD_BYTES} bytes`;
  if (!Number.isInteger(port) || port < 1 || port > MAX_PORT) return "port outside 1 to 511";
  if (!Number.isInteger(hopLimit) || hopLimit < 0 || hopLimit > MAX_HOPS) return "hop limit outside 0 to 7";
  return wayFault(packet);
}

/** What is wrong with whom it is for, and how it is to get there. */
function wayFault({ to, channel = 0, wantAck = false }: OutgoingPacket): string | undefined {
  if (wantAck && to === BROADCAST) return "an acknowledgement by all";
  if (!Number.isInteger(channel) || channel < 0 || channel > MAX_CHANNEL) return "no such channel";
  if (!Number.isInteger(to) || to < 1 || to > 0xffff_ffff) return "no such node number";
  return undefined;
}

/** The minutes in "Duty cycle limit exceeded. You can send again in 50 mins", or undefined for another notice. */
export function dutyCycleMinutes(notice: string): number | undefined {
  if (!/duty cycle/i.test(notice)) return undefined;
  const minutes = /(\d{1,4})\s*min/i.exec(notice)?.[1];
  return minutes === undefined ? UNNAMED_WAIT_MS / 60_000 : Number(minutes);
}

/** What the radio last said about itself, as an answer to "may I send?". Moments are monotonic ms. */
export class SendGate {
  #free: number | undefined;
  #newsMs = 0;
  #holdUntilMs = Number.NEGATIVE_INFINITY;
  #ids: number[] = [];

  /** The reason to wait, or undefined when a packet may go. */
  verdict(nowMs: number): SendOutcome | undefined {
    if (nowMs < this.#holdUntilMs) return { kind: "duty-cycle", waitMs: Math.ceil(this.#holdUntilMs - nowMs) };
    if (this.#free === 0 && nowMs - this.#newsMs < QUEUE_NEWS_MS) {
      return { kind: "busy", reason: "the radio's queue is full" };
    }
    return undefined;
  }

  /** A packet went to the radio. */
  sent(id: number): void {
    if (this.#free !== undefined && this.#free > 0) this.#free--;
    this.#ids.push(id);
    if (this.#ids.length > REMEMBERED_IDS) this.#ids.shift();
  }

  /** Whether the id is one of our latest: only then is the radio's word about it meant for us. */
  isOurs(id: number): boolean {
    return this.#ids.includes(id);
  }

  queueIs(free: number, nowMs: number): void {
    this.#free = free;
    this.#newsMs = nowMs;
  }

  /** The connection or the radio is new: its queue is unknown. The law's hour stays used up. */
  forgetQueue(): void {
    this.#free = undefined;
  }

  /** The radio sends nothing for now. @param minutes when it named them */
  hold(nowMs: number, minutes?: number): void {
    // The radio rounds down, to 0 as well: whatever we sent in that minute it would lose.
    const namedMs = Math.min(Math.max(minutes ?? 0, 1) * 60_000, LONGEST_WAIT_MS);
    const waitMs = minutes === undefined ? UNNAMED_WAIT_MS : namedMs;
    // A bare refusal must not shorten, nor lengthen for ever, the wait that a notice named.
    if (minutes !== undefined || nowMs >= this.#holdUntilMs) this.#holdUntilMs = nowMs + waitMs;
  }
}
