/**
 * A hardware generator behind a device file, such as `/dev/hwrng`. The Pi's own conditions what it gives, so its
 * samples count as not raw; a file that sticks, repeats itself or falls silent is noticed all the same.
 * @module
 */
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentError, systemCode } from "../../kernel/errors.ts";
import type { EntropySource } from "../../ports/entropy.ts";
import { flagless } from "./flagless.ts";
import { notGiving, sourceFault } from "./source-failure.ts";

const MAX_READ_BYTES = 4096;
/** The slowest generators give some kB a second. */
const SILENCE_MS = 10_000;
const POLL_MS = 5;

/** @throws AgentError "ENTROPY_SOURCE" */
export async function openHwrng(path: string, claimedBits: number, silenceMs = SILENCE_MS): Promise<EntropySource> {
  try {
    // Not blocking: a device that never answers must not hold up a thread for ever.
    return new Hwrng(path, claimedBits, silenceMs, await open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  } catch (error) {
    throw notGiving(path, error);
  }
}

class Hwrng implements EntropySource {
  readonly name: string;
  readonly raw = false;
  readonly bitsPerSample = flagless.bitsPerSample;
  readonly identity = flagless.identity;
  readonly status = flagless.status;
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
    const samples = new Uint8Array(count);
    let filled = 0;
    let heardAtMs = performance.now();
    while (filled < count) {
      signal.throwIfAborted();
      const bytesRead = await this.#readSome(samples, filled);
      signal.throwIfAborted();
      if (bytesRead > 0) {
        filled += bytesRead;
        heardAtMs = performance.now();
      } else if (performance.now() - heardAtMs > this.#silenceMs) {
        throw sourceFault(this.#path, `was silent for ${this.#silenceMs} ms`);
      } else {
        await sleep(POLL_MS, undefined, { signal });
      }
    }
    return samples;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#file.close();
  }

  /** 0 when no sample is ready. */
  async #readSome(samples: Uint8Array, from: number): Promise<number> {
    try {
      const length = Math.min(MAX_READ_BYTES, samples.length - from);
      const { bytesRead } = await this.#file.read(samples, from, length, null);
      if (bytesRead === 0) throw sourceFault(this.#path, "ended before it gave enough samples");
      return bytesRead;
    } catch (error) {
      if (systemCode(error) === "EAGAIN") return 0;
      throw error instanceof AgentError ? error : notGiving(this.#path, error);
    }
  }
}
