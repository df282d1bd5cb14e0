import { describe, expect, test } from "vitest";
import type { Clock } from "../../src/ports/clock.ts";
import { timetableOn } from "../../src/sim/timetable.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";

/** The same time as the virtual clock's, without its calls. */
function sleepOnly(clock: VirtualClock): Clock {
  return {
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
}

describe.each([
  ["the virtual clock", (clock: VirtualClock): Clock => clock],
  ["a clock that can only sleep", sleepOnly],
])("a timetable on %s", (_, clockOn) => {
  test("calls in the order of the moments, but not what was cancelled, nor anything after its end", async () => {
    const clock = new VirtualClock();
    const life = new AbortController();
    const timetable = timetableOn(clockOn(clock), life.signal);
    const calls: string[] = [];
    const call = (name: string, ms: number): { cancel: () => void } => timetable.after(ms, () => void calls.push(name));
    call("late", 20_000);
    call("soon", 10_000);
    const cancelled = call("cancelled", 15_000);
    call("after the end", 60_000);
    cancelled.cancel();
    await clock.advance(40_000);
    expect(calls).toEqual(["soon", "late"]);
    expect(timetable.nowMs()).toBe(40_000);
    life.abort();
    call("too late", 0);
    cancelled.cancel();
    await clock.advance(40_000);
    expect(calls).toEqual(["soon", "late"]);
    expect(clock.sleeping).toBe(0);
  });
});

test("ending one timetable leaves the others of its clock as they were", async () => {
  const clock = new VirtualClock();
  const [one, other] = [new AbortController(), new AbortController()];
  const calls: string[] = [];
  timetableOn(clock, one.signal).after(10, () => void calls.push("one"));
  timetableOn(clock, other.signal).after(10, () => void calls.push("other"));
  one.abort();
  await clock.advance(20);
  expect([calls, clock.sleeping, clock.wakeups]).toEqual([["other"], 0, 1]);
});
