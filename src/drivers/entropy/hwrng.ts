/**
 * A hardware generator behind a device file, such as `/dev/hwrng`. The Pi's own conditions what it gives, so its
 * samples count as not raw; a file that sticks, repeats itself or falls silent is noticed all the same.
 * @module
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { AgentError, describeError, systemCode } from "../../kernel/errors.ts";
import type { EntropySource } from "../../ports/entropy.ts";

const MAX_READ_BYTES = 4096;
/** The slowest generators give some kB a second. */
const SILENCE_MS = 10_000;

const FIXES: Readonly<Record<string, string>> = {
  ENOENT: 'load the generator\'s driver, or set entropy.source = "kernel"',
  EACCES: "let the agent's user read the device: see the udev rules of the package",
  ENODEV: 'no generator is behind the device: check rng_available, or set entropy.source = "kernel"',
};

/** @throws AgentError "ENTROPY_SOURCE" */
export async function openHwrng(path: string, claimedBits: number, silenceMs = SILENCE_MS): Promise<EntropySource> {
  try {
    return new Hwrng(path, claimedBits, silenceMs, await open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch (error) {
    throw sourceFailure(path, error);
  }
}

class Hwrng implements EntropySource {
  readonly name: string;
  readonly raw = false;
  readonly claimedMinEntropyBits: number;
  readonly #path: string;
  readonly #silenceMs: number;
  readonly #file: FileHandle;

  constructor(path: string, claimedBits: number, silenceMs: number, file: FileHandle) {
    this.name = `hwrng:${path}`;
    this.claimedMinEntropyBits = claimedBits;
    this.#path = path;
    this.#silenceMs = silenceMs;
    this.#file = file;
  }

  async read(count: number, signal: AbortSignal): Promise<Uint8Array> {
    signal.throwIfAborted();
    const samples = new Uint8Array(count);
    const { promise: stopped, reject } = Promise.withResolvers<never>();
    stopped.catch(() => undefined);
    const stop = (): void => reject(signal.reason);
    const silence = setTimeout(
      () => reject(new AgentError("ENTROPY_SOURCE", `${this.#path} was silent for ${this.#silenceMs} ms`)),
      this.#silenceMs,
    );
    signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([this.#fill(samples, () => silence.refresh(), signal), stopped]);
      return samples;
    } finally {
      clearTimeout(silence);
      signal.removeEventListener("abort", stop);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    // Closing waits for a read that the device still holds up, and nobody here waits for that.
    this.#file.close().catch(() => undefined);
    return Promise.resolve();
  }

  async #fill(samples: Uint8Array, heard: () => void, signal: AbortSignal): Promise<void> {
    let filled = 0;
    while (filled < samples.length && !signal.aborted) {
      const { bytesRead } = await this.#readSome(samples, filled);
      if (bytesRead === 0) throw new AgentError("ENTROPY_SOURCE", `${this.#path} ended before it gave enough samples`);
      filled += bytesRead;
      heard();
    }
  }

  async #readSome(samples: Uint8Array, from: number): Promise<{ readonly bytesRead: number }> {
    try {
      return await this.#file.read(samples, from, Math.min(MAX_READ_BYTES, samples.length - from), null);
    } catch (error) {
      throw sourceFailure(this.#path, error);
    }
  }
}

function sourceFailure(path: string, error: unknown): AgentError {
  const fix = FIXES[systemCode(error) ?? ""] ?? "check the device and its driver";
  return new AgentError("ENTROPY_SOURCE", `${path} does not give samples: ${describeError(error)}`, {
    cause: error,
    fix,
  });
}
