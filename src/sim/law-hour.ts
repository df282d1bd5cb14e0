/**
 * A radio's book of the law's hour, as the firmware keeps it: in RAM, over all that it sent, relays too. Times in ms.
 * @module
 */
import type { Ratio } from "../radio/regions.ts";
import { SlidingSum } from "./sliding-sum.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

export class LawHour {
  /** Share of an hour that may be sent, 0 … 1. */
  dutyCycle: Ratio = 1;
  /** Packets refused, or not relayed, because the hour was used up. */
  cutOff = 0;
  readonly #sent = new SlidingSum(HOUR_MS);

  add(nowMs: number, airtimeMs: number): void {
    this.#sent.add(nowMs, airtimeMs);
  }

  /** Takes all that is left. */
  useUp(nowMs: number): void {
    const leftMs = this.dutyCycle * HOUR_MS - this.#sent.total(nowMs);
    if (this.dutyCycle < 1 && leftMs > 0) this.#sent.add(nowMs, leftMs + 1);
  }

  /** Minutes until the radio may send; 0 when it may now. */
  silentMinutes(nowMs: number): number {
    if (this.dutyCycle >= 1) return 0;
    return Math.ceil(this.#sent.msUntilAtMost(this.dutyCycle * HOUR_MS, nowMs) / MINUTE_MS);
  }

  /** Of the hour, 0 … 1. */
  use(nowMs: number): Ratio {
    return Math.min(this.#sent.total(nowMs) / HOUR_MS, 1);
  }

  clear(): void {
    this.#sent.clear();
  }
}
