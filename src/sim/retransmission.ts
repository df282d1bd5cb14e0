/**
 * Packets that wait for an acknowledgement: up to three sends, then the word that nobody answered.
 *
 * Source: `src/mesh/NextHopRouter.cpp` and `ReliableRouter.cpp` of the firmware. While the radio sends or receives something
 * else it can't hear an acknowledgement, so that much is added to each wait.
 * @module
 */
import { packetKey, type AirFrame } from "./mesh-frame.ts";
import type { Timetable } from "./timetable.ts";
import type { Timer } from "./virtual-clock.ts";

/** `NUM_RELIABLE_RETX`: sends of one's own packet in all; `NUM_INTERMEDIATE_RETX`: of one relayed to a known next hop. */
export const OWN_SENDS = 3;
export const RELAY_SENDS = 2;
const MAX_PENDING = 64;

export interface RetransmissionParts {
  readonly timetable: Timetable;
  /** How long this frame's acknowledgement is waited for from now, in ms. */
  readonly patienceMs: (frame: AirFrame) => number;
  /** @param last true for the last send, which no longer trusts a learnt way */
  readonly sendAgain: (frame: AirFrame, last: boolean) => void;
  readonly giveUp: (frame: AirFrame) => void;
}

interface Pending {
  readonly frame: AirFrame;
  sendsLeft: number;
  dueMs: number;
  timer: Timer;
}

export class Retransmission {
  readonly #parts: RetransmissionParts;
  readonly #pending = new Map<number, Pending>();

  constructor(parts: RetransmissionParts) {
    this.#parts = parts;
  }

  /** The frame goes out for the first time now. One more than the radio has room for is sent once only. */
  start(frame: AirFrame, sends: number): void {
    const key = packetKey(frame.from, frame.id);
    this.stop(frame.from, frame.id);
    if (this.#pending.size >= MAX_PENDING) return;
    const waitMs = this.#parts.patienceMs(frame);
    const dueMs = this.#parts.timetable.nowMs() + waitMs;
    this.#pending.set(key, { frame, sendsLeft: sends - 1, dueMs, timer: this.#timer(key, waitMs) });
  }

  /** Undefined when it was not waited for; `sent` when a copy that is still queued need not go out any more. */
  stop(from: number, id: number): { readonly sent: boolean } | undefined {
    const key = packetKey(from, id);
    const pending = this.#pending.get(key);
    if (pending === undefined) return undefined;
    pending.timer.cancel();
    this.#pending.delete(key);
    return { sent: pending.sendsLeft < OWN_SENDS - 1 };
  }

  /** The radio was, or will be, busy for so long with something else than that packet. */
  extend(ms: number, exceptId?: number): void {
    for (const pending of this.#pending.values()) if (pending.frame.id !== exceptId) pending.dueMs += ms;
  }

  clear(): void {
    for (const { timer } of this.#pending.values()) timer.cancel();
    this.#pending.clear();
  }

  #timer(key: number, ms: number): Timer {
    return this.#parts.timetable.after(ms, () => this.#due(key));
  }

  #due(key: number): void {
    const pending = this.#pending.get(key);
    if (pending === undefined) return;
    const { timetable, patienceMs, sendAgain, giveUp } = this.#parts;
    const leftMs = pending.dueMs - timetable.nowMs();
    if (leftMs > 0) {
      pending.timer = this.#timer(key, leftMs);
      return;
    }
    if (pending.sendsLeft === 0) {
      this.#pending.delete(key);
      giveUp(pending.frame);
      return;
    }
    sendAgain(pending.frame, pending.sendsLeft === 1);
    pending.sendsLeft--;
    const waitMs = patienceMs(pending.frame);
    pending.dueMs = timetable.nowMs() + waitMs;
    pending.timer = this.#timer(key, waitMs);
  }
}
