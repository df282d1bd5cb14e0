#!/usr/bin/env node
/** The program: argv, environment, signals and exit code. The only reader of `process`. @module */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  access,
  constants,
  link,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";
import type { CliIo, PathFacts, RunOptions, WriteOptions } from "./cli/io.ts";
import { runCli } from "./cli/program.ts";
import { loadConfig } from "./config/load.ts";
import { statePath } from "./config/state-path.ts";
import { upBanner } from "./cli/banner.ts";
import { describeError, systemCode } from "./kernel/errors.ts";
import type { AgentUp } from "./compose/options.ts";
import { isAbort } from "./kernel/service.ts";

const MAX_STDIN_BYTES = 65_536;
/** Of a file that is named to the running agent. */
const MAX_CONFIG_BYTES = 1_048_576;
/** Where udev puts a radio, whenever it is plugged in. */
const AWAITED_RADIO = "serial:///dev/meshtastic";
const ROOT = fileURLToPath(new URL("..", import.meta.url));

const io: CliIo = {
  env: process.env,
  version: ownVersion(),
  nodeVersion: process.versions.node,
  isTty: isatty(2),
  isStdoutTty: isatty(1),
  columns: () => process.stderr.columns || 80,
  statePath: () => resolve(statePath(process.env)),
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  fetch: (url, { method, headers, body, timeoutMs }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    return fetch(url, { method, headers, signal, ...(body === undefined ? {} : { body }) });
  },
  readFile: (path, most) => (most === undefined ? readFile(path) : readStart(path, most)),
  readStdin,
  ask,
  writeFile: writeAtomically,
  makeDirectory: async (path) => void (await mkdir(path, { recursive: true })),
  facts,
  list: async (path) => (await readdir(path).catch(() => [])).toSorted((a, b) => (a < b ? -1 : 1)),
  sleep: (ms) => new Promise((wake) => void setTimeout(wake, ms)),
  monotonicMs: () => performance.now(),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  resolve: (path) => resolve(path),
  checkConfig: async () => void (await loadConfig(process.env["CAYE_CONFIG"] || undefined, process.env, readFile)),
  run,
  villageTools: async () => (await import("./agent.ts")).authorityTools(),
  recoveryTools: async () => (await import("./agent.ts")).recovery(),
  attestTools: async () => {
    // Without the agent, which takes a second to load: a verifier is asked often.
    const { attestTools } = await import("./attest/tools.ts");
    return attestTools({ bytes: (length) => new Uint8Array(randomBytes(length)) });
  },
  simulator: async () => (await import("./sim/scenario.ts")).SIMULATOR,
  radioTools: async () => {
    const [{ serveRadios }, { ask }] = await Promise.all([import("./sim/radios.ts"), import("./sim/phone.ts")]);
    return { serveRadios, ask };
  },
  entropyTools: () => import("./entropy/assess.ts"),
  selfTestTools: async () => {
    const { powerUp, full } = await import("./selftest/self-test.ts");
    const { node } = process.versions;
    const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
    return { powerUp: () => powerUp(node), full: () => full(node, random) };
  },
  upkeepTools: async () => {
    const { upkeepTools } = await import("./compose/upkeep-tools.ts");
    return upkeepTools({ env: process.env, statePath: () => io.statePath() });
  },
  provisionTools: async () => (await import("./compose/provision-tools.ts")).provisionTools(ROOT),
  boardTools: async () => {
    const { boardTools } = await import("./compose/board-tools.ts");
    return boardTools({ loadConfig: async (path) => (await loadConfig(path, process.env, readFile)).config });
  },
  updateTools: async (signal) => (await import("./compose/update-tools.ts")).updateToolsHere(signal),
  bootstrapTools: async () => (await import("./compose/bootstrap-tools.ts")).bootstrapTools(),
  untilStopped: async (work) => {
    const stop = new AbortController();
    using _ = onStopSignals(() => stop.abort());
    return await work(stop.signal);
  },
};

/** What tells a program to end: the init system, Ctrl-C, a terminal that goes away. */
function onStopSignals(act: (signal: NodeJS.Signals) => void): Disposable {
  process.on("SIGTERM", act).on("SIGINT", act).on("SIGHUP", act);
  return { [Symbol.dispose]: () => void process.off("SIGTERM", act).off("SIGINT", act).off("SIGHUP", act) };
}

/** Loads the agent only here: the other commands start faster without it. */
async function run({ configPath, json, simulate }: RunOptions): Promise<void> {
  const stop = new AbortController();
  const abort = (): void => stop.abort();
  let stoppedBy: NodeJS.Signals | undefined;
  // What the journal reads is the agent's log alone.
  let journal = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    stoppedBy ??= signal;
    abort();
  };
  let told = false;
  const onOutputFault = (error: unknown): void => {
    // Whoever read our log went away: with `caye run | tee log`, that is how the whole pipe is ended.
    if (systemCode(error) === "EPIPE") return abort();
    // A log that can't be kept (its disk is full, say) is no reason to let the village down.
    if (!told) process.stderr.write(`caye: the log can't be written, the agent goes on: ${describeError(error)}\n`);
    told = true;
  };
  using _ = onStopSignals(onSignal);
  process.stdout.off("error", endWithOutput).on("error", onOutputFault);
  try {
    const file = configPath === undefined ? undefined : resolve(configPath);
    const { config } = await loadConfig(file, process.env, readFile);
    const log = json ? { ...config.log, format: "json" as const } : config.log;
    const options = {
      config: { ...config, log },
      statePath: io.statePath(),
      root: ROOT,
      version: io.version,
      pid: process.pid,
      loadConfig: async (path: string) => (await loadConfig(resolve(path), process.env, readSmall)).config,
      output: process.stdout,
      onUp: (up: AgentUp) => {
        ({ journal } = up);
        if (!journal) process.stdout.write(upBanner(up, io.statePath()));
      },
    };
    const { findRadio, runAgent } = await import("./agent.ts");
    const { kind, uri } = config.radio.modem;
    const radio = kind === "auto" ? ((await findRadio()) ?? (simulate ? undefined : AWAITED_RADIO)) : uri;
    if (kind !== "sim" && radio !== undefined)
      await runAgent({ ...options, modemUri: radio, simulated: false }, stop.signal);
    // Loaded only here: a node with a radio has no use for it.
    else await (await import("./sim/village.ts")).runInVillage(options, stop.signal);
  } catch (error) {
    // Told to stop before it was up: that is no failure.
    if (!isAbort(error, stop.signal)) throw error;
  } finally {
    process.stdout.off("error", onOutputFault).on("error", endWithOutput);
  }
  if (stoppedBy !== undefined && !journal) process.stdout.write(`caye has stopped (${stoppedBy})\n`);
}

/** `caye ls | head` closes our output early: that is no failure. */
function endWithOutput(error: unknown): void {
  if (systemCode(error) === "EPIPE") process.exit(0);
  process.stderr.write(`caye: standard output can't be written: ${describeError(error)}\n`);
  process.exit(1);
}

/** Also of what has no end, such as a pipe. */
async function readStart(path: string, most: number): Promise<Uint8Array> {
  await using file = await open(path);
  const pieces: Uint8Array[] = [];
  for (let left = most; left > 0;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(left, 65_536)));
    if (bytesRead === 0) break;
    pieces.push(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return Buffer.concat(pieces);
}

/** To an agent that runs, a pipe would be a thread that waits for ever, and a device has no end: regular files alone. */
async function readSmall(path: string): Promise<Uint8Array> {
  const { kind, bytes = 0 } = (await facts(path)) ?? { kind: "file" };
  if (kind === "other" || kind === "device") throw new Error("it is no regular file");
  if (bytes > MAX_CONFIG_BYTES) throw new Error("it is too long for a configuration");
  return readFile(path);
}

async function facts(path: string): Promise<PathFacts | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "other";
  const device = found.isCharacterDevice() || found.isBlockDevice();
  const may = (mode: number): Promise<boolean> =>
    access(path, mode).then(
      () => true,
      () => false,
    );
  return {
    ...(found.isFile() ? { bytes: found.size } : {}),
    kind: device ? "device" : kind,
    mode: found.mode & 0o777,
    readable: await may(constants.R_OK),
    writable: await may(constants.W_OK),
  };
}

/** At most one byte more than 64 KiB: enough to see that it is too much. */
async function readStdin(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of process.stdin) {
    const bytes = Buffer.from(part);
    parts.push(bytes);
    length += bytes.length;
    if (length > MAX_STDIN_BYTES) break;
  }
  const all = Buffer.concat(parts).subarray(0, MAX_STDIN_BYTES + 1);
  for (const part of parts) part.fill(0);
  return all;
}

/** One reader for all questions: it may hold the lines of the next ones already. */
let answers: AsyncIterator<string> | undefined;

async function ask(question: string): Promise<string> {
  process.stderr.write(question);
  answers ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  process.stdin.resume();
  const { value, done } = await answers.next();
  // What waits for more would keep the program from ending.
  process.stdin.pause();
  return done === true ? "" : value;
}

/** A whole file or none, also when the power fails. What is no regular file (a pipe, `/dev/stdout`) is written to. */
async function writeAtomically(path: string, bytes: Uint8Array, { exclusive, mode }: WriteOptions): Promise<void> {
  const existing = await facts(path);
  if (!exclusive && existing !== undefined && existing.kind !== "file") return writeFile(path, bytes);
  // Through a symbolic link, as every other program writes.
  const target = existing === undefined || exclusive ? path : await realpath(path);
  const draft = join(dirname(target), `.${basename(target).slice(0, 100)}.${process.pid}.tmp`);
  try {
    const file = await open(draft, "wx", mode ?? 0o644);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    // A link fails when the name is taken; a rename would replace what stands there.
    if (exclusive) await linkOrRename(draft, target);
    else await rename(draft, target);
  } finally {
    await unlink(draft).catch(() => undefined);
  }
}

async function linkOrRename(draft: string, target: string): Promise<void> {
  try {
    await link(draft, target);
  } catch (error) {
    // A FAT disk (a USB stick) knows no links.
    const noLinks = ["EPERM", "ENOTSUP"].includes(systemCode(error) ?? "");
    if (!noLinks || (await facts(target)) !== undefined) throw error;
    await rename(draft, target);
  }
}

function ownVersion(): string {
  const file = join(ROOT, "package.json");
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  const named = typeof manifest === "object" && manifest !== null && "version" in manifest;
  return named ? String(manifest.version) : "unknown";
}

process.stdout.on("error", endWithOutput);
// Nobody is left who could be told.
process.stderr.on("error", () => undefined);

await runCli(io, process.argv.slice(2));
