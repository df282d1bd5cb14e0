/** The node's knowledge of the time, over this machine's clocks, its radio and its alerts. @module */
import type { Config } from "../config/schema.ts";
import type { OpenParts } from "../desk/parts.ts";
import { signedTimes } from "../desk/time-desk.ts";
import { systemClock } from "../drivers/clock.ts";
import { thisMachine } from "../drivers/machine.ts";
import { utf8 } from "../kernel/bytes.ts";
import type { Log } from "../ports/log.ts";
import type { Memory } from "../ports/memory.ts";
import { TimeKeeper } from "../upkeep/time-keeper.ts";
import { machineClocks, REPORT_FILE, RUN_DIRECTORY } from "../upkeep/time-sources.ts";

const DAY_S = 86_400;

export interface TimeGround {
  readonly memory: Memory;
  /** Undefined in quarantine: then neither radio nor alerts tell anything. */
  readonly open: OpenParts | undefined;
  readonly log: Log;
}

export function keepTime({ time }: Config, { memory, open, log }: TimeGround): Promise<TimeKeeper> {
  // The machine's own, also where the village's goes faster.
  const clock = systemClock();
  const machine = thisMachine();
  return TimeKeeper.open({
    clock,
    memory,
    log: log.named("time"),
    clocks: () => machineClocks(machine),
    radio: () => {
      const link = open?.modem.state();
      const told = link?.kind === "ready" && time.radio === "listen" ? link.settings.clock : undefined;
      return told && { atS: told.atS, msAgo: clock.monotonicMs() - told.monotonicMs };
    },
    signed: () => (open === undefined ? { others: [], own: 0 } : signedTimes(open)),
    publish: async (report) => {
      // Made by systemd for the agent's unit: elsewhere nobody reads it.
      if ((await machine.status(RUN_DIRECTORY))?.kind !== "directory") return;
      await machine.write(REPORT_FILE, utf8(JSON.stringify(report))).catch(() => undefined);
    },
    maxAheadS: time.max_ahead_days * DAY_S,
  });
}
