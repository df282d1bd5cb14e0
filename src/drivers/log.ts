/** The log on pino: JSON lines for machines and for the journal, or one plain line a sentence for people. @module */
import { type Logger, pino, stdTimeFunctions } from "pino";
import type { Log, LogFields } from "../ports/log.ts";

export interface LogOptions {
  readonly level: "debug" | "info" | "warn" | "error";
  /** `journal`: as `json`, each line behind the level as the journal takes it, without the time, which it has itself. */
  readonly format: "text" | "json" | "journal";
  /** Where lines go: `process.stdout`, say. */
  readonly stream: { write(text: string): unknown };
}

/** A name from the air can be long; a log line must not be. In characters. */
const MAX_FIELD_LENGTH = 1_000;
/** What could move the cursor, recolour the terminal or reorder the line. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Lines are written at once, in order: nothing is left to flush. */
export async function openLog(options: LogOptions): Promise<Log> {
  const stream = await streamOf(options);
  return logOf(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      stream,
    ),
  );
}

async function streamOf({ format, stream }: LogOptions): Promise<LogOptions["stream"]> {
  if (format === "json") return stream;
  return format === "journal" ? journalStream(stream) : prettyStream(stream);
}

/** sd-daemon(3). */
const JOURNAL_LEVELS: ReadonlyMap<unknown, number> = new Map([
  ["error", 3],
  ["warn", 4],
  ["info", 6],
  ["debug", 7],
]);

/** `<4>{"level":"warn","component":"radio","msg":"radio down","reason":…}`: what a person looks for stands first. */
function journalStream(target: LogOptions["stream"]): LogOptions["stream"] {
  return {
    write: (json) => {
      const line: Record<string, unknown> = JSON.parse(json);
      const { level, time: _time, component, msg, ...fields } = line;
      const from = component === undefined ? {} : { component };
      return target.write(`<${JOURNAL_LEVELS.get(level) ?? 6}>${JSON.stringify({ level, ...from, msg, ...fields })}\n`);
    },
  };
}

/** Loaded only when a person reads: an agent under systemd goes without it. */
async function prettyStream(target: LogOptions["stream"]): Promise<LogOptions["stream"]> {
  const { prettyFactory } = await import("pino-pretty");
  const pretty = prettyFactory({
    colorize: false,
    translateTime: "SYS:HH:MM:ss",
    hideObject: true,
    messageFormat: (line) => plainLine(line),
  });
  return { write: (json) => target.write(pretty(json)) };
}

/** `radio: request served  from=clinic bytes=900`, and a `detail`, which is a sentence, last and as it is. */
function plainLine(line: Record<string, unknown>): string {
  const { level: _level, time: _time, component, msg, detail, ...fields } = line;
  if (msg === "Boot step") return bootLine(line);
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${plainValue(value)}`);
  const from = typeof component === "string" ? `${component}: ` : "";
  const more = [pairs.join(" "), typeof detail === "string" ? detail : ""].filter((text) => text !== "");
  return [`${from}${String(msg)}`, ...more].join("  ");
}

/** `boot: measured  190 files …  (96 ms)`; of a step that failed also its name, and what to do. */
function bootLine({ step, state, ms, detail, fix }: Record<string, unknown>): string {
  const outcome = fix === undefined ? String(state) : `${String(step)}: ${String(state)}`;
  const line = `boot: ${outcome}  ${String(detail)}  (${String(ms)} ms)`;
  return typeof fix === "string" ? `${line}  fix: ${fix}` : line;
}

function plainValue(value: unknown): string {
  return typeof value === "string" && !/[\s"=]/.test(value) && value !== "" ? value : JSON.stringify(value);
}

function logOf(root: Logger, component?: string): Log {
  const logger = component === undefined ? root : root.child({ component });
  return {
    debug: (sentence, fields) => logger.debug(clean(fields), sentence),
    info: (sentence, fields) => logger.info(clean(fields), sentence),
    warn: (sentence, fields) => logger.warn(clean(fields), sentence),
    error: (sentence, fields) => logger.error(clean(fields), sentence),
    named: (name) => logOf(root, name),
  };
}

function clean(fields: LogFields = {}): LogFields {
  const tamed: Record<string, LogFields[string]> = {};
  for (const [key, value] of Object.entries(fields)) tamed[key] = typeof value === "string" ? tame(value) : value;
  return tamed;
}

function tame(text: string): string {
  const short = text.length > MAX_FIELD_LENGTH ? `${text.slice(0, MAX_FIELD_LENGTH)}…` : text;
  return short.replace(
    UNPRINTABLE,
    (character) => `<${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}>`,
  );
}
