/** What an agent says of the time, from memory: for tests of the API and of the commands. @module */
import type { TimeView } from "../../src/api/time.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import type { TimeReport, TimeWish } from "../../src/kernel/time.ts";

export interface FakeTime extends TimeView {
  says: TimeReport;
  readonly wishes: TimeWish[];
}

export function timeReport(changes: Partial<TimeReport> = {}): TimeReport {
  return {
    set: true,
    source: "network",
    machine_s: 1_800_000_000,
    estimate_s: 1_800_000_000,
    uncertainty_s: 1,
    bound_s: 1_799_000_000,
    bound_by: "this node knew it to be later",
    refused: [],
    detail: "",
    fix: "",
    ...changes,
  };
}

export function fakeTime(): FakeTime {
  const view: FakeTime = {
    says: timeReport(),
    wishes: [],
    report: async () => view.says,
    set: async (wish) => {
      view.wishes.push(wish);
      if (wish.at_s >= view.says.bound_s) return view.says;
      throw new AgentError("TIME_REFUSED", "that can't be the time: earlier than is possible", { fix: "look again" });
    },
  };
  return view;
}
