/**
 * What the agent measured of itself: four events, in this order: its runtime (Node and the libraries), its code, its
 * configuration and the policy that it was given; and the log that explains the value of the register that they were
 * extended into.
 * @module
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { OWN_EVENTS, type OwnDigests, type OwnEventName } from "../../kernel/attest.ts";
import { copyBytes, equalBytes, fromHex, toHex, utf8, type Bytes } from "../../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../../kernel/decoded.ts";
import { parseJson } from "../../kernel/json.ts";
import { PCR_BYTES, replay } from "../../kernel/pcr.ts";
import type { RuntimeFiles, SourceFile } from "../../ports/source-files.ts";

export interface MeasuredEvent {
  readonly name: OwnEventName;
  /** 32 bytes: what is extended. */
  readonly digest: Bytes;
}

export interface EventLog {
  readonly pcr: number;
  /** The register's value before the first event. Zeros unless somebody else extended it first. */
  readonly base: Bytes;
  readonly events: readonly MeasuredEvent[];
}

/** The agent's own state: what runs it, what runs, how it is told to run, and by which policy it is judged. */
export interface OwnState extends Readonly<Record<OwnEventName, Bytes>> {
  /** Of the runtime. */
  readonly runtimeFiles: readonly SourceFile[];
  /** Of the code. */
  readonly files: readonly SourceFile[];
}

export interface OwnParts {
  readonly runtime: RuntimeFiles;
  readonly files: readonly SourceFile[];
  /** What stands for the configuration. */
  readonly configBytes: Uint8Array;
  /** The policy file as it is; empty when there is none. */
  readonly policyBytes: Uint8Array;
}

export function ownState({ runtime, files, configBytes, policyBytes }: OwnParts): OwnState {
  return {
    runtime: runtimeDigest(runtime),
    code: codeDigest(files),
    config: configDigest(configBytes),
    policy: policyDigest(policyBytes),
    runtimeFiles: runtime.files,
    files,
  };
}

/** SHA-256 over a heading, Node's version on a line, and one line a file, as of the code. */
export function runtimeDigest({ nodeVersion, files }: RuntimeFiles): Bytes {
  return overFiles(`caye runtime v1\n${nodeVersion}\n`, files);
}

/** SHA-256 over a heading and one line a file, `hash  path`, in the order given: `sha256sum` prints the same lines. */
export function codeDigest(files: readonly SourceFile[]): Bytes {
  return overFiles("caye code v1\n", files);
}

export function configDigest(configBytes: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update("caye config v1\n").update(configBytes).digest());
}

/** @param policyBytes the policy file as it is; empty when there is none */
export function policyDigest(policyBytes: Uint8Array): Bytes {
  return new Uint8Array(createHash("sha256").update("caye policy v1\n").update(policyBytes).digest());
}

/** What is about to be installed; what is left out stays as it is. */
export type OwnChanges = Partial<OwnParts>;

export function changedDigests(own: OwnDigests, { runtime, files, configBytes, policyBytes }: OwnChanges): OwnDigests {
  return {
    runtime: runtime === undefined ? own.runtime : runtimeDigest(runtime),
    code: files === undefined ? own.code : codeDigest(files),
    config: configBytes === undefined ? own.config : configDigest(configBytes),
    policy: policyBytes === undefined ? own.policy : policyDigest(policyBytes),
  };
}

export function eventsOf(own: OwnDigests): readonly MeasuredEvent[] {
  return OWN_EVENTS.map((name) => ({ name, digest: copyBytes(own[name]) }));
}

/** What the log says of the agent's state; undefined unless it holds the four events in order and nothing else. */
export function ownDigestsOf(log: EventLog): OwnDigests | undefined {
  const [runtime, code, config, policy] = log.events;
  if (runtime === undefined || code === undefined || config === undefined || policy === undefined) return undefined;
  if (log.events.map(({ name }) => name).join() !== OWN_EVENTS.join()) return undefined;
  return { runtime: runtime.digest, code: code.digest, config: config.digest, policy: policy.digest };
}

/** The register's value after the log's events. */
export function replayLog(log: EventLog): Bytes {
  return replay(
    log.events.map((event) => event.digest),
    log.base,
  );
}

/**
 * The register's value on a machine that measured just this state since its start.
 * @param base what the register holds before: zeros unless firmware or systemd extend it, too
 */
export function expectedValue(own: OwnDigests, base?: Uint8Array): Bytes {
  return replay(
    eventsOf(own).map((event) => event.digest),
    base,
  );
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

/** True when the log holds nothing but these events, once each. What lies before them is for the caller to judge. */
export function holdsOnly(log: EventLog, events: readonly MeasuredEvent[]): boolean {
  return log.events.length === events.length && alreadyIn(log, events) === events.length;
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
  version: z.literal(2),
  pcr: z.int().min(0).max(23),
  base: Digest,
  events: z.array(z.strictObject({ name: z.enum(OWN_EVENTS), digest: Digest })).max(10_000),
});

const MAX_LOG_BYTES = 2_097_152;

/** Why a log of an earlier version is refused. */
export const OF_EARLIER_VERSION = "of an earlier version";

/** Version 1 knew code and configuration only: its events explain nothing of today's. */
const EarlierLogFile = z.object({ version: z.literal(1) });

export function encodeEventLog(log: EventLog): Bytes {
  const events = log.events.map(({ name, digest }) => ({ name, digest: toHex(digest) }));
  return utf8(`${JSON.stringify({ version: 2, pcr: log.pcr, base: toHex(log.base), events }, undefined, 2)}\n`);
}

/** Of one encoding alone: the one that {@link encodeEventLog} gives. */
export function decodeEventLog(bytes: Uint8Array): Decoded<EventLog> {
  if (bytes.length > MAX_LOG_BYTES) return refused("too long");
  const json = parseJson(bytes);
  const parsed = LogFile.safeParse(json);
  if (!parsed.success) {
    return refused(EarlierLogFile.safeParse(json).success ? OF_EARLIER_VERSION : "not a measurement log");
  }
  const { pcr, base, events } = parsed.data;
  const log = { pcr, base, events };
  return equalBytes(bytes, encodeEventLog(log)) ? decoded(log) : refused("not in its one form");
}

function isSame(a: MeasuredEvent, b: MeasuredEvent | undefined): boolean {
  return b !== undefined && a.name === b.name && equalBytes(a.digest, b.digest);
}

function overFiles(heading: string, files: readonly SourceFile[]): Bytes {
  const hash = createHash("sha256").update(heading);
  for (const file of files) hash.update(`${toHex(file.sha256)}  ${file.path}\n`);
  return new Uint8Array(hash.digest());
}
