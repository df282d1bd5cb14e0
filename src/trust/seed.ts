/**
 * The third step: test the entropy source, and make the agent's own generator from everything at hand.
 *
 * Sources are mixed, never replaced: an attacker must know all of them. What the generator gives is XORed with the
 * kernel's bytes of the moment, so it is at least as good as the kernel's, whatever the source is worth.
 * @module
 */
import { createHmac } from "node:crypto";
import { ByteWriter, concatBytes, utf8, type Bytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { isAbort } from "../kernel/service.ts";
import type { EntropySource } from "../ports/entropy.ts";
import type { Random } from "../ports/random.ts";
import type { Tpm } from "../ports/tpm.ts";
import { HealthTests, type HealthAlarm } from "../entropy/health.ts";
import { failure, failureFrom, type Failure } from "./outcome.ts";

/** SP 800-90B asks for so many samples at least before the first is used. */
export const LEAST_SAMPLES = 1024;
const MAX_SAMPLES = 65_536;
const BLOCK_BYTES = 32;
const KERNEL_BYTES = 64;
const TPM_BYTES = 32;

const madeBySeed: unique symbol = Symbol("seeded");

/** Evidence of a generator that was seeded. Only this file makes it. */
export interface Seeded {
  readonly [madeBySeed]: true;
  readonly random: Random;
  /** For people. */
  readonly detail: string;
}

export type Seeding =
  | { readonly kind: "seeded"; readonly evidence: Seeded }
  | (Failure<"unhealthy"> & { readonly test: HealthAlarm; readonly sample: number })
  | Failure<"source-error">;

export interface SeedInputs {
  readonly openSource: () => Promise<EntropySource>;
  readonly tpm: Tpm | undefined;
  readonly kernelRandom: Random;
  /** 1,024 … 65,536; less counts as 1,024. */
  readonly samples: number;
  readonly signal: AbortSignal;
}

export async function seed(inputs: SeedInputs): Promise<Seeding> {
  try {
    await using source = await inputs.openSource();
    const count = Math.min(Math.max(inputs.samples, LEAST_SAMPLES), MAX_SAMPLES);
    const samples = await source.read(count, inputs.signal);
    if (samples.length !== count) return failure("source-error", `${source.name} gave too few samples`, otherSource);
    const alarm = firstAlarm(samples, source.claimedMinEntropyBits);
    if (alarm !== undefined) {
      const detail = `${source.name} fails the ${alarm.test} test at sample ${alarm.sample} of ${count}`;
      return { ...failure("unhealthy", detail, otherSource), ...alarm };
    }
    const claimed = `claimed ${source.claimedMinEntropyBits} bits a sample`;
    const worth = source.raw ? claimed : `${claimed}; conditioned, so the tests see only a broken device`;
    const evidence = await mixed(
      inputs,
      samples,
      `${count} samples of ${source.name} pass the health tests (${worth})`,
    );
    samples.fill(0);
    return { kind: "seeded", evidence };
  } catch (error) {
    if (isAbort(error, inputs.signal)) return failure("source-error", "the agent was told to stop", "start it again");
    return failureFrom("source-error", error);
  }
}

const otherSource = 'check the entropy device, or set entropy.source = "kernel"';

/** The generator without the source that failed: the kernel's bytes and the TPM's. The policy must say `warn`. */
export function degrade(inputs: Pick<SeedInputs, "tpm" | "kernelRandom">): Promise<Seeded> {
  return mixed(inputs, new Uint8Array(), "the source failed: the kernel's generator serves alone");
}

/** The first failing test and the number of the sample, from 1. */
export function firstAlarm(
  samples: Uint8Array,
  minEntropyBits: number,
): { readonly test: HealthAlarm; readonly sample: number } | undefined {
  const tests = new HealthTests(minEntropyBits);
  for (const [i, sample] of samples.entries()) {
    const test = tests.feed(sample);
    if (test !== undefined) return { test, sample: i + 1 };
  }
  return undefined;
}

/** @param parts anything; the result is as hard to guess as the hardest of them */
export function mixSeed(parts: readonly Uint8Array[]): Bytes {
  const input = parts.map((part) => concatBytes(new ByteWriter().u32(part.length).finish(), part));
  return hmac(utf8("caye seed v1"), concatBytes(...input));
}

/**
 * HMAC-SHA-256 in counter mode over the seed, XORed with the kernel's bytes. The key moves on with every call: who
 * learns it does not learn what was drawn before.
 */
export class MixedRandom implements Random {
  readonly #kernel: Random;
  #key: Bytes;

  /** @param seed 32 bytes from {@link mixSeed} */
  constructor(seed: Bytes, kernel: Random) {
    this.#key = seed;
    this.#kernel = kernel;
  }

  bytes(length: number): Bytes {
    const bytes = this.#kernel.bytes(length);
    for (let start = 0, block = 1; start < length; start += BLOCK_BYTES, block++) {
      const mask = hmac(this.#key, new ByteWriter().u32(block).finish());
      for (let i = start; i < Math.min(start + BLOCK_BYTES, length); i++) {
        bytes[i] = (bytes[i] ?? 0) ^ (mask[i - start] ?? 0);
      }
    }
    this.#key = hmac(this.#key, new ByteWriter().u32(0).finish());
    return bytes;
  }
}

async function mixed(
  { tpm, kernelRandom }: Pick<SeedInputs, "tpm" | "kernelRandom">,
  samples: Uint8Array,
  detail: string,
): Promise<Seeded> {
  const chip = tpm === undefined ? new Uint8Array() : await chipBytes(tpm);
  const key = mixSeed([samples, chip, kernelRandom.bytes(KERNEL_BYTES)]);
  return { [madeBySeed]: true, random: new MixedRandom(key, kernelRandom), detail };
}

/** A TPM that fails here adds nothing, and is noticed by the step that needs it. */
async function chipBytes(tpm: Tpm): Promise<Uint8Array> {
  try {
    return await tpm.random(TPM_BYTES);
  } catch (error) {
    if (!isAgentError(error)) throw error;
    return new Uint8Array();
  }
}

function hmac(key: Uint8Array, data: Uint8Array): Bytes {
  return new Uint8Array(createHmac("sha256", key).update(data).digest());
}
