/**
 * The last accepted state, to name what changed since. It lies unprotected on the disk and grants nothing: the gate
 * is the sealed key, which the TPM keeps shut whatever this file says.
 * @module
 */
import { z } from "zod";
import { equalBytes, fromHex, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import type { SourceFile } from "../ports/source-files.ts";
import { parseJson, type OwnState } from "../attest/logs/own.ts";

export const REFERENCE_FILE = "reference.json";

const MAX_NAMED_FILES = 5;

export interface Reference {
  readonly own: OwnState;
  /** Name of the attestation key (34 bytes): another one is another TPM, or one that was cleared. */
  readonly keyName: Bytes;
  readonly resetCount: number;
  readonly restartCount: number;
}

const Hex = z.string().transform((text, context) => {
  const bytes = fromHex(text);
  if (bytes === undefined) context.addIssue("not hex");
  return bytes ?? new Uint8Array();
});
const Digest = Hex.refine((bytes) => bytes.length === 32);
const Counter = z.int().min(0).max(0xffff_ffff);

const ReferenceFile = z.strictObject({
  version: z.literal(1),
  code: Digest,
  config: Digest,
  attestation_key: Hex.refine((bytes) => bytes.length === 34),
  reset_count: Counter,
  restart_count: Counter,
  files: z.array(z.strictObject({ path: z.string().max(4096), sha256: Digest })).max(20_000),
});

export function encodeReference({ own, keyName, resetCount, restartCount }: Reference): Bytes {
  const file = {
    version: 1,
    code: toHex(own.code),
    config: toHex(own.config),
    attestation_key: toHex(keyName),
    reset_count: resetCount,
    restart_count: restartCount,
    files: own.files.map(({ path, sha256 }) => ({ path, sha256: toHex(sha256) })),
  };
  return utf8(`${JSON.stringify(file, undefined, 1)}\n`);
}

export function decodeReference(bytes: Uint8Array): Decoded<Reference> {
  const parsed = ReferenceFile.safeParse(parseJson(bytes));
  if (!parsed.success) return refused("not a reference");
  const { code, config, files, attestation_key: keyName, reset_count, restart_count } = parsed.data;
  return decoded({ own: { code, config, files }, keyName, resetCount: reset_count, restartCount: restart_count });
}

/** Names what differs, for people: files, at most five by name, and the configuration. Empty when nothing does. */
export function describeChanges(before: OwnState, now: OwnState): string {
  const parts: string[] = [];
  const files = changedPaths(before.files, now.files);
  if (files.length > 0) {
    const named = files.slice(0, MAX_NAMED_FILES).join(", ");
    const more = files.length > MAX_NAMED_FILES ? ` and ${files.length - MAX_NAMED_FILES} more` : "";
    parts.push(`code changed: ${named}${more}`);
  } else if (!equalBytes(before.code, now.code)) {
    parts.push("code changed");
  }
  if (!equalBytes(before.config, now.config)) parts.push("configuration changed");
  return parts.join("; ");
}

/** Paths that were added, removed or changed, rising. */
export function changedPaths(before: readonly SourceFile[], now: readonly SourceFile[]): readonly string[] {
  const old = new Map(before.map((file) => [file.path, toHex(file.sha256)]));
  const fresh = new Map(now.map((file) => [file.path, toHex(file.sha256)]));
  const paths = new Set([...old.keys(), ...fresh.keys()]);
  return [...paths].filter((path) => old.get(path) !== fresh.get(path)).sort();
}
