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

/**
 * Packages of other versions, as `caye_VERSION_amd64.deb` in a directory; their lists of hashes fit.
 * @param deb for amd64
 */
export async function otherDebs(
  deb: string,
  directory: string,
  changes: readonly Change[],
): Promise<readonly string[]> {
  const home = await mkdtemp(join(tmpdir(), "caye-other-deb-"));
  const tree = join(home, "tree");
  const made: string[] = [];
  try {
    await succeed(["dpkg-deb", "--raw-extract", deb, tree], { seconds: 300 });
    let version = /^Version: (.*)$/m.exec(readFileSync(join(tree, "DEBIAN/control"), "utf8"))?.[1] ?? "";
    for (const change of changes) {
      const undo = alter(tree, version, change);
      version = change.version;
      const path = join(directory, `caye_${version}_amd64.deb`);
      // Not packed at all: these are made often, and carried nowhere.
      await succeed(["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, path], { seconds: 300 });
      undo();
      made.push(path);
    }
    return made;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** As {@link otherDebs}, of one version. @returns its path */
export async function otherDeb(deb: string, directory: string, change: Change): Promise<string> {
  return (await otherDebs(deb, directory, [change]))[0] ?? "";
}

/** @returns what takes the prefixes away again */
function alter(tree: string, before: string, { version, prefixes = {} }: Change): () => void {
  replaceIn(join(tree, "DEBIAN/control"), `Version: ${before}`, `Version: ${version}`);
  replaceIn(join(tree, "DEBIAN/preinst"), before, version);
  const code = join(tree, "usr/lib/caye");
  replaceIn(join(code, "package.json"), `"version": "${before}"`, `"version": "${version}"`);
  rehash(code, "package.json");
  const texts = Object.keys(prefixes).map((path) => [path, readFileSync(join(code, path), "utf8")] as const);
  const put = (path: string, text: string): void => {
    writeFileSync(join(code, path), text);
    rehash(code, path);
  };
  for (const [path, text] of texts) put(path, (prefixes[path] ?? "") + text);
  return () => {
    for (const [path, text] of texts) put(path, text);
  };
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
