/** A real agent in a process of its own, and the real CLI beside it, for end-to-end tests and benches. @module */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");

export interface AgentProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly state: string;
  /** All that it printed so far. */
  output(): string;
  /** Resolves when the text was printed; rejects with the output when the process ends before, or after `limitMs`. */
  printed(text: string, limitMs?: number): Promise<void>;
  /** Stops it and resolves with its exit code, or the signal's name. */
  stop(signal?: NodeJS.Signals): Promise<number | string>;
  exited: Promise<number | string>;
}

export interface StartOptions {
  /** Environment beside the bare PATH and HOME; `CAYE_STATE` is set unless given. */
  readonly env?: Readonly<Record<string, string>>;
  /** What to start, in the project's folder: `["npm", "start"]` unless given. */
  readonly command?: readonly string[];
  /** Used and left alone when given; else a fresh one that is removed at the end. */
  readonly state?: string;
}

/** Starts an agent on free ports, so that tests never meet each other or a real agent. */
export async function startAgent(options: StartOptions = {}): Promise<AgentProcess> {
  const state = options.state ?? (await mkdtemp(join(tmpdir(), "caye-e2e-")));
  const [program = "npm", ...args] = options.command ?? ["npm", "start"];
  const child = spawn(program, args, {
    cwd: ROOT,
    env: environment(state, options.env),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const listeners = new Set<() => void>();
  const collect = (chunk: Buffer): void => {
    output += chunk.toString();
    for (const listener of listeners) listener();
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const exited = new Promise<number | string>((done) => {
    child.once("exit", (code, signal) => done(code ?? signal ?? "?"));
  });
  const printed = (text: string, limitMs = 60_000): Promise<void> =>
    new Promise((done, fail) => {
      const limit = setTimeout(
        () => finish(new Error(`"${text}" was not printed in ${limitMs} ms:\n${output}`)),
        limitMs,
      );
      const look = (): void => {
        if (output.includes(text)) finish();
      };
      const finish = (error?: Error): void => {
        clearTimeout(limit);
        listeners.delete(look);
        if (error === undefined) done();
        else fail(error);
      };
      listeners.add(look);
      void exited.then((code) =>
        finish(output.includes(text) ? undefined : new Error(`ended with ${code}:\n${output}`)),
      );
      look();
    });
  const stop = (signal: NodeJS.Signals = "SIGTERM"): Promise<number | string> => {
    child.kill(signal);
    return exited;
  };
  return {
    child,
    state,
    printed,
    stop,
    exited,
    output: () => output,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exited;
      if (options.state === undefined) await rm(state, { recursive: true, force: true });
    },
  };
}

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `npx caye …` against the agent of that state directory. */
export async function caye(state: string, ...args: readonly string[]): Promise<CliResult> {
  return run(["npx", "--no-install", "caye", ...args], environment(state));
}

export function run(command: readonly string[], env: NodeJS.ProcessEnv, cwd = ROOT): Promise<CliResult> {
  const [program = "", ...args] = command;
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.once("error", fail);
    child.once("close", (code) => done({ code: code ?? -1, stdout, stderr }));
  });
}

function environment(state: string, extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const { PATH = "", HOME = "" } = process.env;
  return { PATH, HOME, CAYE_STATE: state, CAYE_API_PORT: "0", CAYE_METRICS_PORT: "0", ...extra };
}

/** Resident memory of a process in bytes, from the kernel: now, or at its highest. */
export async function residentBytes(pid: number, field: "VmRSS" | "VmHWM" = "VmRSS"): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1] ?? 0) * 1024;
}

/** Asks again and again until the answer is not undefined. */
export async function eventually<T>(ask: () => Promise<T | undefined>, limitMs = 60_000, everyMs = 200): Promise<T> {
  const end = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > end) throw new Error(`nothing came in ${limitMs} ms`);
    await new Promise((done) => setTimeout(done, everyMs));
  }
}
