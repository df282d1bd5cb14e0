/**
 * How full the channel is: what the radio reports, and what we heard and sent ourselves in the last minute.
 *
 * The radio knows all that it hears, also what is not for us, but reports it about once a minute, or less; the figure is
 * then of the minute before. Our own books know only what reached us, but at once. The larger counts. A report fades
 * with its age, so that the last bad figure of a radio that reports no more does not stand for ever.
 * @module
 */
import type { ChannelUse } from "../ports/modem.ts";
import type { Ratio } from "./regions.ts";

const MINUTE_MS = 60_000;
const SLICE_MS = 5_000;
const SLICES = MINUTE_MS / SLICE_MS;
/** A report counts whole for as long as the next may take, then less and less. */
const FRESH_MS = 90_000;
const WORTHLESS_MS = 600_000;

export class ChannelLoad {
  /** Airtime by the number of its slice since the clock began. At most {@link SLICES}. */
  readonly #slices = new Map<number, number>();
  #report: ChannelUse | undefined;
  #reported: Ratio = 0;
  #reportedMs = Number.NEGATIVE_INFINITY;

  /** A packet that was on air, ours or another's. @param atMs monotonic */
  add(airtimeUs: number, atMs: number): void {
    this.#prune(atMs);
    const slice = Math.floor(atMs / SLICE_MS);
    this.#slices.set(slice, (this.#slices.get(slice) ?? 0) + airtimeUs);
  }

  /**
   * Takes note of what the radio says now; the same object again is no new report.
   * @returns true when it is a new one
   */
  report(use: ChannelUse, nowMs: number): boolean {
    if (use === this.#report) return false;
    this.#report = use;
    if (use.channelUtilization !== undefined) {
      this.#reported = use.channelUtilization;
      this.#reportedMs = nowMs;
    }
    return true;
  }

  used(nowMs: number): Ratio {
    this.#prune(nowMs);
    let ownUs = 0;
    for (const airtimeUs of this.#slices.values()) ownUs += airtimeUs;
    const ageMs = nowMs - this.#reportedMs;
    const worth = Math.min(1, Math.max(0, (WORTHLESS_MS - ageMs) / (WORTHLESS_MS - FRESH_MS)));
    return Math.min(1, Math.max(ownUs / 1000 / MINUTE_MS, worth * this.#reported));
  }

  #prune(nowMs: number): void {
    const oldest = Math.floor(nowMs / SLICE_MS) - SLICES;
    for (const slice of this.#slices.keys()) if (slice <= oldest) this.#slices.delete(slice);
  }
}
