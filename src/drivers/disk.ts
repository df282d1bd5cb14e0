/** Room on a disk. @module */
import { statfs } from "node:fs/promises";

/** Bytes that an ordinary user may still write at that path; undefined when the system doesn't say. */
export async function freeBytes(path: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
