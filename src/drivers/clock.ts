/**
 * The machine's time as the port `Clock`: at its own speed, or faster for simulations that talk to real sockets.
 * @module
 */
import type { Clock } from "../ports/clock.ts";

/** `setTimeout` counts in 31 bits; longer sleeps go in pieces. */
const LONGEST_TIMER_MS = 2_147_483_647;

export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: timerSleep,
  };
}

/** Begins at the machine's time and runs `speed` times as fast. @param speed above 0 */
export function scaledClock(speed: number): Clock {
  if (!(speed > 0)) throw new RangeError("the speed of a clock is above 0");
  const startMs = Date.now();
  const zeroMs = performance.now();
  const elapsedMs = (): number => (performance.now() - zeroMs) * speed;
  return {
    nowMs: () => startMs + elapsedMs(),
    monotonicMs: elapsedMs,
    sleep: (ms, signal) => timerSleep(ms / speed, signal),
  };
}

async function timerSleep(ms: number, signal: AbortSignal): Promise<void> {
  for (let leftMs = ms; !signal.aborted; leftMs -= LONGEST_TIMER_MS) {
    await oneTimer(Math.min(Math.max(leftMs, 0), LONGEST_TIMER_MS), signal);
    if (leftMs <= LONGEST_TIMER_MS) return;
  }
}

function oneTimer(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener("abort", finish, { once: true });
  });
}
