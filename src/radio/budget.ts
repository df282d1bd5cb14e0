/**
 * What we may send in an hour: our share of the law, and never so much that with what our radio sends for others (relayed
 * packets, its owner's chats) the law would be broken.
 *
 * The radio reports its transmitting time of the last hour as `air_util_tx`; what of it we have not sent is others'. A radio
 * that restarts forgets that hour, the law does not: what it had sent for others before then counts on here.
 * @module
 */
import type { AirtimeLedger } from "./ledger.ts";
import type { BudgetLimits } from "./limits.ts";
import type { Ratio } from "./regions.ts";

const HOUR_MS = 3_600_000;
const HOUR_US = 1000 * HOUR_MS;
/** A report that falls to less than half of the last one, within this time, is of a radio that has restarted. */
const RESTART_WITHIN_MS = 300_000;
/** So little is no sign of anything. */
const NOTEWORTHY_US = 2_000_000;

/** The law's hour, in µs. */
export function lawUs({ dutyCycle }: BudgetLimits): number {
  return Math.floor(HOUR_US * dutyCycle);
}

/** What we may send in any hour when the radio sends nothing for others, in µs. */
export function shareUs({ dutyCycle, share }: BudgetLimits): number {
  return Math.floor(HOUR_US * dutyCycle * share);
}

export class Budget {
  #reportedUs = 0;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #othersUs = 0;
  /** Of before a restart of the radio. */
  #carriedUs = 0;
  #carriedUntilMs = Number.NEGATIVE_INFINITY;

  /** The radio's new report. @param airUtilTx 0 … 1 of the hour, ours included @param nowMs monotonic */
  report(airUtilTx: Ratio, ledger: AirtimeLedger, nowMs: number): void {
    const reportedUs = airUtilTx * HOUR_US;
    const fellUs = this.#reportedUs - reportedUs;
    const soon = nowMs - this.#reportedMs < RESTART_WITHIN_MS;
    if (soon && reportedUs < this.#reportedUs / 2 && fellUs > NOTEWORTHY_US) {
      this.#carriedUs = this.othersUs(nowMs);
      this.#carriedUntilMs = nowMs + HOUR_MS;
    }
    this.#reportedUs = reportedUs;
    this.#reportedMs = nowMs;
    this.#othersUs = Math.max(0, reportedUs - ledger.surelyWithinHourUs(nowMs));
  }

  /** What the radio has sent for others in the last hour, as far as we know, in µs. An old report no longer counts. */
  othersUs(nowMs: number): number {
    const reported = nowMs - this.#reportedMs < HOUR_MS ? this.#othersUs : 0;
    return reported + (nowMs < this.#carriedUntilMs ? this.#carriedUs : 0);
  }

  /** What we may have sent in the hour that ends now, in µs. */
  budgetUs(limits: BudgetLimits, nowMs: number): number {
    return Math.max(0, Math.min(shareUs(limits), lawUs(limits) - this.othersUs(nowMs)));
  }
}
