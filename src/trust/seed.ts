/**
 * The third step: judge the entropy sources, and make the agent's own generator from everything at hand.
 *
 * Sources are mixed, never replaced: an attacker must know all of them. One that fails is mixed in all the same, counts
 * for nothing, and is told of; what the generator then lives on are the others, the TPM's bytes and the kernel's.
 * @module
 */
import type { SeedPart } from "../entropy/conditioning.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { EntropyAssessor, EntropyOpening } from "../ports/entropy.ts";
import type { Instance } from "../ports/instance.ts";
import type { Memory } from "../ports/memory.ts";
import type { Random } from "../ports/random.ts";
import type { Tpm } from "../ports/tpm.ts";
import { readEntropyRecord } from "./entropy-record.ts";
import { SeededRandom } from "./generator.ts";
import type { Failure } from "./outcome.ts";
import { gate, type Gated, type SourceFault } from "./source-gate.ts";

const TPM_BYTES = 32;

const madeBySeed: unique symbol = Symbol("seeded");

/** The generator, and what it was seeded from: for whoever goes on watching that. */
export interface EntropyState {
  readonly random: SeededRandom;
  /** What was found of each source, in the order of the configuration; their samples are wiped. */
  readonly sources: readonly Gated[];
  /** Bytes of the TPM, for a reseed; empty where it gives none. */
  readonly chip: () => Promise<SeedPart>;
}

/** Evidence of a generator that was seeded. Only this file makes it. */
export interface Seeded extends EntropyState {
  readonly [madeBySeed]: true;
  /** For people. */
  readonly detail: string;
}

export type Seeding =
  | { readonly kind: "seeded"; readonly evidence: Seeded }
  /** `evidence` is the generator without what failed. */
  | (Failure<SourceFault> & { readonly evidence: Seeded });

export interface SeedInputs {
  readonly sources: readonly EntropyOpening[];
  readonly tpm: Tpm | undefined;
  readonly kernelRandom: Random;
  readonly assessor: EntropyAssessor;
  readonly instance: Instance;
  readonly memory: Memory;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export async function seed(inputs: SeedInputs): Promise<Seeding> {
  const { assessor, clock, signal, memory } = inputs;
  const record = await readEntropyRecord(memory);
  const sources = await Promise.all(
    inputs.sources.map((opening) => gate(opening, { assessor, clock, signal, enrolment: record?.get(opening.uri) })),
  );
  const evidence = await mixed(inputs, sources, record === undefined);
  for (const { samples } of sources) for (const set of samples) set.fill(0);
  const faults = sources.flatMap(({ opening, fault }) => (opening.optional || fault === undefined ? [] : [fault]));
  const [first] = faults;
  if (first === undefined) return { kind: "seeded", evidence };
  return { ...first, detail: faults.map(({ detail }) => detail).join("; "), evidence };
}

async function mixed(inputs: SeedInputs, sources: readonly Gated[], recordLost: boolean): Promise<Seeded> {
  const { tpm, kernelRandom: kernel, instance } = inputs;
  const chip = (): Promise<SeedPart> => chipBytes(tpm);
  const parts = sources.flatMap(({ opening, samples }) => samples.map((bytes) => ({ name: opening.uri, bytes })));
  const random = new SeededRandom({ parts: [...parts, await chip()], kernel, instance });
  const lost = "the record of enrolments can't be read: enrol again (caye entropy enrol)";
  const said = sources.map(({ opening, fault, detail }) =>
    opening.optional && fault !== undefined ? `${opening.uri} adds nothing (${fault.detail})` : detail,
  );
  const details = [...said, recordLost ? lost : ""].filter((detail) => detail !== "");
  return { [madeBySeed]: true, random, sources, chip, detail: details.join("; ") };
}

/** A TPM that fails here adds nothing, and is noticed by the step that needs it. */
async function chipBytes(tpm: Tpm | undefined): Promise<SeedPart> {
  const name = "tpm-random";
  try {
    return { name, bytes: tpm === undefined ? new Uint8Array() : await tpm.random(TPM_BYTES) };
  } catch (error) {
    if (!isAgentError(error)) throw error;
    return { name, bytes: new Uint8Array() };
  }
}
