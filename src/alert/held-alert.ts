/**
 * An alert that this node holds, and what its clock says of it.
 *
 * A clock may be wrong: a Pi without a battery wakes in the past. What an unsure clock would hide is shown, and said to be
 * unsure; only time that has surely passed ends an alert.
 * @module
 */
import type { Clock } from "../ports/clock.ts";
import { lifeS, type Notice } from "./notice.ts";
import type { SignedAlert } from "./signed-alert.ts";

export interface HeldAlert extends SignedAlert {
  readonly id: string;
  readonly authorHex: string;
  /** 32 bytes. */
  readonly digest: Uint8Array;
  readonly notice: Notice;
  /** `unknown-key`: nobody here knows the author's key yet. What fails against a key is never held. */
  readonly signed: "good" | "unknown-key";
  /** Unix ms by this node's clock; 0 when it was not set. */
  readonly heardAtMs: number;
  /** Monotonic ms in this life of the agent. */
  readonly heardMonotonicMs: number;
  /** Unix ms when a person here said that it was read (1 when the clock was not set); undefined while nobody did. */
  readonly acknowledgedAtMs: number | undefined;
}

/** Before this moment a clock was never set: the software is younger. 2025-01-01. */
const CLOCK_SET_MS = Date.UTC(2025, 0, 1);
/** From this moment on a clock is wrong: what it says to be over would be over for good. 2045-01-01. */
const CLOCK_ABSURD_MS = Date.UTC(2045, 0, 1);
/** Clocks of a village differ by so much, and nothing is made of it. */
export const CLOCK_TOLERANCE_MS = 600_000;

export function isClockSet(clock: Pick<Clock, "nowMs">): boolean {
  return clock.nowMs() >= CLOCK_SET_MS && clock.nowMs() < CLOCK_ABSURD_MS;
}

/** The wall clock's time, 0 when it can't be right. */
export function wallMs(clock: Pick<Clock, "nowMs">): number {
  return isClockSet(clock) ? Math.floor(clock.nowMs()) : 0;
}

/** Unix ms at which it ends; undefined when nobody knows when it was sent. */
export function endMs({ notice, heardAtMs }: Pick<HeldAlert, "notice" | "heardAtMs">): number | undefined {
  const startMs = notice.sentUnixS === 0 ? heardAtMs : notice.sentUnixS * 1000;
  return startMs === 0 ? undefined : startMs + lifeS(notice) * 1000;
}

/** True once its time is over by any clock that can't be wrong in that direction. */
export function isExpired(held: Pick<HeldAlert, "notice" | "heardAtMs" | "heardMonotonicMs">, clock: Clock): boolean {
  // Heard after it was sent: so much time has passed, whatever the calendars say.
  if (clock.monotonicMs() - held.heardMonotonicMs >= lifeS(held.notice) * 1000) return true;
  const end = endMs(held);
  return end !== undefined && isClockSet(clock) && clock.nowMs() >= end;
}

/** Sent later than now: the author's clock is wrong, or ours. */
export function isFuture({ sentUnixS }: Pick<Notice, "sentUnixS">, clock: Pick<Clock, "nowMs">): boolean {
  return isClockSet(clock) && sentUnixS * 1000 > clock.nowMs() + CLOCK_TOLERANCE_MS;
}

/** True when nobody can say how old the alert is. */
export function isTimeUnsure({ notice }: Pick<HeldAlert, "notice">, clock: Pick<Clock, "nowMs">): boolean {
  return !isClockSet(clock) || notice.sentUnixS === 0 || isFuture(notice, clock);
}
