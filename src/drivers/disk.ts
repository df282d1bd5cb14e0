/** Room on a disk. @module */
import { statfs } from "node:fs/promises";

/** For an ordinary user at that path; undefined when the system doesn't say. */
export async function diskSpace(
  path: string,
): Promise<{ readonly freeBytes: number; readonly totalBytes: number } | undefined> {
  try {
    const { bavail, blocks, bfree, bsize } = await statfs(path);
    // What is kept back for root is no part of the whole that an ordinary user could fill.
    return { freeBytes: bavail * bsize, totalBytes: (blocks - bfree + bavail) * bsize };
  } catch {
    return undefined;
  }
}

/** Bytes that an ordinary user may still write at that path; undefined when the system doesn't say. */
export async function freeBytes(path: string): Promise<number | undefined> {
  return (await diskSpace(path))?.freeBytes;
}
