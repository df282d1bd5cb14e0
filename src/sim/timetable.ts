/**
 * Calls at moments to come, on any clock: straight in the virtual clock's own order, else by sleeping. All of them end with
 * the signal. Moments are monotonic milliseconds.
 * @module
 */
import { LinkedAbort } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import { VirtualClock, type Timer } from "./virtual-clock.ts";

export interface Timetable {
  nowMs(): number;
  /** Calls back after `ms`, unless cancelled or over by then. The call must not throw. */
  after(ms: number, call: () => void): Timer;
}

export function timetableOn(clock: Clock, signal: AbortSignal): Timetable {
  return clock instanceof VirtualClock ? virtualTimetable(clock, signal) : sleepingTimetable(clock, signal);
}

function virtualTimetable(clock: VirtualClock, signal: AbortSignal): Timetable {
  const group = {};
  signal.addEventListener("abort", () => clock.cancelAll(group), { once: true });
  return {
    nowMs: () => clock.monotonicMs(),
    after: (ms, call) => (signal.aborted ? NO_TIMER : clock.after(ms, call, group)),
  };
}

function sleepingTimetable(clock: Clock, signal: AbortSignal): Timetable {
  const callAfter = async (ms: number, call: () => void, stop: LinkedAbort): Promise<void> => {
    await clock.sleep(ms, stop.signal);
    const cancelled = stop.signal.aborted;
    stop[Symbol.dispose]();
    if (!cancelled) call();
  };
  return {
    nowMs: () => clock.monotonicMs(),
    after: (ms, call) => {
      if (signal.aborted) return NO_TIMER;
      const stop = new LinkedAbort(signal);
      void callAfter(ms, call, stop);
      return { cancel: () => stop.abort() };
    },
  };
}

const NO_TIMER: Timer = { cancel: () => undefined };
