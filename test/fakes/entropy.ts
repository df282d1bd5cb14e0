/** Sources of random samples in a test's hand: good ones, and every way to go bad that boot and watch must see. @module */
import { AgentError } from "../../src/kernel/errors.ts";
import type { EntropySource } from "../../src/ports/entropy.ts";
import { seeded } from "./seeded.ts";

/** Gives the samples in their order, from the first one on. */
export type Samples = () => number;

/** Each sample on its own and uniform: what a perfect device gives. */
export function ideal(seed: number, bits = 8): Samples {
  const { below } = seeded(seed);
  return () => below(2 ** bits);
}

/** Ideal until it sticks for ever. */
export function stuck(seed: number, from: number, value = 0xa5, bits = 8): Samples {
  const next = ideal(seed, bits);
  let at = 0;
  return () => (at++ < from ? next() : value);
}

/** One value stands in place of a uniform sample with that probability: min-entropy about −log2 of it. */
export function biased(seed: number, probability: number, value = 0, bits = 8): Samples {
  const { below } = seeded(seed);
  return () => (below(1_000_000) < probability * 1_000_000 ? value : below(2 ** bits));
}

/** The same uniform samples again and again: no health test sees it, the estimators do. */
export function periodic(seed: number, period: number, bits = 8): Samples {
  const next = ideal(seed, bits);
  const once = Array.from({ length: period }, next);
  let at = 0;
  return () => once[at++ % period] ?? 0;
}

/** Worse with each sample: after `lifetime` of them it says one value only. */
export function slowlyFailing(seed: number, lifetime: number, bits = 8): Samples {
  const { below } = seeded(seed);
  let at = 0;
  return () => (below(lifetime) < at++ ? 0 : below(2 ** bits));
}

/** A device that talks instead of giving samples. */
export function text(words = "ERROR: no noise source. Type help.\r\n"): Samples {
  const bytes = new TextEncoder().encode(words);
  let at = 0;
  return () => bytes[at++ % bytes.length] ?? 0;
}

export interface FakeEntropyOptions {
  readonly name: string;
  readonly raw: boolean;
  readonly bitsPerSample: number;
  readonly claimedMinEntropyBits: number;
  readonly serial: string;
}

export interface FakeEntropy extends EntropySource {
  /** Given so far. */
  readonly taken: number;
  readonly closed: boolean;
  /** From now on, as after a repair or a fault. */
  become(samples: Samples): void;
  /** What the device says of itself; empty: it is well. */
  flags: readonly string[];
  /** Gone, for reads under way and all that follow; `after` so many further samples. */
  unplug(after?: number): void;
  plug(): void;
  /** It is there and says nothing, until it is given up. */
  silence(): void;
}

export function fakeEntropy(samples: Samples, options: Partial<FakeEntropyOptions> = {}): FakeEntropy {
  const { name = "qrng:fake", raw = true, bitsPerSample = 8, claimedMinEntropyBits = 7, serial = "FAKE-1" } = options;
  let next = samples;
  let left = Infinity;
  let taken = 0;
  let silent = false;
  let closed = false;
  const gone = (): AgentError =>
    new AgentError("ENTROPY_SOURCE", `${name} does not give samples: it is gone`, { fix: "plug the device in again" });
  const source: FakeEntropy = {
    name,
    raw,
    bitsPerSample,
    claimedMinEntropyBits,
    identity: { serial, firmware: "1.0" },
    flags: [],
    get taken() {
      return taken;
    },
    get closed() {
      return closed;
    },
    become: (other) => {
      next = other;
    },
    unplug: (after = 0) => {
      left = after;
    },
    plug: () => {
      left = Infinity;
      silent = false;
    },
    silence: () => {
      silent = true;
    },
    status: async (signal) => {
      signal.throwIfAborted();
      if (closed || left <= 0) throw gone();
      return { ok: source.flags.length === 0, flags: source.flags };
    },
    read: async (count, signal) => {
      signal.throwIfAborted();
      if (silent && !closed) await aborted(signal);
      if (closed || count > left) {
        left = 0;
        throw gone();
      }
      left -= count;
      taken += count;
      return Uint8Array.from({ length: count }, () => next());
    },
    [Symbol.asyncDispose]: () => {
      closed = true;
      return Promise.resolve();
    },
  };
  return source;
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
