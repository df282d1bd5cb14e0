/** The agent's own code on disk, hashed: `src/` whole, and the two files that say which libraries it runs with. @module */
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { SourceFile, SourceFiles } from "../ports/source-files.ts";

const CODE_DIRECTORY = "src";
const DEPENDENCY_FILES: readonly string[] = ["package.json", "package-lock.json"];
const MAX_FILES = 10_000;
/** Files read at the same time: each waits for the disk, and boot for all of them. */
const AT_ONCE = 16;

/** @param root the directory that holds `src/` and `package.json` */
export function ownFiles(root: string): SourceFiles {
  return { list: () => listFiles(root) };
}

async function listFiles(root: string): Promise<readonly SourceFile[]> {
  try {
    const code = await filesBelow(join(root, CODE_DIRECTORY));
    if (code.length > MAX_FILES) throw new AgentError("OWN_FILES", `more than ${MAX_FILES} files lie in the code`);
    const paths = [...code.map((path) => relative(root, path).split(sep).join("/")), ...DEPENDENCY_FILES];
    const files: SourceFile[] = [];
    const sorted = paths.sort(byUnits);
    for (let first = 0; first < sorted.length; first += AT_ONCE) {
      const some = sorted.slice(first, first + AT_ONCE);
      files.push(...(await Promise.all(some.map((path) => hashed(root, path)))));
    }
    return files;
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError("OWN_FILES", `the agent can't read its own code: ${describeError(error)}`, {
      cause: error,
      fix: `check that every file below ${root} is readable by the agent's user`,
    });
  }
}

/** Regular files only. A link or a device could change what runs without changing what was measured. */
async function filesBelow(directory: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile()) files.push(path);
    else
      throw new AgentError("OWN_FILES", `${path} is not a regular file`, { fix: `remove ${path} or make it a file` });
  }
  return files;
}

async function hashed(root: string, path: string): Promise<SourceFile> {
  const hash = createHash("sha256").update(await readFile(join(root, path)));
  return { path, sha256: new Uint8Array(hash.digest()) };
}

function byUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
