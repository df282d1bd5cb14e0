/**
 * Replacing a file so that after a power cut there stands either the old content or the new, never half of either.
 * @module
 */
import { open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const TEMPORARY = /^\.(.+)\.new$/;

/**
 * Writes beside the target, syncs, renames over it, syncs the directory. One write a path at a time.
 * @param mode permission bits, whatever the umask. @throws the system's error; the old content then stands
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.new`);
  await rm(temporary, { force: true });
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.chmod(mode);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Makes creations, renames and removals in a directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** True for a file that {@link writeFileAtomic} left behind when the process died in the middle. */
export function isLeftover(name: string): boolean {
  return TEMPORARY.test(name);
}
