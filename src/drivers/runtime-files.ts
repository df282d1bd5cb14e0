/**
 * What runs the code, on disk: the Node executable, and every file of the libraries that Node may load.
 *
 * Which these are is `package-lock.json`'s word: the packages that are not for development alone. What lies in
 * `node_modules` and is in no list is measured too, since a library that tries for an optional one would load it. Left
 * out: names that begin with a dot (Node resolves none), packages for development alone, Node's own package (its
 * executable is measured by itself), and files that Node can't run (see {@link CANT_RUN}).
 * @module
 */
import { readdirSync, readFileSync, type Dirent } from "node:fs";
import { join, relative, sep } from "node:path";
import { z } from "zod";
import { fromUtf8 } from "../kernel/bytes.ts";
import { AgentError, describeError } from "../kernel/errors.ts";
import type { RuntimeFiles } from "../ports/source-files.ts";
import { filesOf, hashAll, hashLarge } from "./hash-files.ts";

export interface NodeExecutable {
  readonly path: string;
  /** As Node itself prints it: `v24.21.0`. */
  readonly version: string;
}

const LIBRARIES = "node_modules";
const LOCK_FILE = "package-lock.json";
const MAX_FILES = 20_000;
/** Prose, source maps and C sources; and TypeScript, which Node refuses to run below `node_modules`. */
const CANT_RUN = /\.(?:md|markdown|map|ts|mts|cts|c|cc|cpp|h|hpp)$/iu;
const INSTALL = "npm ci --omit=dev";

const Flag = z.boolean().optional();
const Package = z.object({ dev: Flag, optional: Flag, devOptional: Flag });
const Lock = z.object({ packages: z.record(z.string(), Package) });

/** @param root the directory that holds `node_modules` and `package-lock.json` @throws AgentError "OWN_FILES" */
export async function runtimeFiles(root: string, executable: NodeExecutable): Promise<RuntimeFiles> {
  try {
    const libraries = libraryFiles(root, executable);
    if (libraries.length > MAX_FILES)
      throw new AgentError("OWN_FILES", `more than ${MAX_FILES} files lie in libraries`);
    const [node, files] = await Promise.all([hashLarge(executable.path), hashAll(root, libraries)]);
    return { nodeVersion: executable.version, files: [{ path: "node", sha256: node }, ...files] };
  } catch (error) {
    if (error instanceof AgentError) throw error;
    throw new AgentError("OWN_FILES", `the agent can't read its libraries: ${describeError(error)}`, {
      cause: error,
      fix: `check that every file below ${join(root, LIBRARIES)} is readable by the agent's user, or install anew: ${INSTALL}`,
    });
  }
}

/** Paths relative to the root, in no order. */
function libraryFiles(root: string, executable: NodeExecutable): string[] {
  const { packages } = readLock(root);
  const present = topLevel(root);
  const missing = Object.entries(packages).find(
    ([path, needed]) => isTopLevel(path) && !isOptional(needed) && !present.has(path),
  );
  if (missing !== undefined) {
    throw new AgentError("OWN_FILES", `${missing[0]} is not installed`, { fix: INSTALL });
  }
  const node = relative(root, executable.path).split(sep).join("/");
  const files: string[] = [];
  for (const [path, entry] of present) {
    if (packages[path]?.dev === true || node.startsWith(`${path}/`)) continue;
    files.push(...filesOf(root, path, entry, `install anew: ${INSTALL}`).filter((file) => !CANT_RUN.test(file)));
  }
  return files;
}

function readLock(root: string): z.infer<typeof Lock> {
  const text = fromUtf8(readFileSync(join(root, LOCK_FILE))) ?? "";
  try {
    return Lock.parse(JSON.parse(text));
  } catch (error) {
    throw new AgentError("OWN_FILES", `${LOCK_FILE} is not a list of packages`, { cause: error, fix: INSTALL });
  }
}

/** A package of its own, not one inside another package: those are measured with it. */
function isTopLevel(path: string): boolean {
  return path.startsWith(`${LIBRARIES}/`) && path.lastIndexOf(LIBRARIES) === 0;
}

/** True for what a good installation may lack. */
function isOptional({ dev, optional, devOptional }: z.infer<typeof Package>): boolean {
  return dev === true || optional === true || devOptional === true;
}

/** Every name that Node can find in `node_modules`, by its path; a scope's packages instead of the scope. */
function topLevel(root: string): ReadonlyMap<string, Dirent> {
  const found = new Map<string, Dirent>();
  for (const entry of visible(root, LIBRARIES)) {
    const path = `${LIBRARIES}/${entry.name}`;
    if (!entry.name.startsWith("@") || !entry.isDirectory()) found.set(path, entry);
    else for (const scoped of visible(root, path)) found.set(`${path}/${scoped.name}`, scoped);
  }
  return found;
}

function visible(root: string, path: string): readonly Dirent[] {
  return readdirSync(join(root, path), { withFileTypes: true }).filter(({ name }) => !name.startsWith("."));
}
