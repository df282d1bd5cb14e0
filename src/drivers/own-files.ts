/**
 * The agent's own code on disk, hashed: `src/` whole, and the two files that say which libraries it runs with. And what
 * runs it, see `runtime-files.ts`.
 * @module
 */
import { readFile, readdir } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import { z } from "zod";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { RuntimeFiles, SourceFile, SourceFiles } from "../ports/source-files.ts";
import { filesBelow, hashAll } from "./hash-files.ts";
import { runtimeFiles, type NodeExecutable } from "./runtime-files.ts";

const Description = z.object({ version: z.string().max(64) });

const LIBRARIES = "node_modules";
const CODE_DIRECTORY = "src";
const DEPENDENCY_FILES: readonly string[] = ["package.json", "package-lock.json"];
const MAX_FILES = 10_000;

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
    const code = filesBelow(root, CODE_DIRECTORY, "remove it, or make it a file");
    if (code.length > MAX_FILES) throw new AgentError("OWN_FILES", `more than ${MAX_FILES} files lie in the code`);
    return await hashAll(root, [...code, ...DEPENDENCY_FILES]);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError("OWN_FILES", `the agent can't read its own code: ${describeError(error)}`, {
      cause: error,
      fix: `check that every file below ${root} is readable by the agent's user`,
    });
  }
}
