/** Commands of the machine that tests run on, each with a time limit and all that it said. @module */
import { spawn } from "node:child_process";

export interface Ended {
  /** Undefined when a signal or the time limit ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly seconds: number;
  readonly cwd?: string;
  /** Set besides what this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Killed at the time limit. @throws when there is no such command */
export function command(words: readonly string[], options: CommandOptions): Promise<Ended> {
  const [program = "", ...args] = words;
  return new Promise((done, fail) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.seconds * 1000,
      killSignal: "SIGKILL",
    });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.once("error", fail);
    child.once("close", (code) => done({ status: code ?? undefined, stdout, stderr }));
  });
}

/** Gives what it printed. @throws unless it ends with 0 */
export async function succeed(words: readonly string[], options: CommandOptions): Promise<string> {
  const { status, stdout, stderr } = await command(words, options);
  if (status === 0) return stdout;
  const end = status === undefined ? `was killed (${options.seconds} s were its limit)` : `ended with ${status}`;
  throw new Error(`${words.slice(0, 3).join(" ")} … ${end}:\n${(stdout + stderr).slice(-4000)}`);
}
