/**
 * The last accepted state, to name what changed since. It lies unprotected on the disk and grants nothing: the gate
 * is the sealed key, which the TPM keeps shut whatever this file says.
 *
 * It also remembers the last starts of the machine: a TPM that was reset without one was reset by somebody, who may have
 * extended the registers as he liked.
 * @module
 */
import { z } from "zod";
import { OWN_EVENTS, type OwnDigests } from "../kernel/attest.ts";
import { equalBytes, fromHex, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import type { SourceFile } from "../ports/source-files.ts";
import { startsBetween, type StartCounts } from "../attest/counters.ts";
import { parseJson } from "../kernel/json.ts";
import type { OwnState } from "../attest/logs/own.ts";

export const REFERENCE_FILE = "reference.json";

const MAX_NAMED_FILES = 5;
const MAX_BOOTS = 32;
const BOOT_ID_BYTES = 16;
const DIGEST_BYTES = 32;
const NAME_BYTES = 34;
const MAX_BYTES = 16_777_216;

/** A start of the machine that the agent saw. */
export interface SeenBoot {
  /** 16 bytes, the kernel's name for it. */
  readonly bootId: Bytes;
  /** What the TPM had counted then. */
  readonly counts: StartCounts;
}

/** Files by their hashes, a line each as `sha256sum` prints it. */
export interface FileLines {
  readonly runtime: string;
  readonly code: string;
}

export interface Reference {
  readonly own: OwnDigests;
  readonly lines: FileLines;
  /** Name of the attestation key (34 bytes): another one is another TPM, or one that was cleared. */
  readonly keyName: Bytes;
  readonly resetCount: number;
  readonly restartCount: number;
  /** At most 32, the latest last. */
  readonly boots: readonly SeenBoot[];
}

function hex(bytes: number) {
  return z
    .string()
    .length(2 * bytes)
    .transform((text, context) => {
      const value = fromHex(text);
      if (value === undefined) context.addIssue("not hex");
      return value ?? new Uint8Array();
    });
}
const Counter = z.int().min(0).max(0xffff_ffff);

const ReferenceFile = z.strictObject({
  version: z.literal(2),
  own: z.strictObject({
    runtime: hex(DIGEST_BYTES),
    code: hex(DIGEST_BYTES),
    config: hex(DIGEST_BYTES),
    policy: hex(DIGEST_BYTES),
  }),
  attestation_key: hex(NAME_BYTES),
  reset_count: Counter,
  restart_count: Counter,
  boots: z
    .array(z.strictObject({ id: hex(BOOT_ID_BYTES), reset_count: Counter, restart_count: Counter }))
    .max(MAX_BOOTS),
  files: z.strictObject({ runtime: z.string(), code: z.string() }),
});

export function encodeReference({ own, lines, keyName, resetCount, restartCount, boots }: Reference): Bytes {
  const file = {
    version: 2,
    own: Object.fromEntries(OWN_EVENTS.map((name) => [name, toHex(own[name])])),
    attestation_key: toHex(keyName),
    reset_count: resetCount,
    restart_count: restartCount,
    boots: boots.map(({ bootId, counts }) => ({
      id: toHex(bootId),
      reset_count: counts.resetCount,
      restart_count: counts.restartCount,
    })),
    files: lines,
  };
  return utf8(`${JSON.stringify(file, undefined, 1)}\n`);
}

export function decodeReference(bytes: Uint8Array): Decoded<Reference> {
  if (bytes.length > MAX_BYTES) return refused("too long");
  const parsed = ReferenceFile.safeParse(parseJson(bytes));
  if (!parsed.success) return refused("not a reference");
  const { own, files: lines, attestation_key: keyName, reset_count, restart_count } = parsed.data;
  const boots = parsed.data.boots.map((boot): SeenBoot => ({
    bootId: boot.id,
    counts: { resetCount: boot.reset_count, restartCount: boot.restart_count },
  }));
  return decoded({ own, lines, keyName, resetCount: reset_count, restartCount: restart_count, boots });
}

/** What a reference keeps of the files behind the digests. */
export function linesOf({ runtimeFiles, files }: OwnState): FileLines {
  return { runtime: fileLines(runtimeFiles), code: fileLines(files) };
}

/** The starts that were seen, with this one as the last. @param bootId undefined where the kernel names none */
export function withBoot(
  seen: readonly SeenBoot[],
  bootId: Bytes | undefined,
  { resetCount, restartCount }: StartCounts,
): readonly SeenBoot[] {
  if (bootId === undefined) return seen;
  const last = seen.at(-1);
  const before = last !== undefined && equalBytes(last.bootId, bootId) ? seen.slice(0, -1) : seen;
  return [...before, { bootId, counts: { resetCount, restartCount } }].slice(-MAX_BOOTS);
}

/** How the TPM's counts of resets moved since the agent last saw the machine start. */
export type ResetStep =
  /** Nothing to compare with. */
  | { readonly kind: "unknown" }
  /** The machine is the same start's: a count that moved is a reset while it ran. */
  | { readonly kind: "same-boot"; readonly resets: number }
  /** The machine was started again, once or more: one reset each is usual. */
  | { readonly kind: "later-boot"; readonly resets: number };

export function resetStep(seen: readonly SeenBoot[], bootId: Bytes | undefined, counts: StartCounts): ResetStep {
  const last = seen.at(-1);
  if (last === undefined || bootId === undefined) return { kind: "unknown" };
  const resets = startsBetween(last.counts, counts);
  return { kind: equalBytes(last.bootId, bootId) ? "same-boot" : "later-boot", resets };
}

/** Names what differs, for people: of the four events those that changed, and files, at most five of each by name. Empty when nothing does. */
export function describeChanges(
  before: Pick<Reference, "own" | "lines">,
  now: Pick<Reference, "own" | "lines">,
): string {
  return OWN_EVENTS.filter((name) => !equalBytes(before.own[name], now.own[name]))
    .map((name) => (name === "runtime" || name === "code" ? changedFiles(name, before, now) : CHANGED[name]))
    .join("; ");
}

const CHANGED = { config: "configuration changed", policy: "policy changed" } as const;

function changedFiles(
  name: "runtime" | "code",
  before: Pick<Reference, "lines">,
  now: Pick<Reference, "lines">,
): string {
  const files = changedPaths(before.lines[name], now.lines[name]);
  if (files.length === 0) return `${name} changed`;
  const named = files.slice(0, MAX_NAMED_FILES).join(", ");
  const more = files.length > MAX_NAMED_FILES ? ` and ${files.length - MAX_NAMED_FILES} more` : "";
  return `${name} changed: ${named}${more}`;
}

/** Paths that were added, removed or changed, rising. */
export function changedPaths(before: string, now: string): readonly string[] {
  const old = new Set(before.split("\n"));
  const fresh = new Set(now.split("\n"));
  const lines = [...[...old].filter((line) => !fresh.has(line)), ...[...fresh].filter((line) => !old.has(line))];
  const paths = lines.filter((line) => line !== "").map((line) => line.slice(2 * DIGEST_BYTES + 2));
  return [...new Set(paths)].sort();
}

function fileLines(files: readonly SourceFile[]): string {
  return files.map(({ path, sha256 }) => `${toHex(sha256)}  ${path}\n`).join("");
}
