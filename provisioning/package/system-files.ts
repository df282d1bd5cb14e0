/** Which files of the project lie where on a node, beside the agent's own code. @module */
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { configTemplate } from "../../src/config/template.ts";

const DOCS = "usr/share/doc/caye";

/** Directories of the project, and where their files go. */
const DIRECTORIES: readonly (readonly [from: string, to: string, name: RegExp])[] = [
  ["systemd", "usr/lib/systemd/system", /\.(?:service|timer|path|socket|target)$/],
  ["systemd/sysusers.d", "usr/lib/sysusers.d", /\.conf$/],
  ["systemd/tmpfiles.d", "usr/lib/tmpfiles.d", /\.conf$/],
  ["systemd/modules-load.d", "usr/lib/modules-load.d", /\.conf$/],
  ["systemd/udev", "usr/lib/udev/rules.d", /\.rules$/],
  // All of it: who looks after a node may have no other place to read.
  ["docs", DOCS, /\.md$/],
];

/** Single files. No configuration file of dpkg's among them: an upgrade never asks anything. */
const FILES: readonly (readonly [from: string, to: string])[] = [
  ["LICENSE", `${DOCS}/copyright`],
  ["provisioning/package/apt.conf", "etc/apt/apt.conf.d/70caye"],
];
const PROGRAMS: readonly (readonly [from: string, to: string])[] = [
  ["provisioning/package/caye.sh", "usr/bin/caye"],
  ["provisioning/package/apt-hook.sh", "usr/lib/caye/apt-hook"],
  ["provisioning/package/update.sh", "usr/lib/caye/update"],
];
const UNITS = "usr/lib/systemd/system";

/** @param releaseKey the file of the public key, by its name; undefined: nobody signs this package */
export function installSystemFiles(
  root: string,
  tree: string,
  releaseKey: { readonly name: string; readonly file: Uint8Array } | undefined,
): void {
  const place = (from: string, to: string): void => {
    mkdirSync(join(tree, to, ".."), { recursive: true });
    cpSync(join(root, from), join(tree, to));
  };
  for (const [from, to, name] of DIRECTORIES) {
    const names = existsSync(join(root, from)) ? readdirSync(join(root, from)) : [];
    for (const file of names.filter((file) => name.test(file))) place(join(from, file), join(to, file));
  }
  for (const [from, to] of FILES) place(from, to);
  for (const [from, to] of PROGRAMS) {
    place(from, to);
    chmodSync(join(tree, to), 0o755);
  }
  // Its pages lie beside it here.
  const readme = readFileSync(join(root, "README.md"), "utf8").replaceAll("](docs/", "](");
  writeFileSync(join(tree, DOCS, "README.md"), readme);
  const share = join(tree, "usr/share/caye");
  mkdirSync(join(share, "release-keys"), { recursive: true });
  writeFileSync(join(share, "caye.toml"), configTemplate());
  if (releaseKey !== undefined) writeFileSync(join(share, "release-keys", releaseKey.name), releaseKey.file);
}

/** The units that are switched on at install, in rising order of their names: those that say what wants them. */
export function unitsToEnable(tree: string): readonly string[] {
  return readdirSync(join(tree, UNITS))
    .filter((name) => /^\[Install\]$/m.test(readFileSync(join(tree, UNITS, name), "utf8")))
    .map((name) => basename(name))
    .toSorted();
}
