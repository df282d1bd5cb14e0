/** What the commands may touch: given by `main.ts`, and by the tests. @module */
import type { AttestTools } from "../kernel/attest-tools.ts";
import type { BoardTools } from "../kernel/board-tools.ts";
import type { BootstrapTools } from "../kernel/bootstrap.ts";
import type { RecoveryTools } from "../kernel/keys.ts";
import type { EntropyTools } from "../kernel/entropy.ts";
import type { ProvisionTools } from "../kernel/provision.ts";
import type { SelfTestTools } from "../kernel/selftest.ts";
import type { UpdateTools } from "../kernel/update.ts";
import type { UpkeepTools } from "../kernel/upkeep.ts";
import type { VillageTools } from "../kernel/village.ts";
import type { RadioTools, Simulator } from "../kernel/simulation.ts";

/** What `caye run` was told on the command line. */
export interface RunOptions {
  /** `--config FILE`, else `CAYE_CONFIG`; undefined: every field has its default. */
  readonly configPath: string | undefined;
  /** The log as JSON lines, whatever the configuration says. */
  readonly json: boolean;
  /** A village is simulated when there is no radio; else one is waited for. */
  readonly simulate: boolean;
}

/** The kind of thing at a path; `other` for sockets, devices and the like. `mode`: permission bits, 0 … 0o777. */
export interface PathFacts {
  readonly kind: "file" | "directory" | "device" | "other";
  readonly mode: number;
  readonly readable: boolean;
  readonly writable: boolean;
  /** Length of a file, where it is known. */
  readonly bytes?: number;
}

export interface WriteOptions {
  readonly exclusive: boolean;
  /** Permission bits of a new file; 0o644 when left out. */
  readonly mode?: number;
}

export interface CliIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the Caye that runs, for example `0.1.0`. */
  readonly version: string;
  /** Node's own, for example `24.21.0`. */
  readonly nodeVersion: string;
  /** The state directory. @throws AgentError "STATE_UNSET" */
  statePath(): string;
  stdout(text: string): void;
  stderr(text: string): void;
  /** True when a person watches standard error: progress may then overwrite its line. */
  readonly isTty: boolean;
  /** True when standard output goes to a terminal. */
  readonly isStdoutTty: boolean;
  /** Width of that terminal now; 80 when it does not say. */
  columns(): number;
  fetch(url: string, init: FetchInit): Promise<Response>;
  /** @param most stops after so many bytes; all when left out @throws a system error (`ENOENT`, …) */
  readFile(path: string, most?: number): Promise<Uint8Array>;
  /** All that is piped or typed, up to a little more than 64 KiB. */
  readStdin(): Promise<Uint8Array>;
  /** Puts a question on standard error, and gives the next line that is piped or typed; empty when none comes any more. */
  ask(question: string): Promise<string>;
  /** Atomically: a new file beside it, synced, then renamed. `exclusive` fails with `EEXIST` when the path exists. */
  writeFile(path: string, bytes: Uint8Array, options: WriteOptions): Promise<void>;
  makeDirectory(path: string): Promise<void>;
  /** Undefined when nothing is there. */
  facts(path: string): Promise<PathFacts | undefined>;
  /** The names in a directory, sorted; empty when it is none. */
  list(path: string): Promise<readonly string[]>;
  sleep(ms: number): Promise<void>;
  /** Milliseconds since some fixed moment. */
  monotonicMs(): number;
  setExitCode(code: number): void;
  /** An absolute path, from the directory that the command was typed in. */
  resolve(path: string): string;
  /** @throws AgentError "CONFIG_INVALID", "CONFIG_MISSING" */
  checkConfig(): Promise<void>;
  /** Runs the agent until it is told to stop. */
  run(options: RunOptions): Promise<void>;
  /** Loads what the authority of a village does. */
  villageTools(): Promise<VillageTools>;
  /** Loads the simulator. */
  simulator(): Promise<Simulator>;
  /** Loads simulated radios and a phone's part. */
  radioTools(): Promise<RadioTools>;
  /** Loads what recovery words do. */
  recoveryTools(): Promise<RecoveryTools>;
  /** Loads what a verifier does. */
  attestTools(): Promise<AttestTools>;
  /** Loads what judges samples. */
  entropyTools(): Promise<EntropyTools>;
  /** Loads the self-tests of the cryptography. */
  selfTestTools(): Promise<SelfTestTools>;
  /** Loads what looks after a node: backups, its hardware, the time. */
  upkeepTools(): Promise<UpkeepTools>;
  /** Loads what releases and updates do. @param signal ends what waits */
  updateTools(signal: AbortSignal): Promise<UpdateTools>;
  provisionTools(): Promise<ProvisionTools>;
  /** Loads what drives the board without an agent. */
  boardTools(): Promise<BoardTools>;
  /** Loads what brings a node to life, and what sets a radio. */
  bootstrapTools(): Promise<BootstrapTools>;
  /** Work that ends when somebody types Ctrl-C or tells the program to stop. */
  untilStopped<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

export interface FetchInit {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
  /** Gives up after this long without an answer. */
  readonly timeoutMs: number;
}
