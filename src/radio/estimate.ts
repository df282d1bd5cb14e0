/**
 * What sending something would cost, before it is sent: for people, and for the policy that may refuse or put it off.
 * Pure; times on air in µs, waits in ms.
 * @module
 */
import { payloadAirtimeUs } from "./airtime.ts";
import { shareUs } from "./budget.ts";
import { WINDOW_MS } from "./ledger.ts";
import type { RadioLimits } from "./limits.ts";

export interface EstimateRequest {
  /** 0 or more. */
  readonly packets: number;
  /** Of each, 1 … 231. */
  readonly payloadBytes: number;
  readonly limits: RadioLimits;
  /** What of the rolling hour is used already: `SchedulerStatus.usedUs`. */
  readonly ledgerUsedUs: number;
  /** Monotonic. */
  readonly nowMs: number;
  /** Until then the radio wants silence; monotonic. */
  readonly silentUntilMs?: number;
  /** What may be used in an hour, when that is less than the share: `SchedulerStatus.budgetUs`. */
  readonly budgetUs?: number;
}

export interface Estimate {
  /** Of all packets. */
  readonly airtimeUs: number;
  /** True when all of them may go in this hour. */
  readonly fitsBudget: boolean;
  /**
   * The last packet is over by then if nothing else is sent, and no neighbour's traffic holds us up: a bound from above on
   * what the law makes us wait, since what is used may leave the hour earlier. Infinity when one packet exceeds the budget.
   */
  readonly finishInMs: number;
}

/** @throws RangeError above 231 bytes a packet: a fault of ours */
export function estimate(request: EstimateRequest): Estimate {
  const { packets, payloadBytes, limits, ledgerUsedUs, nowMs, silentUntilMs = nowMs } = request;
  const packetUs = payloadAirtimeUs(payloadBytes, limits.modulation, limits.radioSigns);
  const airtimeUs = packets * packetUs;
  if (packets === 0) return { airtimeUs: 0, fitsBudget: true, finishInMs: 0 };
  const budgetUs = request.budgetUs ?? shareUs(limits);
  const anHour = Math.floor(budgetUs / packetUs);
  const tooLong = limits.maxPacketUs !== undefined && packetUs > limits.maxPacketUs;
  if (anHour === 0 || tooLong) return { airtimeUs, fitsBudget: false, finishInMs: Number.POSITIVE_INFINITY };
  const atOnce = Math.max(0, Math.floor((budgetUs - ledgerUsedUs) / packetUs));
  const later = Math.max(0, packets - atOnce);
  const hours = Math.ceil(later / anHour);
  const inLastHour = hours === 0 ? packets : later - (hours - 1) * anHour;
  const silentMs = Math.max(0, silentUntilMs - nowMs);
  // What goes at once fills the hour; each later hour begins when the packets of the one before have left the window.
  const waitMs =
    hours * WINDOW_MS + (hours === 0 ? 0 : ((Math.min(atOnce, packets) + (hours - 1) * anHour) * packetUs) / 1000);
  return {
    airtimeUs,
    fitsBudget: later === 0,
    finishInMs: Math.ceil(silentMs + waitMs + (inLastHour * packetUs) / 1000),
  };
}
