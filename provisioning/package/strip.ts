/**
 * Makes JavaScript of the agent's TypeScript, line for line: an installed agent then neither loads a type stripper (20 MB
 * for as long as it runs) nor needs a compile cache, which nothing would measure. Line numbers stay those of the source.
 * @module
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";

/** `from "./x.ts"`, `import("./x.ts")`, and the files of workers: `new URL("./x.ts", import.meta.url)`. */
const RELATIVE = /(\b(?:from|import)\s*\(?\s*"|\bnew URL\(")(\.{1,2}\/[^"\n]*)\.ts"/g;
const ANY_RELATIVE = /(?:\bfrom\s*|\bimport\s*\(\s*|\bnew URL\()"(\.{1,2}\/[^"\n]*\.js)"/g;

/** Replaces every `.ts` below a directory by its `.js`. @throws Error when one names a file that is not there then */
export function stripTypes(directory: string): void {
  const names = readdirSync(directory, { recursive: true, encoding: "utf8" });
  const sources = names.filter((name) => name.endsWith(".ts")).map((name) => join(directory, name));
  for (const source of sources) {
    if (!source.endsWith(".d.ts")) writeFileSync(scriptOf(source), toScript(readFileSync(source, "utf8")));
    rmSync(source);
  }
  for (const script of sources.filter((name) => !name.endsWith(".d.ts")).map(scriptOf)) {
    for (const [, named = ""] of readFileSync(script, "utf8").matchAll(ANY_RELATIVE)) {
      if (!existsSync(join(dirname(script), named))) throw new Error(`${script} names ${named}, which is not there`);
    }
  }
}

/** Of one file. */
export function toScript(source: string): string {
  return stripTypeScriptTypes(source)
    .replace(RELATIVE, '$1$2.js"')
    .replace(/[ \t]+$/gm, "");
}

function scriptOf(source: string): string {
  return source.replace(/\.ts$/, ".js");
}
