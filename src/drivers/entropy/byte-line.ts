/** Reads from a serial generator what was asked for, in a limited time, or says what is wrong. @module */
import type { AgentError } from "../../kernel/errors.ts";
import type { BytePort } from "./byte-port.ts";
import { notGiving, sourceFault } from "./source-failure.ts";

export interface LineLimits {
  /** Without a byte, before the device counts as silent; also what writing may take. */
  readonly silenceMs: number;
  /** Without a byte, before a device that was told to stop counts as having stopped. */
  readonly quietMs: number;
}

export const LINE_LIMITS: LineLimits = { silenceMs: 3_000, quietMs: 100 };

/** The slowest of the devices gives 20 bytes in this time. */
const MS_A_BYTE = 1;
/** Nothing more than this is thrown away while waiting for quiet. */
const MAX_NOISE_BYTES = 1 << 20;

const UNPLUGGED = "plug the device in again, and restart the agent when it does not come back";

export class ByteLine implements AsyncDisposable {
  readonly path: string;
  readonly limits: LineLimits;
  readonly #port: BytePort;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #gone: string | undefined;
  #wake: (() => void) | undefined;

  /** Takes the port over. */
  constructor(path: string, port: BytePort, limits: LineLimits) {
    this.path = path;
    this.limits = limits;
    this.#port = port;
    void this.#watch();
  }

  /**
   * Exactly so many bytes.
   * @throws AgentError "ENTROPY_SOURCE" when they don't come in time; the signal's reason
   */
  async read(count: number, signal: AbortSignal): Promise<Uint8Array> {
    const endMs = performance.now() + this.limits.silenceMs + count * MS_A_BYTE;
    await this.#listening(async () => {
      while (this.#held < count) {
        const leftMs = Math.min(this.limits.silenceMs, endMs - performance.now());
        if (await this.#news(leftMs, signal)) continue;
        const got = this.#held === 0 ? "is silent" : `gave ${this.#held} of ${count} bytes and fell silent`;
        throw sourceFault(
          this.path,
          got,
          "unplug the device, plug it in again, and check that it is the one configured",
        );
      }
    });
    return this.#take(count);
  }

  /** What comes until the line is quiet. @throws AgentError "ENTROPY_SOURCE" when it never is; the signal's reason */
  async untilQuiet(signal: AbortSignal): Promise<Uint8Array> {
    const endMs = performance.now() + this.limits.silenceMs;
    await this.#listening(async () => {
      while (await this.#news(this.limits.quietMs, signal)) {
        if (this.#held <= MAX_NOISE_BYTES && performance.now() < endMs) continue;
        throw sourceFault(this.path, "goes on sending although it was told to stop");
      }
    });
    return this.#take(this.#held);
  }

  /** Forgets what came unasked. @throws AgentError "ENTROPY_SOURCE" */
  async discard(): Promise<void> {
    this.throwIfGone();
    await this.#within(this.#port.flush());
    this.#take(this.#held);
  }

  /** @throws AgentError "ENTROPY_SOURCE" */
  async write(bytes: Uint8Array): Promise<void> {
    this.throwIfGone();
    await this.#within(this.#port.write(bytes));
  }

  /** @throws AgentError "ENTROPY_SOURCE" */
  async setBaud(baud: number): Promise<void> {
    this.throwIfGone();
    await this.#within(this.#port.setBaud(baud));
  }

  /** @throws AgentError "ENTROPY_SOURCE" when the device is known to be gone */
  throwIfGone(): void {
    if (this.#gone !== undefined) throw this.#goneError();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gone ??= "it was closed";
    await this.#port[Symbol.asyncDispose]();
  }

  async #watch(): Promise<void> {
    const reason = await this.#port.ended;
    this.#gone ??= reason;
    this.#wake?.();
  }

  async #listening(work: () => Promise<void>): Promise<void> {
    this.#port.listen((chunk) => {
      this.#chunks.push(chunk);
      this.#held += chunk.length;
      this.#wake?.();
    });
    try {
      await work();
    } finally {
      this.#port.listen(undefined);
    }
  }

  /** True when bytes came in that time. */
  #news(ms: number, signal: AbortSignal): Promise<boolean> {
    signal.throwIfAborted();
    this.throwIfGone();
    const before = this.#held;
    return new Promise((resolve, reject) => {
      const settle = (finish: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        this.#wake = undefined;
        finish();
      };
      const stop = (): void => settle(() => reject(signal.reason));
      const timer = setTimeout(() => settle(() => resolve(false)), Math.max(0, ms));
      signal.addEventListener("abort", stop, { once: true });
      this.#wake = () =>
        settle(() => (this.#held > before || this.#gone === undefined ? resolve(true) : reject(this.#goneError())));
    });
  }

  #take(count: number): Uint8Array {
    const all = Buffer.concat(this.#chunks);
    const rest = Uint8Array.from(all.subarray(count));
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    return Uint8Array.from(all.subarray(0, count));
  }

  async #within(work: Promise<void>): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(sourceFault(this.path, "takes no bytes")), this.limits.silenceMs);
    });
    const broken = work.catch((error: unknown) => {
      throw notGiving(this.path, error);
    });
    try {
      await Promise.race([broken, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #goneError(): AgentError {
    return sourceFault(this.path, `is gone: ${this.#gone ?? "closed"}`, UNPLUGGED);
  }
}
