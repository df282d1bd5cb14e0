/** The commands on a real disk, against a real agent, without a process of their own: for tests that run many. @module */
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { attestTools } from "../../src/attest/tools.ts";
import type { CliIo } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/program.ts";
import { provisionTools } from "../../src/compose/provision-tools.ts";
import { villageTools } from "../../src/dag/authority.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import type { CliResult } from "../e2e/agent-process.ts";

/** As typed in that directory. */
export function typed(directory: string, state: string, ...argv: readonly string[]): Promise<CliResult> {
  return typedAnswering([], directory, state, ...argv);
}

/** @param answers lines that are typed when questions are asked */
export async function typedAnswering(
  answers: readonly string[],
  directory: string,
  state: string,
  ...argv: readonly string[]
): Promise<CliResult> {
  const lines = [...answers];
  const said = { code: 0, stdout: "", stderr: "" };
  const at = (path: string): string => resolve(directory, path);
  const never = (): never => {
    throw new Error("this command needs a process of its own");
  };
  const io: CliIo = {
    env: {},
    version: "0.0.0",
    nodeVersion: process.versions.node,
    isTty: false,
    isStdoutTty: false,
    columns: () => 80,
    statePath: () => state,
    stdout: (text) => void (said.stdout += text),
    stderr: (text) => void (said.stderr += text),
    fetch: (url, { method, headers, body }) => fetch(url, { method, headers, ...(body !== undefined && { body }) }),
    readFile: (path) => readFile(at(path)),
    writeFile: (path, bytes, { exclusive, mode }) =>
      writeFile(at(path), bytes, { flag: exclusive ? "wx" : "w", mode: mode ?? 0o644 }),
    makeDirectory: async (path) => void (await mkdir(at(path), { recursive: true })),
    facts: async (path) => {
      const found = await stat(at(path)).catch(() => undefined);
      const kind = found?.isFile() === true ? "file" : found?.isDirectory() === true ? "directory" : "other";
      return found && { kind, mode: found.mode & 0o777, bytes: found.size, readable: true, writable: true };
    },
    list: async (path) => (await readdir(at(path)).catch(() => [])).toSorted((a, b) => (a < b ? -1 : 1)),
    sleep: never,
    monotonicMs: () => performance.now(),
    setExitCode: (code) => void (said.code = code),
    resolve: at,
    villageTools: async () => villageTools(systemRandom()),
    attestTools: async () => attestTools(systemRandom()),
    checkConfig: never,
    run: never,
    readStdin: never,
    ask: async (question) => {
      said.stderr += question;
      return lines.shift() ?? "";
    },
    recoveryTools: never,
    simulator: never,
    radioTools: never,
    entropyTools: never,
    selfTestTools: never,
    upkeepTools: never,
    updateTools: never,
    provisionTools: async () => provisionTools(resolve(import.meta.dirname, "../..")),
    bootstrapTools: never,
    boardTools: never,
    untilStopped: never,
  };
  await runCli(io, argv);
  return said;
}
