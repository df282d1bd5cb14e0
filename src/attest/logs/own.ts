/**
 * What the agent measured of itself: two events, its code and its configuration, and the log that explains the value
 * of the register that they were extended into.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { equalBytes, fromHex, fromUtf8, toHex, utf8, type Bytes } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import { isZero, PCR_BYTES, replay } from "../../kernel/pcr.ts";
import type { SourceFile } from "../../ports/source-files.ts";

export interface MeasuredEvent {
  readonly name: "code" | "config";
  /** 32 bytes: what is extended. */
  readonly digest: Bytes;
}

export interface EventLog {
  readonly pcr: number;
  /** The register's value before the first event. Zeros unless somebody else extended it first. */
  readonly base: Bytes;
  readonly events: readonly MeasuredEvent[];
}

/** The agent's own state: what runs, and how it is told to run. */
export interface OwnState {
  readonly files: readonly SourceFile[];
  readonly code: Bytes;
  readonly config: Bytes;
}

/** @param configBytes the configuration file as it is; empty when there is none */
export function ownState(files: readonly SourceFile[], configBytes: Uint8Array): OwnState {
  return { files, code: codeDigest(files), config: configDigest(configBytes) };
}

/** SHA-256 over a heading and one line a file, `hash  path`, in the order given: `sha256sum` prints the same lines. */
export function codeDigest(files: readonly SourceFile[]): Bytes {
  const hash = createHash("sha256").update("caye code v1\n");
  for (const file of files) hash.update(`${toHex(file.sha256)}  ${file.path}\n`);
  return new Uint8Array(hash.digest());
}

export function configDigest(configBytes: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update("caye config v1\n").update(configBytes).digest());
}

export function eventsOf(own: Pick<OwnState, "code" | "config">): readonly MeasuredEvent[] {
  return [
    { name: "code", digest: own.code },
    { name: "config", digest: own.config },
  ];
}

/** The register's value after the log's events. */
export function replayLog(log: EventLog): Bytes {
  return replay(
    log.events.map((event) => event.digest),
    log.base,
  );
}

/** The register's value on a machine that measured just this state since its start. */
export function expectedValue(own: Pick<OwnState, "code" | "config">): Bytes {
  return replay(eventsOf(own).map((event) => event.digest));
}

/** The longest beginning of the log that gives this value; undefined when none does. */
export function explain(log: EventLog, value: Uint8Array): EventLog | undefined {
  for (let count = log.events.length; count >= 0; count--) {
    const start = { ...log, events: log.events.slice(0, count) };
    if (equalBytes(replayLog(start), value)) return start;
  }
  return undefined;
}

/** How many of these events, from the first on, the log ends with: the rest is still to be extended. */
export function alreadyIn(log: EventLog, events: readonly MeasuredEvent[]): number {
  for (let count = events.length; count > 0; count--) {
    const tail = log.events.slice(-count);
    if (tail.length === count && tail.every((event, i) => isSame(event, events[i]))) return count;
  }
  return 0;
}

/** True when nothing but these events, once each, is in the register. */
export function holdsOnly(log: EventLog, events: readonly MeasuredEvent[]): boolean {
  return isZero(log.base) && log.events.length === events.length && alreadyIn(log, events) === events.length;
}

const Digest = z
  .string()
  .length(2 * PCR_BYTES)
  .transform((text, context) => {
    const bytes = fromHex(text);
    if (bytes === undefined) context.addIssue("not hex");
    return bytes ?? new Uint8Array();
  });

const LogFile = z.strictObject({
  version: z.literal(1),
  pcr: z.int().min(0).max(23),
  base: Digest,
  events: z.array(z.strictObject({ name: z.enum(["code", "config"]), digest: Digest })).max(10_000),
});

export function encodeEventLog(log: EventLog): Bytes {
  const events = log.events.map(({ name, digest }) => ({ name, digest: toHex(digest) }));
  return utf8(`${JSON.stringify({ version: 1, pcr: log.pcr, base: toHex(log.base), events }, undefined, 2)}\n`);
}

export function decodeEventLog(bytes: Uint8Array): Decoded<EventLog> {
  const parsed = LogFile.safeParse(parseJson(bytes));
  if (!parsed.success) return refused("not a measurement log");
  const { pcr, base, events } = parsed.data;
  return decoded({ pcr, base, events });
}

/** Undefined when the bytes are no JSON text. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = fromUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isSame(a: MeasuredEvent, b: MeasuredEvent | undefined): boolean {
  return b !== undefined && a.name === b.name && equalBytes(a.digest, b.digest);
}
