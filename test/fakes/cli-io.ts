/** The commands' outside world in memory: files, a clock, and an agent whose API runs in this process. @module */
import { createApi } from "../../src/api/api.ts";
import type { CliIo, PathFacts, RunOptions } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/program.ts";
import { assess } from "../../src/entropy/assess.ts";
import type { AttestTools } from "../../src/kernel/attest-tools.ts";
import type { EntropyTools } from "../../src/kernel/entropy.ts";
import type { SelfTestRecord, SelfTestTools } from "../../src/kernel/selftest.ts";
import { full, powerUp } from "../../src/selftest/self-test.ts";
import type { AgentError } from "../../src/kernel/errors.ts";
import { villageTools } from "../../src/dag/authority.ts";
import type { RadioTools } from "../../src/kernel/simulation.ts";
import { FakeClock } from "./clock.ts";
import { type FakeMachine, fakeMachine } from "./machine.ts";
import { updateTools } from "../../src/release/tools.ts";
import { seeded } from "./seeded.ts";
import type { UpkeepTools } from "../../src/kernel/upkeep.ts";
import type { BlinkWish } from "../../src/kernel/board-tools.ts";
import type { BootstrapTools } from "../../src/kernel/bootstrap.ts";
import type { RecoveryTools } from "../../src/kernel/keys.ts";
import { fakeBootstrap } from "./bootstrap-tools.ts";
import { fakeRecovery } from "./keys-view.ts";
import { fakeUpkeep } from "./upkeep.ts";
import { type FakeView, fakeView } from "./agent-view.ts";

export interface FakeCli {
  readonly view: FakeView;
  readonly env: Record<string, string | undefined>;
  /** Contents by path; a path that ends in `/` is a directory. */
  readonly files: Map<string, Uint8Array>;
  /** Facts that win over what `files` says. */
  readonly special: Map<string, PathFacts>;
  readonly runs: RunOptions[];
  isTty: boolean;
  isStdoutTty: boolean;
  /** What is piped or typed. */
  stdin: string;
  columns: number;
  nodeVersion: string;
  /** Undefined: nobody listens. Else answers instead of the API. */
  answer: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  configProblem: AgentError | undefined;
  /** The clock, which only sleeping moves, or a test. */
  nowMs: number;
  entropyTools: EntropyTools;
  selfTestTools: SelfTestTools;
  /** What the agent was given for its log. */
  readonly selfTests: readonly SelfTestRecord[];
  /** Of a verifier; undefined: the real ones. */
  attestTools: AttestTools | undefined;
  recoveryTools: RecoveryTools;
  /** That packages are installed on. */
  readonly machine: FakeMachine;
  upkeepTools: UpkeepTools;
  bootstrapTools: BootstrapTools;
  /** What was blinked, without an agent. */
  readonly blinks: BlinkWish[];
  /** Radios that are up at once, and a node that says nothing. */
  radioTools: RadioTools;
  /** What the command line gave. */
  run(...argv: string[]): Promise<{ readonly code: number; readonly out: string; readonly err: string }>;
}

const DIRECTORY: PathFacts = { kind: "directory", mode: 0o555, readable: true, writable: false };
const STATE = "/home/ana/.local/state/caye";

export function fakeCli(): FakeCli {
  const view = fakeView();
  const kept: SelfTestRecord[] = [];
  const api = createApi(view, {
    token: "t0ken",
    host: "127.0.0.1",
    onFault: () => undefined,
    onSelfTest: (record) => void kept.push(record),
  });
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const cli: FakeCli = {
    view,
    env: { LANG: "en_BZ.UTF-8", PATH: "/usr/bin:/bin" },
    files: new Map([
      [`${STATE}/`, text("")],
      [`${STATE}/agent.json`, text('{"api":"http://127.0.0.1:8420","metrics":"http://127.0.0.1:9427","pid":4242}')],
      [`${STATE}/token`, text("t0ken\n")],
      ["./", text("")],
    ]),
    special: new Map([
      ["/proc", DIRECTORY],
      ["/proc/4242", DIRECTORY],
    ]),
    runs: [],
    isTty: false,
    isStdoutTty: false,
    stdin: "",
    columns: 80,
    nodeVersion: "24.21.0",
    answer: (url, init) => api(new Request(url, init)),
    configProblem: undefined,
    nowMs: 0,
    entropyTools: { assess },
    selfTests: kept,
    selfTestTools: {
      powerUp: () => powerUp("24.0.0"),
      full: () => full("24.0.0", (length) => seeded(9).random.bytes(length)),
    },
    attestTools: undefined,
    recoveryTools: fakeRecovery(),
    bootstrapTools: fakeBootstrap(),
    blinks: [],
    machine: fakeMachine(),
    upkeepTools: fakeUpkeep(),
    radioTools: { serveRadios: async () => undefined, ask: async () => false },
    run: async (...argv) => {
      const said = { code: 0, out: "", err: "" };
      await runCli(ioOf(cli, said), argv);
      return said;
    },
  };
  return cli;
}

function ioOf(cli: FakeCli, said: { code: number; out: string; err: string }): CliIo {
  return {
    env: cli.env,
    version: "0.1.0",
    nodeVersion: cli.nodeVersion,
    isTty: cli.isTty,
    isStdoutTty: cli.isStdoutTty,
    readStdin: async () => new TextEncoder().encode(cli.stdin),
    ask: async (question) => {
      said.err += question;
      const [line = "", ...rest] = cli.stdin.split("\n");
      cli.stdin = rest.join("\n");
      return line;
    },
    columns: () => cli.columns,
    statePath: () => cli.env["CAYE_STATE"] ?? STATE,
    stdout: (text) => {
      said.out += text;
    },
    stderr: (text) => {
      said.err += text;
    },
    fetch: async (url, { method, headers, body }) => {
      if (cli.answer === undefined) throw new TypeError("fetch failed");
      return cli.answer(url, { method, headers, ...(body === undefined ? {} : { body }) });
    },
    readFile: async (path, most) => {
      const bytes = cli.files.get(path);
      if (bytes !== undefined) return bytes.subarray(0, most);
      throw systemError(cli.files.has(`${path}/`) ? "EISDIR" : "ENOENT");
    },
    writeFile: async (path, bytes, { exclusive }) => {
      if (exclusive && cli.files.has(path)) throw systemError("EEXIST");
      if (path.startsWith("/full/")) throw systemError("ENOSPC");
      cli.files.set(path, bytes);
    },
    makeDirectory: async (path) => void cli.files.set(`${path}/`, new Uint8Array(0)),
    facts: async (path) => {
      const special = cli.special.get(path);
      if (special !== undefined) return special;
      const open = { readable: true, writable: true };
      const bytes = cli.files.get(path)?.length;
      if (bytes !== undefined) return { kind: "file", mode: 0o600, bytes, ...open };
      return cli.files.has(`${path}/`) ? { kind: "directory", mode: 0o700, ...open } : undefined;
    },
    list: async (path) =>
      [...cli.files.keys(), ...cli.special.keys()]
        .filter((name) => name.startsWith(`${path}/`) && name !== `${path}/`)
        .map((name) => name.slice(path.length + 1)),
    sleep: async (ms) => {
      cli.nowMs += ms;
    },
    monotonicMs: () => cli.nowMs,
    setExitCode: (code) => {
      said.code = code;
    },
    resolve: (path) => (path.startsWith("/") ? path : `/home/ana/${path}`),
    checkConfig: async () => {
      if (cli.configProblem !== undefined) throw cli.configProblem;
    },
    run: async (options) => void cli.runs.push(options),
    recoveryTools: async () => cli.recoveryTools,
    bootstrapTools: async () => cli.bootstrapTools,
    boardTools: async () => ({ blink: async (wish) => void cli.blinks.push(wish) }),
    attestTools: async () =>
      cli.attestTools ?? (await import("../../src/attest/tools.ts")).attestTools(seeded(8).random),
    villageTools: async () => villageTools(seeded(7).random),
    simulator: async () => (await import("../../src/sim/scenario.ts")).SIMULATOR,
    radioTools: async () => cli.radioTools,
    entropyTools: async () => cli.entropyTools,
    selfTestTools: async () => cli.selfTestTools,
    upkeepTools: async () => cli.upkeepTools,
    updateTools: async (signal) =>
      updateTools({ machine: cli.machine, clock: new FakeClock(), random: seeded(6).random, signal }),
    provisionTools: async () => (await import("../../src/compose/provision-tools.ts")).provisionTools(process.cwd()),
    untilStopped: (work) => work(AbortSignal.abort()),
  };
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}
