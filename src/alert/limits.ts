/**
 * How many alerts are too many. Who sends more is either broken or hostile, and people stop to read.
 *
 * An author's alerts are counted by the dates that they bear, so that a newcomer who is given a day's alerts within a
 * minute takes them all, and so that all nodes judge alike. Strangers can make any number of authors and dates: all of
 * them together have one allowance, by the time of arrival.
 * @module
 */
import type { HeldAlert } from "./held-alert.ts";

export const MAX_HELD = 48;
export const MAX_OF_AUTHOR = 16;
export const MAX_OF_STRANGERS = 8;
const HOUR_MS = 3_600_000;
const BURST_MS = 600_000;
const AN_HOUR = 6;
const A_BURST = 3;

/** Where an alert stands in time: by its own date, else by its arrival. */
function dateMs({ notice, heardAtMs }: Pick<HeldAlert, "notice" | "heardAtMs">): number {
  return notice.sentUnixS === 0 ? heardAtMs : notice.sentUnixS * 1000;
}

/** True when this one of an author we trust is one too many. A cancel is not: each undoes an alert, and adds none. */
export function isTooMany(candidate: HeldAlert, others: readonly HeldAlert[]): boolean {
  const own = others.filter(({ authorHex }) => authorHex === candidate.authorHex);
  if (own.length >= MAX_OF_AUTHOR) return true;
  if (candidate.notice.msgType === "Cancel") return false;
  const at = dateMs(candidate);
  const within = (ms: number): number =>
    own.filter((held) => held.notice.msgType !== "Cancel" && Math.abs(dateMs(held) - at) < ms).length;
  return within(HOUR_MS) >= AN_HOUR || within(BURST_MS) >= A_BURST;
}

/** The allowance of all strangers together: so many an hour, by the monotonic clock. */
export class StrangersAllowance {
  #arrivalsMs: number[] = [];

  /** True when there was room for one more; it is then used up. */
  take(nowMs: number): boolean {
    this.#arrivalsMs = this.#arrivalsMs.filter((at) => nowMs - at < HOUR_MS);
    if (this.#arrivalsMs.length >= AN_HOUR) return false;
    this.#arrivalsMs.push(nowMs);
    return true;
  }
}
