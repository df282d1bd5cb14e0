/** One turn of the event loop, and less than one. @module */
import { nextTick } from "node:process";
import { setImmediate } from "node:timers/promises";

/** Resolves when everything that can run without new input has run. */
export function eventLoopTurn(): Promise<void> {
  return setImmediate();
}

/**
 * Resolves when all promises that can settle without timers, input or output have settled: Node empties the queue of
 * microtasks before it looks at that of ticks. About six times cheaper than a turn (0.45 µs against 2.6 on a two-core x64 machine).
 */
export function promisesSettled(): Promise<void> {
  return new Promise((resolve) => nextTick(resolve));
}
