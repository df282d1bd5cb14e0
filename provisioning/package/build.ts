/**
 * `npm run package -- [--arch arm64|amd64] [--out DIR] [--version V] [--release-key FILE]`: the Debian packages, with
 * their own Node, each the same bytes every time from the same commit. Needs npm's registry and dpkg-deb, nothing else;
 * no compiler runs.
 *
 * Layout: `/usr/lib/caye` (code and production packages), units and rules where systemd and udev look, `/usr/bin/caye`.
 * Beside the package: its SBOM (CycloneDX) and the list of its files' hashes, which also lies within; with a release key
 * the manifest that vouches for all three.
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  lutimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { z } from "zod";
import { STATE_FORMAT } from "../../src/drivers/state-directory.ts";
import { decodeReleaseSecret, encodeReleaseKey, type ReleaseSigner } from "../../src/release/keys.ts";
import { fileRow, signManifest } from "../../src/release/manifest.ts";
import { prune } from "./prune.ts";
import { installReference } from "./reference-files.ts";
import { installSystemFiles, unitsToEnable } from "./system-files.ts";
import { stripTypes } from "./strip.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CPU = { amd64: "x64", arm64: "arm64" } as const;
type Arch = keyof typeof CPU;
const MANIFEST = z.looseObject({ version: z.string() });
const SBOM = z.looseObject({ serialNumber: z.unknown(), metadata: z.looseObject({ timestamp: z.unknown() }) });

function archOf(text: string): Arch {
  if (text === "arm64" || text === "amd64") return text;
  throw new Error(`there is no package for ${text}: use arm64 or amd64`);
}

function buildPackage(arch: Arch, version: string, out: string, signer: ReleaseSigner | undefined): void {
  const epochS = sourceEpoch();
  const stage = mkdtempSync(join(tmpdir(), "caye-package-"));
  try {
    const tree = join(stage, "tree");
    say(`${arch}: packages`);
    installCode(tree, arch);
    setVersion(join(tree, "usr/lib/caye/package.json"), version);
    const key = signer && { name: `${signer.key.id}.pub`, file: encodeReleaseKey(signer.key) };
    installSystemFiles(ROOT, tree, key);
    installReference(tree, version, epochS);
    say(`${arch}: hashes`);
    const hashes = hashesOf(join(tree, "usr/lib/caye"));
    writeFileSync(join(tree, "usr/lib/caye/SHA256SUMS"), hashes);
    writeControl(tree, arch, version);
    settle(tree, epochS);
    mkdirSync(out, { recursive: true });
    const name = `caye_${version}_${arch}`;
    say(`${arch}: packing`);
    const draft = join(out, `.${name}.deb.tmp`);
    run("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", tree, draft], stage, { SOURCE_DATE_EPOCH: `${epochS}` });
    renameSync(draft, join(out, `${name}.deb`));
    writeFileSync(join(out, `${name}.sha256sums`), hashes);
    writeFileSync(join(out, `${name}.cdx.json`), sbom(stage));
    if (signer !== undefined) sign(out, name, { version, arch, sourceTimeS: epochS }, signer);
    say(`${arch}: ${join(relative(process.cwd(), out), `${name}.deb`)}`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Over the package and what is written beside it. */
function sign(
  out: string,
  name: string,
  release: { readonly version: string; readonly arch: Arch; readonly sourceTimeS: number },
  signer: ReleaseSigner,
): void {
  const names = [`${name}.deb`, `${name}.cdx.json`, `${name}.sha256sums`];
  const files = names.map((file) => fileRow(file, readFileSync(join(out, file))));
  writeFileSync(join(out, `${name}.deb.manifest`), signManifest({ ...release, files }, signer));
  say(`${release.arch}: signed with key ${signer.key.id}`);
}

function readSigner(path: string): ReleaseSigner {
  const signer = decodeReleaseSecret(readFileSync(path));
  if (!signer.ok) throw new Error(`${path} is ${signer.reason}; caye release keys makes one`);
  return signer.value;
}

/** The commit's own time: the same tree gives the same bytes, whenever it is built. */
function sourceEpoch(): number {
  const given = process.env["SOURCE_DATE_EPOCH"];
  if (given !== undefined && /^\d+$/.test(given)) return Number(given);
  return Number(run("git", ["log", "-1", "--format=%ct"], ROOT).trim());
}

function installCode(tree: string, arch: Arch): void {
  const home = join(tree, "usr/lib/caye");
  mkdirSync(home, { recursive: true });
  for (const name of ["src", "package.json", "package-lock.json"]) {
    cpSync(join(ROOT, name), join(home, name), { recursive: true });
  }
  // What a card carries: an operator's laptop has this package, too.
  cpSync(join(ROOT, "provisioning/first-boot"), join(home, "provisioning/first-boot"), { recursive: true });
  stripTypes(join(home, "src"));
  const cpu = CPU[arch];
  const flags = [
    "--omit=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--os=linux",
    `--cpu=${cpu}`,
    "--libc=glibc",
  ];
  run("npm", ["ci", ...flags], home);
  prune(join(home, "node_modules"), cpu);
  const bin = join(home, "node_modules/.bin");
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin);
  symlinkSync(`../node-linux-${cpu}/bin/node`, join(bin, "node"));
}

function ownVersion(): string {
  return MANIFEST.parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"))).version;
}

/** What `caye version` tells is what dpkg knows. */
function setVersion(path: string, version: string): void {
  const manifest = MANIFEST.parse(JSON.parse(readFileSync(path, "utf8")));
  if (manifest.version !== version) writeFileSync(path, `${JSON.stringify({ ...manifest, version }, undefined, 2)}\n`);
}

function writeControl(tree: string, arch: Arch, version: string): void {
  const control = join(tree, "DEBIAN");
  mkdirSync(control);
  const kilobytes = Math.ceil(filesBelow(tree).reduce((sum, path) => sum + lstatSync(path).size, 0) / 1024);
  const values: Readonly<Record<string, string>> = {
    VERSION: version,
    ARCH: arch,
    SIZE: `${kilobytes}`,
    STATE: `${STATE_FORMAT}`,
    UNITS: unitsToEnable(tree).join(" "),
  };
  for (const name of ["control", "preinst", "postinst", "prerm", "postrm"]) {
    const text = readFileSync(join(ROOT, "provisioning/package/debian", name), "utf8");
    writeFileSync(
      join(control, name),
      text.replaceAll(/@([A-Z]+)@/g, (_, key: string) => values[key] ?? ""),
    );
    chmodSync(join(control, name), name === "control" ? 0o644 : 0o755);
  }
}

/** One line a file, as `sha256sum` writes and checks it. */
function hashesOf(directory: string): string {
  const lines = filesBelow(directory)
    .filter((path) => !lstatSync(path).isSymbolicLink())
    .map((path) => `${createHash("sha256").update(readFileSync(path)).digest("hex")}  ${relative(directory, path)}`);
  return `${lines.join("\n")}\n`;
}

/** In rising order of their paths. */
function filesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    });
}

/** Modes and times that don't depend on the machine that builds. */
function settle(path: string, epochS: number): void {
  const status = lstatSync(path);
  if (status.isDirectory()) {
    chmodSync(path, 0o755);
    for (const name of readdirSync(path)) settle(join(path, name), epochS);
  } else if (!status.isSymbolicLink()) {
    chmodSync(path, (status.mode & 0o100) === 0 ? 0o644 : 0o755);
  }
  lutimesSync(path, epochS, epochS);
}

/** CycloneDX, without what npm draws anew each time. */
function sbom(stage: string): string {
  const flags = ["sbom", "--omit=dev", "--sbom-format=cyclonedx", "--package-lock-only"];
  const raw = run("npm", flags, join(stage, "tree/usr/lib/caye"));
  const { serialNumber: _, metadata, ...rest } = SBOM.parse(JSON.parse(raw));
  const { timestamp: __, ...known } = metadata;
  return `${JSON.stringify({ ...rest, metadata: known }, undefined, 1)}\n`;
}

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): string {
  const result = spawnSync(command, args, {
    cwd,
    env: { ...cleanEnvironment(), ...env },
    encoding: "utf8",
    maxBuffer: 2 ** 26,
  });
  if (result.error !== undefined) throw new Error(`${command} is not here: ${result.error.message}`);
  if (result.status === 0) return result.stdout;
  throw new Error(`${command} ${args.join(" ")} ended with ${result.status ?? result.signal}: ${result.stderr.trim()}`);
}

/** Without what an outer `npm run` says of itself: it would point the inner npm at the wrong package. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_(?!config_registry)/.test(name)));
}

function say(text: string): void {
  process.stdout.write(`package: ${text}\n`);
}

const { values } = parseArgs({
  options: {
    arch: { type: "string" },
    out: { type: "string", default: "dist" },
    version: { type: "string" },
    "release-key": { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help === true) {
  process.stdout.write(
    "npm run package -- [--arch arm64|amd64] [--out DIR] [--version V] [--release-key FILE]\nWithout --arch: both.\n",
  );
} else {
  const archs = values.arch === undefined ? (["arm64", "amd64"] as const) : [archOf(values.arch)];
  const keyFile = values["release-key"];
  const signer = keyFile === undefined ? undefined : readSigner(resolve(keyFile));
  for (const arch of archs) buildPackage(arch, values.version ?? ownVersion(), resolve(values.out), signer);
}
