/** Puts the man page and the completions where Debian's man and shells look for them. @module */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { bashCompletion, fishCompletion, manPage, zshCompletion } from "./reference.ts";

/** @param epochS the day that the page bears, in seconds since 1970 */
export function installReference(tree: string, version: string, epochS: number): void {
  const day = new Date(epochS * 1000).toISOString().slice(0, 10);
  const files: Readonly<Record<string, string | Uint8Array>> = {
    // Node writes no time into it: the same page gives the same bytes.
    "usr/share/man/man1/caye.1.gz": gzipSync(manPage(version, day), { level: 9 }),
    "usr/share/bash-completion/completions/caye": bashCompletion(),
    "usr/share/fish/vendor_completions.d/caye.fish": fishCompletion(),
    "usr/share/zsh/vendor-completions/_caye": zshCompletion(),
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(tree, dirname(path)), { recursive: true });
    writeFileSync(join(tree, path), content);
  }
}
