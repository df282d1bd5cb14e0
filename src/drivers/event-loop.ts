/** One turn of the event loop. @module */
import { setImmediate } from "node:timers/promises";

/** Resolves when everything that can run without new input has run. */
export function eventLoopTurn(): Promise<void> {
  return setImmediate();
}
