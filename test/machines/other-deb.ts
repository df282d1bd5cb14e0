/** Packages made from another one: a later version, one with a fault, one that somebody else signed. @module */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileRow, signManifest } from "../../src/release/manifest.ts";
import type { ReleaseSigner } from "../../src/release/keys.ts";
import { succeed } from "./command.ts";

export interface Change {
  readonly version: string;
  /** Files of `/usr/lib/caye`, by their paths there, and what stands before their text afterwards. */
  readonly prefixes?: Readonly<Record<string, string>>;
}

/** @param deb of another version, for amd64 @returns the path, in `directory`. Its list of hashes fits. */
export async function otherDeb(deb: string, directory: string, { version, prefixes = {} }: Change): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "caye-other-deb-"));
  const tree = join(home, "tree");
  try {
    await succeed(["dpkg-deb", "--raw-extract", deb, tree], { seconds: 120 });
    const before = /^Version: (.*)$/m.exec(readFileSync(join(tree, "DEBIAN/control"), "utf8"))?.[1] ?? "";
    replaceIn(join(tree, "DEBIAN/control"), `Version: ${before}`, `Version: ${version}`);
    replaceIn(join(tree, "DEBIAN/preinst"), before, version);
    const code = join(tree, "usr/lib/caye");
    replaceIn(join(code, "package.json"), `"version": "${before}"`, `"version": "${version}"`);
    for (const [path, prefix] of Object.entries(prefixes)) {
      writeFileSync(join(code, path), prefix + readFileSync(join(code, path), "utf8"));
    }
    for (const path of ["package.json", ...Object.keys(prefixes)]) rehash(code, path);
    const made = join(directory, `caye_${version}_amd64.deb`);
    await succeed(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, made], { seconds: 120 });
    return made;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

export function signDeb(deb: string, signer: ReleaseSigner): void {
  const [, version = "", arch] = /^caye_(.+)_(amd64|arm64)\.deb$/.exec(basename(deb)) ?? [];
  const files = [fileRow(basename(deb), readFileSync(deb))];
  const release = { version, arch: arch === "arm64" ? ("arm64" as const) : ("amd64" as const), sourceTimeS: 0, files };
  writeFileSync(join(dirname(deb), `${basename(deb)}.manifest`), signManifest(release, signer));
}

function replaceIn(path: string, from: string, to: string): void {
  const text = readFileSync(path, "utf8");
  if (!text.includes(from)) throw new Error(`${path} does not say ${from}`);
  writeFileSync(path, text.replaceAll(from, to));
}

function rehash(code: string, path: string): void {
  const list = join(code, "SHA256SUMS");
  const hash = createHash("sha256")
    .update(readFileSync(join(code, path)))
    .digest("hex");
  const lines = readFileSync(list, "utf8").split("\n");
  writeFileSync(list, lines.map((line) => (line.endsWith(`  ${path}`) ? `${hash}  ${path}` : line)).join("\n"));
}
