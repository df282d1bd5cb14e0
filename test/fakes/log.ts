/** Logs that say nothing, or that remember what was said. @module */
import type { Log, LogFields } from "../../src/ports/log.ts";

export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  named: () => silentLog,
};

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly sentence: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export function keepingLog(lines: LogLine[]): Log {
  const at =
    (level: LogLine["level"]) =>
    (sentence: string, fields: LogFields = {}): void =>
      void lines.push({ level, sentence, fields });
  const log: Log = { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error"), named: () => log };
  return log;
}

/** A log, and the sentences that were said to it. */
export function rememberingLog(): { readonly log: Log; readonly sentences: readonly string[] } {
  const sentences: string[] = [];
  const say = (sentence: string): void => void sentences.push(sentence);
  const log: Log = { debug: say, info: say, warn: say, error: say, named: () => log };
  return { log, sentences };
}
