/**
 * The airtime ledger on disk, so that what was sent in the last hour still counts after a restart; and what it says, for
 * the status report.
 * @module
 */
import { utf8 } from "../kernel/bytes.ts";
import type { StatusReport } from "../kernel/reports.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { AirtimeLedger } from "../radio/ledger.ts";
import type { SchedulerStatus } from "../radio/scheduler.ts";

export interface AirBook {
  readonly ledger: AirtimeLedger;
  /** Durable. */
  readonly save: (snapshot: Uint8Array) => Promise<void>;
}

/** Begins with a byte that no kind of the shard's keys has. */
const LEDGER_KEY = utf8("~airtime");

export async function openAirBook(store: Store, clock: Clock, log: Log): Promise<AirBook> {
  const save = (snapshot: Uint8Array): Promise<void> => store.write([{ key: LEDGER_KEY, value: snapshot }]);
  const kept = await store.get(LEDGER_KEY);
  if (kept === undefined) return { ledger: new AirtimeLedger(), save };
  const restored = AirtimeLedger.restore(kept, { monotonicMs: clock.monotonicMs(), wallMs: clock.nowMs() });
  if (restored.ok) return { ledger: restored.value, save };
  // The store authenticates what it gives back, so this is a ledger of another version, not damage.
  log.warn("The airtime ledger can't be read and begins anew", { reason: restored.reason });
  return { ledger: new AirtimeLedger(), save };
}

type AirFields = Pick<
  StatusReport["radio"],
  | "air_used_ms"
  | "air_budget_ms"
  | "air_law_ms"
  | "air_others_ms"
  | "duty_cycle"
  | "duty_share"
  | "channel_use"
  | "waiting_for"
  | "silent_s"
  | "holds"
  | "queued"
>;

/** How the airtime stands, for operators. */
export function airFields(air: SchedulerStatus): AirFields {
  return {
    air_used_ms: Math.round(air.usedUs / 1000),
    air_budget_ms: Math.round(air.budgetUs / 1000),
    air_law_ms: Math.round(air.lawUs / 1000),
    air_others_ms: Math.round(air.othersUs / 1000),
    duty_cycle: air.dutyCycle,
    duty_share: air.share,
    channel_use: Math.round(air.channelUse * 1000) / 1000,
    waiting_for: air.waitingFor,
    silent_s: Math.ceil(air.silentMs / 1000),
    holds: air.holds,
    queued: air.queued,
  };
}

/** The same while the radio is shut. */
export const NO_AIR: AirFields = {
  air_used_ms: 0,
  air_budget_ms: 0,
  air_law_ms: 0,
  air_others_ms: 0,
  duty_cycle: 0,
  duty_share: 0,
  channel_use: 0,
  waiting_for: "frames",
  silent_s: 0,
  holds: {},
  queued: 0,
};
