/**
 * Hashes of thousands of small files and of one large, on the thread that asks. Waiting for each small file costs three
 * times what reading it does, so they are read in one go; in slices, so that whatever else waits gets its turn.
 * @module
 */
import { createHash, hash } from "node:crypto";
import { closeSync, openSync, readdirSync, readFileSync, readSync, type Dirent } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { AgentError } from "../kernel/errors.ts";
import type { SourceFile } from "../ports/source-files.ts";

/** Some 5 ms of work, each. */
const FILES_A_SLICE = 128;
const SLICE_BYTES = 4_194_304;

/** Paths relative to the root, in rising order of their UTF-16 units. */
export async function hashAll(root: string, paths: readonly string[]): Promise<readonly SourceFile[]> {
  const sorted = paths.toSorted(byUnits);
  const files: SourceFile[] = [];
  for (let first = 0; first < sorted.length; first += FILES_A_SLICE) {
    for (const path of sorted.slice(first, first + FILES_A_SLICE)) {
      const digest = hash("sha256", readFileSync(join(root, path)), "buffer");
      files.push({ path, sha256: new Uint8Array(digest) });
    }
    await setImmediate();
  }
  return files;
}

/** Of over a hundred megabytes, without holding them. */
export async function hashLarge(path: string): Promise<Uint8Array> {
  const digest = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(SLICE_BYTES);
  const file = openSync(path, "r");
  try {
    for (;;) {
      const length = readSync(file, buffer);
      if (length === 0) return new Uint8Array(digest.digest());
      digest.update(buffer.subarray(0, length));
      await setImmediate();
    }
  } finally {
    closeSync(file);
  }
}

/**
 * Every file below a path. Regular files only: what a link points to, or a device gives, could change unseen.
 * @param path relative to the root, `/` between its parts
 * @throws AgentError "OWN_FILES" for a link or a device
 */
export function filesBelow(root: string, path: string, fix: string): readonly string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(root, path), { withFileTypes: true })) {
    files.push(...filesOf(root, `${path}/${entry.name}`, entry, fix));
  }
  return files;
}

/** The same, of an entry: itself, when it is a file. */
export function filesOf(root: string, path: string, entry: Dirent, fix: string): readonly string[] {
  if (entry.isDirectory()) return filesBelow(root, path, fix);
  if (entry.isFile()) return [path];
  throw new AgentError("OWN_FILES", `${path} is not a regular file`, { fix });
}

function byUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
