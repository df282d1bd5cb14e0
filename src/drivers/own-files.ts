/**
 * The agent's own code on disk, hashed: `src/` whole, and the two files that say which libraries it runs with. And what
 * runs it, see `runtime-files.ts`.
 * @module
 */
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { z } from "zod";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { RuntimeFiles, SourceFile, SourceFiles } from "../ports/source-files.ts";
import { runtimeFiles, type NodeExecutable } from "./runtime-files.ts";

const Description = z.object({ version: z.string().max(64) });

const LIBRARIES = "node_modules";
const CODE_DIRECTORY = "src";
const DEPENDENCY_FILES: readonly string[] = ["package.json", "package-lock.json"];
const MAX_FILES = 10_000;
/** Files read at the same time: each waits for the disk, and boot for all of them. */
const AT_ONCE = 16;

/** The Node that runs this program. */
function thisNode(): NodeExecutable {
  return { path: process.execPath, version: process.version };
}

/**
 * Of the code in that directory.
 * @param root the directory that holds `src/`, `node_modules/`, `package.json` and `package-lock.json`
 * @param node what runs, or would run, that code
 */
export function ownFiles(root: string, node: NodeExecutable = thisNode()): SourceFiles {
  return { list: () => listFiles(root), runtime: () => runtimeFiles(root, node) };
}

/** The code of a directory, and what would run it when it has libraries of its own. */
export interface InstalledCode {
  readonly files: readonly SourceFile[];
  readonly runtime?: RuntimeFiles;
}

/**
 * What lies in another directory, laid out like this one. Without libraries of its own it is meant to go over this one,
 * whose libraries then stay.
 * @param root of what runs now
 * @throws AgentError "OWN_FILES"
 */
export async function codeIn(
  directory: string,
  root: string,
  node: NodeExecutable = thisNode(),
): Promise<InstalledCode> {
  const code = await listFiles(directory);
  if ((await readdir(directory)).every((name) => name !== LIBRARIES)) return { files: code };
  return { files: code, runtime: await runtimeFiles(directory, await nodeOf(directory, root, node)) };
}

/** The Node among the other directory's libraries when today's lies among today's, otherwise the same. */
async function nodeOf(directory: string, root: string, node: NodeExecutable): Promise<NodeExecutable> {
  const inside = relative(join(root, LIBRARIES), node.path);
  if (inside.startsWith("..") || isAbsolute(inside)) return node;
  const name = inside.split(sep)[0] ?? "";
  const description = join(directory, LIBRARIES, name, "package.json");
  try {
    const { version } = Description.parse(JSON.parse(await readFile(description, "utf8")));
    return { path: join(directory, LIBRARIES, inside), version: `v${version}` };
  } catch (error) {
    const detail = `${description} does not tell a version of Node: ${describeError(error)}`;
    throw new AgentError("OWN_FILES", detail, { cause: error, fix: `run in ${directory}: npm ci --omit=dev` });
  }
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
