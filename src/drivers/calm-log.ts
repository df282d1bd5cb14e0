/** A log that a device gone mad can't flood: each sentence so often in a minute, then counted only. @module */
import type { Clock } from "../ports/clock.ts";
import type { Log, LogFields } from "../ports/log.ts";

const WINDOW_MS = 60_000;
const MOST_A_WINDOW = 20;

interface Window {
  sinceMs: number;
  said: number;
  leftOut: number;
}

type Level = "info" | "warn" | "error";

/**
 * What is left out is told with the next of its kind, as `left_out`. Sentences must be constant: each is remembered.
 * Debugging stays as it is: who asks for it wants all.
 */
export function calmLog(log: Log, clock: Pick<Clock, "monotonicMs">): Log {
  const windows = new Map<string, Window>();
  const say = (level: Level, sentence: string, fields: LogFields = {}): void => {
    const nowMs = clock.monotonicMs();
    const window = windows.get(sentence) ?? { sinceMs: nowMs, said: 0, leftOut: 0 };
    windows.set(sentence, window);
    const over = nowMs - window.sinceMs >= WINDOW_MS;
    if (!over && window.said >= MOST_A_WINDOW) {
      window.leftOut++;
      return;
    }
    log[level](sentence, window.leftOut === 0 ? fields : { ...fields, left_out: window.leftOut });
    window.leftOut = 0;
    window.said = over ? 1 : window.said + 1;
    if (over) window.sinceMs = nowMs;
  };
  return {
    debug: (sentence, fields) => log.debug(sentence, fields),
    info: (sentence, fields) => say("info", sentence, fields),
    warn: (sentence, fields) => say("warn", sentence, fields),
    error: (sentence, fields) => say("error", sentence, fields),
    named: (name) => calmLog(log.named(name), clock),
  };
}
