/**
 * TPM commands through a device file of the Linux kernel, `/dev/tpmrm0`: one write is one command; the read that
 * follows waits for the response. The kernel's resource manager frees our objects and sessions when the file closes.
 * @module
 */
import { open, type FileHandle } from "node:fs/promises";
import { AgentError, describeError, systemCode } from "../../kernel/errors.ts";
import { badWire, gone, isPossibleSize, MAX_RESPONSE_BYTES, responseSize, type Transport } from "./transport.ts";

const FIXES: Readonly<Record<string, string>> = {
  ENOENT: 'connect a TPM and load its driver (on a Pi: dtoverlay=tpm-slb9670), or set trust.tpm = "swtpm:"',
  EACCES: "add the agent's user to group tss: usermod -aG tss caye",
  EPERM: "add the agent's user to group tss: usermod -aG tss caye",
  EBUSY: "use /dev/tpmrm0, which programs can share, not /dev/tpm0",
};

/** @param path for example `/dev/tpmrm0` @throws AgentError "TPM_GONE" */
export async function openDeviceTransport(path: string): Promise<Transport> {
  try {
    return new DeviceTransport(path, await open(path, "r+"));
  } catch (error) {
    const fix = FIXES[systemCode(error) ?? ""] ?? "check that the path names a TPM's device file";
    throw new AgentError("TPM_GONE", `${path} does not open: ${describeError(error)}`, { cause: error, fix });
  }
}

class DeviceTransport implements Transport {
  readonly #path: string;
  readonly #file: FileHandle;
  #death: AgentError | undefined;

  constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  async send(command: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    if (this.#death !== undefined) throw this.#death;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(gone(`${this.#path} did not answer within ${timeoutMs} ms`)), timeoutMs);
    try {
      return await Promise.race([this.#exchange(command), late]);
    } catch (error) {
      const failure =
        error instanceof AgentError ? error : gone(`${this.#path} failed: ${describeError(error)}`, error);
      this.#die(failure);
      throw failure;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> {
    this.#die(gone(`${this.#path} is closed`));
    return Promise.resolve();
  }

  async #exchange(command: Uint8Array): Promise<Uint8Array> {
    const { bytesWritten } = await this.#file.write(command, 0, command.length, null);
    if (bytesWritten !== command.length) throw badWire(`${this.#path} took only a part of a command`);
    const response = new Uint8Array(MAX_RESPONSE_BYTES);
    let length = 0;
    for (;;) {
      const { bytesRead } = await this.#file.read(response, length, MAX_RESPONSE_BYTES - length, null);
      if (bytesRead === 0) throw badWire(`${this.#path} gave a truncated response`);
      length += bytesRead;
      const size = responseSize(response.subarray(0, length));
      if (size === undefined) continue;
      if (!isPossibleSize(size) || length > size) throw badWire(`${this.#path} gave a response of an impossible size`);
      if (length === size) return response.slice(0, length);
    }
  }

  #die(reason: AgentError): void {
    if (this.#death !== undefined) return;
    this.#death = reason;
    // Closing waits for a read that is still under way, which may last as long as the kernel's own time limit:
    // nobody here waits for that.
    this.#file.close().catch(() => undefined);
  }
}
