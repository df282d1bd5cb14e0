/** What looks after a booted node while it runs, and tells neighbours of what it finds. @module */
import type { Booted, OpenNode } from "../boot.ts";
import type { Config } from "../config/schema.ts";
import type { TrustHerald } from "../desk/trust-herald.ts";
import { workerAssessor } from "../drivers/assess-worker.ts";
import { systemClock } from "../drivers/clock.ts";
import { systemRandom } from "../drivers/random.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import { readEntropyRecord } from "../trust/entropy-record.ts";
import { EntropyWatch } from "../trust/entropy-watch.ts";
import { TrustWatch } from "../trust/watch.ts";

/** Undefined when the node could not measure itself. */
export function watchTrust({ requote }: Booted, herald: TrustHerald, log: Log): TrustWatch | undefined {
  if (requote === undefined) return undefined;
  return new TrustWatch({
    requote,
    clock: systemClock(),
    random: systemRandom(),
    log: log.named("trust"),
    onChange: (step) => herald.onWatch(step),
  });
}

export async function watchEntropy(
  { trust, entropy }: Config,
  { seeded }: OpenNode,
  { memory, herald, log }: { readonly memory: Memory; readonly herald: TrustHerald; readonly log: Log },
): Promise<EntropyWatch> {
  const { on_failure: onFailure, reseed_minutes: reseedMinutes, assess_days: assessDays } = entropy;
  const endsOnFailure = trust.mode === "enforce" && onFailure === "quarantine";
  const parts = {
    seeded,
    memory,
    assessor: workerAssessor,
    clock: systemClock(),
    log: log.named("entropy"),
    policy: { onFailure, endsOnFailure, reseedMinutes, assessDays },
    onChange: ({ source, ok }: { readonly source: string; readonly ok: boolean }) => herald.onSource(source, ok),
  };
  return new EntropyWatch(parts, (await readEntropyRecord(memory)) ?? new Map());
}
