/**
 * Calls at moments to come, on any clock: straight in the virtual clock's own order, else by sleeping. All of them end with
 * the signal. Moments are monotonic milliseconds.
 * @module
 */
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
  const running = new Set<Timer>();
  signal.addEventListener("abort", () => {
    for (const timer of running) timer.cancel();
    running.clear();
  });
  return {
    nowMs: () => clock.monotonicMs(),
    after: (ms, call) => {
      if (signal.aborted) return { cancel: () => undefined };
      const inner = clock.after(ms, () => {
        running.delete(inner);
        call();
      });
      running.add(inner);
      return {
        cancel: () => {
          running.delete(inner);
          inner.cancel();
        },
      };
    },
  };
}

function sleepingTimetable(clock: Clock, signal: AbortSignal): Timetable {
  return {
    nowMs: () => clock.monotonicMs(),
    after: (ms, call) => {
      const stop = new AbortController();
      const follow = (): void => stop.abort();
      signal.addEventListener("abort", follow, { once: true });
      void clock.sleep(ms, signal.aborted ? signal : stop.signal).then(() => {
        signal.removeEventListener("abort", follow);
        if (!stop.signal.aborted && !signal.aborted) call();
      });
      return { cancel: follow };
    },
  };
}
