/** The airtime ledger on disk: what was sent in the last hour still counts after a restart. @module */
import { utf8 } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { AirtimeLedger } from "../radio/ledger.ts";

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
