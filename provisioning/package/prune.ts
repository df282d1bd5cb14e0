/** What a package leaves out of `node_modules`: other machines' natives, sources of natives, types, maps, tests. @module */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { basename, join, relative } from "node:path";

/** Directories that nothing loads at run time, by their place in `node_modules`. */
const NEVER_LOADED: readonly RegExp[] = [
  /^node-linux-[a-z0-9]+\/(?:include|share|lib)$/,
  /^node-linux-[a-z0-9]+\/bin\/(?:npm|npx|corepack)$/,
  /^classic-level\/deps$/,
  /^koffi\/(?:vendor|doc)$/,
  /^zod\/src$/,
  /^hono\/dist\/(?:cjs|types)$/,
  /^\.package-lock\.json$/,
  // A package's own tests and examples, at its top.
  /^(?:@[^/]+\/)?[^/@.][^/]*\/(?:test|tests|bench|benchmarks?|examples?|docs|coverage|\.github)$/,
];
const NEVER_LOADED_FILES = /\.(?:map|d\.ts|d\.mts|d\.cts|tsbuildinfo|flow|gyp|gypi|cc|cpp|c|h|hpp|md|markdown)$/i;

/** @param cpu as Node names it */
export function prune(modules: string, cpu: string): void {
  visit(modules, modules, cpu);
}

function visit(directory: string, modules: string, cpu: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const place = relative(modules, path);
    const isDirectory = lstatSync(path).isDirectory();
    if (isSuperfluous(place, isDirectory, cpu)) rmSync(path, { recursive: true });
    else if (isDirectory) visit(path, modules, cpu);
  }
}

function isSuperfluous(place: string, isDirectory: boolean, cpu: string): boolean {
  if (NEVER_LOADED.some((pattern) => pattern.test(place))) return true;
  const name = basename(place);
  if (/\/prebuilds\/[^/]+$/.test(place)) return name !== `linux-${cpu}`;
  if (isDirectory) return false;
  if (/^licen[cs]e|^copying|^notice/i.test(name)) return false;
  return NEVER_LOADED_FILES.test(name) || name.endsWith(".musl.node") || name.endsWith(".armv8.musl.node");
}
