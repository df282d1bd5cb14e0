/** A software TPM on a socket, as somebody else on the machine would run it: for tpm2-tools, and for our own sockets. @module */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isInstalled, temporaryDirectory } from "./chips.ts";

export interface SwtpmServer extends AsyncDisposable {
  /** For `openTpm`. */
  readonly uri: string;
  /** Where it keeps its state, and where files of a test may lie. */
  readonly directory: string;
  /** A program of tpm2-tools on this TPM; for TCP servers alone. Close our own connection before. @throws on failure */
  tools(program: string, ...args: string[]): string;
  /** As after a power cut. */
  kill(): Promise<void>;
  /** The reset line is pulled while the machine runs: registers and counters start anew. For TCP servers alone. */
  reset(): void;
}

export interface SwtpmOptions {
  /** With an endorsement key and its certificate, as `swtpm_setup` makes them. */
  readonly setUp?: boolean;
  /** State of an earlier one. */
  readonly directory?: string;
}

const TRIES = 20;

/** What is missing for it, or undefined. */
export function missingFor(...programs: readonly string[]): string | undefined {
  const missing = programs.filter((program) => !isInstalled(program));
  return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

export async function startSwtpmServer(kind: "tcp" | "unix", options: SwtpmOptions = {}): Promise<SwtpmServer> {
  const made = options.directory === undefined ? temporaryDirectory() : undefined;
  const directory = options.directory ?? made?.path ?? "";
  if (options.setUp === true) {
    const args = ["--tpm2", "--tpmstate", directory, "--create-ek-cert", "--pcr-banks", "sha256", "--overwrite"];
    const done = spawnSync("swtpm_setup", args, { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`swtpm_setup: ${done.stdout}${done.stderr}`);
  }
  for (let tries = 1; ; tries++) {
    const running = kind === "tcp" ? await startTcp(directory) : await startUnix(directory);
    if (running === undefined && tries < TRIES) continue;
    if (running === undefined) throw new Error("swtpm does not start");
    const { child, uri, port } = running;
    const kill = async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    };
    return {
      uri,
      directory,
      kill,
      reset: () => {
        const done = spawnSync("swtpm_ioctl", ["--tcp", `127.0.0.1:${port + 1}`, "-i"], { encoding: "utf8" });
        if (done.status !== 0) throw new Error(`swtpm_ioctl: ${done.stderr}`);
      },
      tools: (program, ...args) => {
        const env = { ...process.env, TPM2TOOLS_TCTI: `swtpm:host=127.0.0.1,port=${port}` };
        const done = spawnSync(program, args, { cwd: directory, env, encoding: "utf8" });
        if (done.status !== 0) throw new Error(`${program} ${args.join(" ")}: ${done.stdout}${done.stderr}`);
        return done.stdout;
      },
      [Symbol.asyncDispose]: async () => {
        await kill();
        made?.remove();
      },
    };
  }
}

interface Running {
  readonly child: ChildProcess;
  readonly uri: string;
  readonly port: number;
}

function spawnSwtpm(directory: string, ...args: readonly string[]): ChildProcess {
  const shared = ["socket", "--tpm2", "--tpmstate", `dir=${directory}`, "--flags", "not-need-init,startup-clear"];
  return spawn("swtpm", [...shared, ...args], { stdio: "ignore" });
}

/** Undefined when another program took the ports meanwhile. tpm2-tools want the control channel on the next port. */
async function startTcp(directory: string): Promise<Running | undefined> {
  const port = await freePorts();
  if (port === undefined) return undefined;
  const server = ["--server", `type=tcp,port=${port},bindaddr=127.0.0.1`];
  const control = ["--ctrl", `type=tcp,port=${port + 1},bindaddr=127.0.0.1`];
  const child = spawnSwtpm(directory, ...server, ...control);
  while (child.exitCode === null) {
    if ((await takesCalls(port)) && (await takesCalls(port + 1))) {
      return { child, uri: `swtpm:tcp://127.0.0.1:${port}`, port };
    }
    await sleep(5);
  }
  return undefined;
}

async function startUnix(directory: string): Promise<Running | undefined> {
  const path = join(directory, "tpm.sock");
  const child = spawnSwtpm(directory, "--server", `type=unixio,path=${path}`);
  while (child.exitCode === null && !existsSync(path)) await sleep(5);
  return child.exitCode === null ? { child, uri: `swtpm:unix:${path}`, port: 0 } : undefined;
}

/** The first of two that follow each other; undefined when the second is taken. */
async function freePorts(): Promise<number | undefined> {
  const first = await listen(0);
  if (first === undefined) return undefined;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a TCP server it is one
  const { port } = first.address() as AddressInfo;
  const second = await listen(port + 1);
  for (const server of [first, second]) {
    server?.close();
    if (server !== undefined) await once(server, "close");
  }
  return second === undefined ? undefined : port;
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<Server | undefined>();
  server.once("listening", () => resolve(server));
  server.once("error", () => resolve(undefined));
  server.listen(port, "127.0.0.1");
  return promise;
}

async function takesCalls(port: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(false));
  const taken = await promise;
  socket.destroy();
  return taken;
}
