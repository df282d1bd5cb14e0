/**
 * Making directories.
 * @module
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { systemCode } from "../kernel/errors.ts";

/**
 * Makes a directory, and those above it, with that mode; one that is there already stays as it is.
 *
 * Not `mkdir` with `recursive`: where a parent exists but takes no directories, as `/proc` does, Node 24 tries for ever.
 * @throws the system's error
 */
export async function ensureDirectory(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
    return;
  } catch (error) {
    if (systemCode(error) === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (systemCode(error) !== "ENOENT" || dirname(path) === path) throw error;
  }
  await ensureDirectory(dirname(path), mode);
  await mkdir(path, { mode }).catch((error: unknown) => {
    if (systemCode(error) !== "EEXIST") throw error;
  });
}
