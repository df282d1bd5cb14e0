/**
 * A TPM in software (`swtpm`) as a child of ours. It speaks over an inherited socket pair, so no port or socket file
 * is open to others, and it ends by itself when the agent dies, however that happens.
 * @module
 */
import { spawn, type ChildProcess } from "node:child_process";
import { chmod, mkdir } from "node:fs/promises";
import { Duplex } from "node:stream";
import { AgentError, describeError, systemCode } from "../../kernel/errors.ts";
import { StreamTransport } from "./stream.ts";
import { gone, type Transport } from "./transport.ts";

/** How much of what swtpm says on its way out is kept for the error's sentence, in bytes. */
const MAX_COMPLAINT_BYTES = 2048;
const EXIT_TIMEOUT_MS = 2000;

/** @param stateDir where swtpm keeps its secrets; made with mode 0700 @throws AgentError "TPM_NO_SWTPM", "TPM_GONE" */
export async function startSwtpm(stateDir: string): Promise<Transport> {
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    await chmod(stateDir, 0o700);
  } catch (error) {
    throw gone(`the software TPM's directory ${stateDir} can't be made`, error);
  }
  const child = spawn(
    "swtpm",
    [
      "socket",
      "--tpm2",
      "--tpmstate",
      `dir=${stateDir}`,
      "--fd",
      "3",
      "--flags",
      "not-need-init,startup-clear",
      "--terminate",
    ],
    // In a process group of its own: Ctrl-C in a terminal is for the agent, which then stops the TPM in order.
    { stdio: ["ignore", "ignore", "pipe", "pipe"], detached: true },
  );
  const exit = exitOf(child);
  await spawned(child);
  const socket = child.stdio[3];
  if (!(socket instanceof Duplex)) throw gone("the software TPM's socket did not open");
  return new SwtpmTransport(child, exit, new StreamTransport(socket));
}

class SwtpmTransport implements Transport {
  readonly #child: ChildProcess;
  readonly #exit: Promise<void>;
  readonly #stream: StreamTransport;
  #complaint = "";

  constructor(child: ChildProcess, exit: Promise<void>, stream: StreamTransport) {
    this.#child = child;
    this.#exit = exit;
    this.#stream = stream;
    child.stderr?.on("data", (chunk: Uint8Array) => {
      this.#complaint = (this.#complaint + Buffer.from(chunk).toString()).slice(-MAX_COMPLAINT_BYTES);
    });
    child.stderr?.on("error", () => undefined);
  }

  async send(command: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    try {
      return await this.#stream.send(command, timeoutMs);
    } catch (error) {
      if (!(error instanceof AgentError) || error.code !== "TPM_GONE") throw error;
      await this.close();
      if (this.#complaint === "") throw error;
      throw gone(`the software TPM stopped: ${this.#complaint.trim()}`, error);
    }
  }

  /** Resolves once the child has ended: by itself as its socket closes, or else by SIGKILL. */
  async close(): Promise<void> {
    await this.#stream.close();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
    await this.#exit;
    clearTimeout(timer);
  }
}

function exitOf(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("close", () => resolve());
    child.once("error", () => resolve());
  });
}

function spawned(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      reject(
        systemCode(error) === "ENOENT"
          ? new AgentError("TPM_NO_SWTPM", "the software TPM is not installed", {
              cause: error,
              fix: "sudo apt-get install -y swtpm, and start the agent again",
            })
          : gone(`the software TPM does not start: ${describeError(error)}`, error),
      );
    });
  });
}
