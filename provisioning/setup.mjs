/**
 * Makes a fresh clone run: npm packages as the lock file says, and the Debian packages of `debian-packages.txt`.
 *
 * Changes nothing when all is there. Each step prints one line; `--quiet` prints nothing when there is nothing to do.
 * `--tests` also installs what only the tests need, of `debian-packages-tests.txt`.
 * Runs on Node 20 or newer without any package, because it is what installs them. Exits 0 whenever the agent can start.
 * @module
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MODULES = join(ROOT, "node_modules");
/** Node's compile cache: `npm start` names it too. It spares the type stripper, which costs 20 MB for as long as the agent runs. */
const CACHE = join(MODULES, ".cache/caye");
const COMPILED = join(CACHE, "complete");
const STAMP = join(MODULES, ".caye-setup");
const COMMAND_TIMEOUT_MS = 900_000;
/** Machines that npm has the pinned Node for. */
const PINNED_NODE_CPUS = /^(?:x64|arm64)$/;

const quiet = process.argv.includes("--quiet");
const PACKAGE_LISTS = [
  "debian-packages.txt",
  ...(process.argv.includes("--tests") ? ["debian-packages-tests.txt"] : []),
];
const changed = installNpmPackages();
if (usable() && !isCompiled()) compile();
const installed = installDebianPackages();
if (!usable()) process.exitCode = 1;
else if (!quiet && !changed && !installed) say("everything is in place");

/** True when there was something to do. */
function installNpmPackages() {
  const hash = createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8").trim() === hash && usable()) return false;
  start("installing npm packages");
  const startedMs = Date.now();
  const problem = stagedInstall();
  if (problem === undefined && usable()) {
    writeFileSync(STAMP, `${hash}\n`);
    finish(`done in ${seconds(startedMs)}`);
  } else if (problem === undefined) {
    finish(
      "failed: npm ci went well, but left packages out; Caye can't start without them. Is there an `omit` in npm's configuration?",
    );
  } else if (usable()) {
    finish(`failed (${problem}); going on with the packages that are here`);
  } else {
    finish(`failed (${problem}); Caye can't start without them. Connect to the internet once, then: npm run setup`);
  }
  return true;
}

/**
 * `npm ci` would delete what is here before it knows that it can fetch the new: so it works next door, and the two
 * change places when it has succeeded. Gives the problem, or undefined.
 */
function stagedInstall() {
  for (const name of readdirSync(ROOT))
    if (isAbandoned(name)) rmSync(join(ROOT, name), { recursive: true, force: true });
  const stage = join(ROOT, `setup-${process.pid}.tmp`);
  mkdirSync(stage);
  try {
    for (const name of ["package.json", "package-lock.json", ".npmrc"]) {
      if (existsSync(join(ROOT, name))) copyFileSync(join(ROOT, name), join(stage, name));
    }
    const result = run("npm", ["ci", "--no-audit", "--no-fund", "--prefix", stage], {
      cwd: stage,
      env: npmEnvironment(),
    });
    if (result.status !== 0) return problemOf("npm ci", result);
    linkPinnedNode(join(stage, "node_modules"));
    return swap(stage);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function swap(stage) {
  try {
    if (existsSync(MODULES)) renameSync(MODULES, join(stage, "before"));
    renameSync(join(stage, "node_modules"), MODULES);
    return undefined;
  } catch (error) {
    if (!existsSync(MODULES) && existsSync(join(stage, "before"))) renameSync(join(stage, "before"), MODULES);
    // A node_modules that is a mount of its own can't be renamed: then in place, as npm does it.
    if (error.code !== "EBUSY" && error.code !== "EXDEV") return `node_modules can't be replaced: ${error.message}`;
    const result = run("npm", ["ci", "--no-audit", "--no-fund"], { cwd: ROOT, env: npmEnvironment() });
    if (result.status !== 0) return problemOf("npm ci", result);
    linkPinnedNode(MODULES);
    return undefined;
  }
}

/**
 * Makes `.bin/node` when npm has not: the npm of Debian 13 (9.2) leaves the package of the other machine out, and takes
 * the link of the same name with it.
 */
function linkPinnedNode(modules) {
  const target = `../node-linux-${process.arch}/bin/node`;
  const link = join(modules, ".bin/node");
  if (!existsSync(link) && existsSync(join(modules, ".bin", target))) symlinkSync(target, link);
}

/** A stage whose process was killed, by a power cut say. */
function isAbandoned(name) {
  const pid = /^setup-(\d+)\.tmp$/.exec(name)?.[1];
  return pid !== undefined && !existsSync(`/proc/${pid}`);
}

/** Without what an outer `npm start` says of itself: it would point the inner npm at the wrong package. */
function npmEnvironment() {
  const foreign = /^npm_(?:package|lifecycle|command|config_local_prefix|config_prefix)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** True when the agent can start with the packages that are here. */
function usable() {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const pinned = !PINNED_NODE_CPUS.test(process.arch) || existsSync(join(MODULES, ".bin/node"));
  return pinned && Object.keys(dependencies).every((name) => existsSync(join(MODULES, name, "package.json")));
}

/** True when nothing of the code is younger than what was compiled of it. */
function isCompiled() {
  if (!existsSync(COMPILED)) return false;
  const compiledMs = statSync(COMPILED).mtimeMs;
  const source = join(ROOT, "src");
  const names = existsSync(source) ? readdirSync(source, { recursive: true }) : [];
  return names.every((name) => (statSync(join(source, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) <= compiledMs);
}

/** Loads the agent's code once, so that its first start is as quick and small as every later one. */
function compile() {
  start("compiling");
  const startedMs = Date.now();
  const node = existsSync(join(MODULES, ".bin/node")) ? join(MODULES, ".bin/node") : process.execPath;
  // Code that was compiled under other flags of V8 is not used: these are those of `npm start`.
  const load = 'await import("./src/cli/program.ts"); await import("./src/sim/village.ts")';
  const result = run(node, ["--optimize-for-size", "--max-semi-space-size=1", "--input-type=module", "-e", load], {
    cwd: ROOT,
    env: { ...process.env, NODE_COMPILE_CACHE: CACHE },
  });
  const problem = result.status === 0 ? markCompiled() : problemOf("node", result);
  finish(
    problem === undefined ? `done in ${seconds(startedMs)}` : `failed (${problem}); the agent will start more slowly`,
  );
}

/** Gives the problem, or undefined: node_modules may belong to another user. */
function markCompiled() {
  try {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(COMPILED, "");
    return undefined;
  } catch (error) {
    return error.message;
  }
}

/** True when there was something to do. */
function installDebianPackages() {
  const wanted = readPackageList();
  // All that is installed: under the name that a package had in an older Debian, only its successor tells (`Provides`).
  const known = run("dpkg-query", ["-W", "-f=${db:Status-Status},${Package},${Provides}\n"]);
  if (known.error !== undefined) return nameMissingCommands(wanted);
  const present = namesIn(known.stdout);
  const missing = wanted.map(({ name }) => name).filter((name) => !present.has(name));
  if (missing.length === 0) return false;
  const prefix = rightsPrefix();
  if (prefix === undefined) {
    say(`some Debian packages are missing; to install them, type: ${byHand(missing)}`);
    return true;
  }
  start(`installing Debian packages: ${missing.join(" ")}`);
  const startedMs = Date.now();
  const problem = aptInstall(prefix, missing);
  if (problem === undefined) finish(`done in ${seconds(startedMs)}`);
  else finish(`failed (${problem}); going on without them. To try by hand: ${byHand(missing)}`);
  return true;
}

/** The names that installed packages go by. A line: `installed,libfoo1t64,libfoo1 (= 4.1), libfoo`. */
function namesIn(listing) {
  const names = listing
    .split("\n")
    .map((line) => line.split(","))
    .filter(([status]) => status === "installed")
    .flatMap(([, ...rest]) => rest.map((name) => name.trim().split(" ")[0]));
  return new Set(names);
}

function readPackageList() {
  return PACKAGE_LISTS.flatMap((list) => readFileSync(join(ROOT, "provisioning", list), "utf8").split("\n"))
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
    .filter(([name]) => name !== "")
    .map(([name, command = "-"]) => ({ name, command }));
}

function nameMissingCommands(wanted) {
  const directories = (process.env.PATH ?? "").split(delimiter).filter((directory) => directory !== "");
  const missing = wanted
    .map(({ command }) => command)
    .filter((command) => command !== "-" && !directories.some((directory) => existsSync(join(directory, command))));
  if (missing.length === 0) return false;
  say(`this is no Debian, so these commands must come from its own package manager: ${missing.join(", ")}`);
  return true;
}

/** What stands before a command that needs root's rights; undefined when this user has none. */
function rightsPrefix() {
  if (run("id", ["-u"]).stdout.trim() === "0") return [];
  return run("sudo", ["-n", "true"]).status === 0 ? ["sudo", "-n"] : undefined;
}

/** With the package lists that are here; when these are missing or outdated, with new ones. */
function aptInstall(prefix, names) {
  const apt = (...args) => {
    const [command, ...rest] = [
      ...prefix,
      "env",
      "DEBIAN_FRONTEND=noninteractive",
      "apt-get",
      "-o",
      "DPkg::Lock::Timeout=120",
      ...args,
    ];
    return run(command, rest);
  };
  const install = () => apt("install", "-y", "--no-install-recommends", ...names);
  if (install().status === 0) return undefined;
  apt("update");
  const result = install();
  return result.status === 0 ? undefined : problemOf("apt-get", result);
}

function byHand(names) {
  return `sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names.join(" ")}`;
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    encoding: "utf8",
    timeout: COMMAND_TIMEOUT_MS,
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
  });
  return { status: result.status, error: result.error, stdout: result.stdout ?? "", stderr: result.stderr ?? "" };
}

/** One line that says what went wrong, from a command's own words. */
function problemOf(command, { status, error, stderr }) {
  if (error?.code === "ENOENT") return `there is no ${command.split(" ")[0]} here`;
  if (error?.code === "ETIMEDOUT") return `${command} did not end in time`;
  if (
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|network|Temporary failure|Could not resolve/i.test(stderr)
  ) {
    return "no connection to the internet";
  }
  if (/ENOSPC|No space left/i.test(stderr)) return "the disk is full";
  const lines = stderr.split("\n").map((line) => line.replace(/^npm (?:error|ERR!)\s*|^E:\s*/, "").trim());
  return (
    lines.find((line) => line !== "" && !/^(?:npm )?warn|^code E[A-Z]+$/i.test(line)) ??
    `${command} ended with ${status ?? "a signal"}`
  );
}

function seconds(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;
}

/** A step's line: what is done now, and when it ended, how. */
function start(text) {
  process.stdout.write(`set-up: ${text} … `);
}

function finish(text) {
  process.stdout.write(`${text}\n`);
}

function say(text) {
  process.stdout.write(`set-up: ${text}\n`);
}
