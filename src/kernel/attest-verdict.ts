/** A verdict as the command line and the API tell it. @module */
import type { VerdictReport } from "./attest-reports.ts";
import type { VerifyResult } from "./attest-tools.ts";

export function verdictReport({ verdict, name }: Pick<VerifyResult, "verdict" | "name">): VerdictReport {
  if (!verdict.ok) {
    const { reason, detail, fix } = verdict;
    return { ok: false, name, reason, detail, fix, warnings: [], counters: null };
  }
  const { resetCount, restartCount, clock } = verdict.counters;
  // As text: a program that reads it as a number would round it.
  const counters = { reset_count: resetCount, restart_count: restartCount, clock: clock.toString() };
  return { ok: true, name, reason: "", detail: "", fix: "", warnings: verdict.warnings, counters };
}
