/** The time, for the node's operators. @module */
import type { TimeView } from "../api/time.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Check } from "../kernel/reports.ts";
import type { TimeReport, TimeWish } from "../kernel/time.ts";
import type { TimeKeeper } from "../upkeep/time-keeper.ts";
import type { DeskParts, OpenParts } from "./parts.ts";

export class TimeDesk implements TimeView {
  readonly #keeper: Pick<TimeKeeper, "report" | "set"> | undefined;

  constructor({ time }: Pick<DeskParts, "time">) {
    this.#keeper = time;
  }

  async report(): Promise<TimeReport> {
    return this.#demand().report();
  }

  async set(wish: TimeWish): Promise<TimeReport> {
    return this.#demand().set(wish);
  }

  #demand(): Pick<TimeKeeper, "report" | "set"> {
    if (this.#keeper !== undefined) return this.#keeper;
    throw new AgentError("STARTING", "this node does not keep the time", { fix: "start the agent" });
  }
}

export function timeChecks({ time }: Pick<DeskParts, "time">): readonly Check[] {
  if (time === undefined) return [];
  const { set, source, detail, fix, uncertainty_s: uncertainty } = time.report();
  const name = "time";
  if (!set) return [{ name, state: "WARN", detail: `${detail}; certificates and policies are not judged`, fix }];
  if (detail !== "") return [{ name, state: "WARN", detail: `${detail} (by ${source})`, fix }];
  return [{ name, state: "OK", detail: `by ${source}, within ${uncertainty ?? 0} s`, fix: "" }];
}

/** What alerts tell of the time: the latest date that each believed author has signed, and our own latest. */
export function signedTimes({ alerts }: Pick<OpenParts, "alerts">): { others: readonly number[]; own: number } {
  const latest = new Map<string, number>();
  for (const held of alerts.list()) {
    if (!alerts.isTrusted(held)) continue;
    latest.set(held.authorHex, Math.max(latest.get(held.authorHex) ?? 0, held.notice.sentUnixS));
  }
  const own = latest.get(alerts.self) ?? 0;
  latest.delete(alerts.self);
  return { others: [...latest.values()], own };
}
