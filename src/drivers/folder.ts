/** The files of a folder, whole. @module */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export interface FolderFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Regular files only, sorted by name. */
export async function readFolder(path: string): Promise<readonly FolderFile[]> {
  const entries = await readdir(path, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  return Promise.all(names.toSorted().map(async (name) => ({ name, bytes: await readFile(join(path, name)) })));
}
