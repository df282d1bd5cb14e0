/**
 * One source of entropy before its samples count: is it the device that was enrolled, does it find itself well, and do
 * its samples pass the health tests and, where they are raw, the estimators?
 * @module
 */
import { genericFloor, GATE_SAMPLES, TRIES } from "../entropy/small-sample.ts";
import { HealthTests } from "../entropy/health.ts";
import { AgentError } from "../kernel/errors.ts";
import type { EnrolmentReport } from "../kernel/entropy-reports.ts";
import { isAbort, LinkedAbort } from "../kernel/service.ts";
import type { Clock } from "../ports/clock.ts";
import type { EntropyAssessor, EntropyOpening, EntropySource } from "../ports/entropy.ts";
import { failure, failureFrom, type Failure } from "./outcome.ts";

/** SP 800-90B asks for so many samples at least before the first is used. */
export const LEAST_SAMPLES = 1024;
/** A source that nobody asked for must not hold up the boot. */
const OPTIONAL_MS = 1_000;
/** Never raw: the estimators would judge the conditioning, and take time at each boot. */
const ALWAYS_CONDITIONED: ReadonlySet<string> = new Set(["kernel", "tpm"]);
/** So many printable characters in a row are no noise: of ideal bytes once in 10^100. */
const TEXT_BYTES = 256;

export type SourceFault = "unhealthy" | "below-threshold" | "flagged" | "other-device" | "not-samples" | "source-error";

export const CHECK_DEVICE = 'check the entropy device, or set entropy.source = "kernel"';

/** What is known of an open source. */
export type SourceFacts = Pick<EntropySource, "name" | "raw" | "bitsPerSample" | "claimedMinEntropyBits" | "identity">;

/** What a look at samples found besides. */
export interface Assessed {
  /** Bits a sample, of the best of the sets that were looked at. */
  readonly assessed: number;
  readonly threshold: number;
}

export interface Gated {
  readonly opening: EntropyOpening;
  /** Undefined when it could not be opened. */
  readonly facts: SourceFacts | undefined;
  /** All that it gave, also when it failed: mixed in, they can do no harm. */
  readonly samples: readonly Uint8Array[];
  readonly fault: Failure<SourceFault> | undefined;
  readonly assessed: Assessed | undefined;
  /** For people: what passed. Empty for a fault. */
  readonly detail: string;
}

export interface GateParts {
  readonly assessor: EntropyAssessor;
  /** Of this source, from the record. */
  readonly enrolment: EnrolmentReport | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Opens, judges and closes a source. Never rejects for a fault that was foreseen. */
export async function gate(opening: EntropyOpening, parts: GateParts): Promise<Gated> {
  const samples: Uint8Array[] = [];
  let facts: SourceFacts | undefined;
  const walk = async (signal: AbortSignal): Promise<Gated> => {
    await using source = await opening.open();
    facts = factsOf(source);
    const judged = await judge(source, { ...parts, signal, estimated: isEstimated(opening, source) }, samples);
    return { opening, facts, samples, assessed: undefined, detail: "", ...judged };
  };
  try {
    return await (opening.optional ? inTime(OPTIONAL_MS, parts, walk) : walk(parts.signal));
  } catch (error) {
    const fault = isAbort(error, parts.signal)
      ? failure("source-error", "the agent was told to stop", "start it again")
      : failureFrom("source-error", error);
    return { opening, facts, samples, fault, assessed: undefined, detail: "" };
  }
}

export function factsOf({ name, raw, bitsPerSample, claimedMinEntropyBits, identity }: EntropySource): SourceFacts {
  return { name, raw, bitsPerSample, claimedMinEntropyBits, identity };
}

type Judged = Pick<Gated, "fault"> & Partial<Pick<Gated, "assessed" | "detail">>;

async function judge(
  source: EntropySource,
  parts: GateParts & { readonly estimated: boolean },
  samples: Uint8Array[],
): Promise<Judged> {
  const { enrolment, signal, estimated } = parts;
  const stranger = await deviceFault(source, enrolment, signal);
  if (stranger !== undefined) return { fault: stranger };
  const count = estimated ? GATE_SAMPLES : LEAST_SAMPLES;
  const tests = new HealthTests(source.claimedMinEntropyBits, source.bitsPerSample);
  const next = async (): Promise<Uint8Array | Failure<SourceFault>> => {
    const set = await source.read(count, signal);
    samples.push(set);
    return set.length === count
      ? (samplesFault(source, set, tests) ?? set)
      : failure("source-error", `${source.name} gave too few samples`, CHECK_DEVICE);
  };
  const first = await next();
  if (!(first instanceof Uint8Array)) return { fault: first };
  const detail = `${count} samples of ${source.name} pass the health tests (${worthOf(source)})`;
  if (!estimated) return { fault: undefined, detail };
  const found = await estimate(first, next, { source, ...parts });
  if ("kind" in found) return { fault: found };
  const { assessed, threshold } = found;
  const known = enrolment === undefined ? "the least for a source that was not enrolled" : "this device's least";
  const figures = `assessed at ${assessed.toFixed(2)} bits a sample, ${known} is ${threshold.toFixed(2)}`;
  if (assessed >= threshold) return { fault: undefined, assessed: found, detail: `${detail}; ${figures}` };
  return { fault: failure("below-threshold", `${source.name} is ${figures}`, CHECK_DEVICE), assessed: found };
}

/** Is it the device that was enrolled, and does it find itself well? */
export async function deviceFault(
  source: EntropySource,
  enrolment: EnrolmentReport | undefined,
  signal: AbortSignal,
): Promise<Failure<SourceFault> | undefined> {
  const { name, identity } = source;
  const changed = (["serial", "firmware"] as const).find(
    (part) => enrolment !== undefined && enrolment[part] !== (identity[part] ?? null),
  );
  if (changed !== undefined) {
    const detail = `${name} has ${changed} ${identity[changed] ?? "unknown"}, not ${enrolment?.[changed] ?? "unknown"} as enrolled`;
    return failure("other-device", detail, "plug the enrolled device in, or, if you changed it: caye entropy enrol");
  }
  const { ok, flags } = await source.status(signal);
  return ok ? undefined : failure("flagged", `${name} says of itself: ${flags.join(", ")}`, CHECK_DEVICE);
}

/** Are these samples at all, and do the health tests, which go on with them, pass them? */
export function samplesFault(
  { name, bitsPerSample }: SourceFacts,
  samples: Uint8Array,
  tests: HealthTests,
): Failure<SourceFault> | undefined {
  // Always fed: what was refused must not open a gap in tests that go on for ever.
  const alarm = tests.feedAll(samples);
  if (bitsPerSample === 8 && isText(samples)) {
    return failure(
      "not-samples",
      `${name} gives text instead of samples`,
      `see that no other program uses it; ${CHECK_DEVICE}`,
    );
  }
  if (samples.some((sample) => sample >> bitsPerSample !== 0)) {
    return failure("not-samples", `${name} gives samples wider than ${bitsPerSample} bits`, CHECK_DEVICE);
  }
  if (alarm === undefined) return undefined;
  const { test, sample } = alarm;
  return failure("unhealthy", `${name} fails the ${test} test at sample ${sample} of ${samples.length}`, CHECK_DEVICE);
}

/** The best of at most {@link TRIES} sets; or what was wrong with a further set. */
export async function estimate(
  first: Uint8Array,
  next: () => Promise<Uint8Array | Failure<SourceFault>>,
  parts: Pick<GateParts, "assessor" | "enrolment" | "signal"> & { readonly source: SourceFacts },
): Promise<Assessed | Failure<SourceFault>> {
  const { assessor, signal, source } = parts;
  const threshold = thresholdFor(source, parts.enrolment);
  let best = 0;
  let set = first;
  for (let tries = 1; ; tries++) {
    const { assessed } = await assessor.assess(set, source.bitsPerSample, signal);
    best = Math.max(best, assessed);
    if (best >= threshold || tries === TRIES) return { assessed: best, threshold };
    const following = await next();
    if (!(following instanceof Uint8Array)) return following;
    set = following;
  }
}

/** Bits a sample that {@link GATE_SAMPLES} samples must be assessed at. */
export function thresholdFor(source: SourceFacts, enrolment: EnrolmentReport | undefined): number {
  return enrolment?.gate.threshold ?? genericFloor(source.claimedMinEntropyBits, source.bitsPerSample);
}

/** Do the estimators judge it? Those that nobody asked for are conditioned, and not worth the time. */
export function isEstimated({ optional }: EntropyOpening, { name }: SourceFacts): boolean {
  return !optional && !ALWAYS_CONDITIONED.has(name);
}

function worthOf({ raw, claimedMinEntropyBits }: SourceFacts): string {
  const claimed = `claimed ${claimedMinEntropyBits} bits a sample`;
  return raw ? claimed : `${claimed}; conditioned, so the tests see only a broken device`;
}

function isText(samples: Uint8Array): boolean {
  const printable = (byte: number): boolean => (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d);
  return samples.length >= TEXT_BYTES && samples.every(printable);
}

/** Gives the work up after so long. @throws AgentError "ENTROPY_SOURCE" then */
async function inTime<T>(
  ms: number,
  { clock, signal }: Pick<GateParts, "clock" | "signal">,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  using limit = new LinkedAbort(signal);
  using done = new LinkedAbort(signal);
  const wait = async (): Promise<void> => {
    await clock.sleep(ms, done.signal);
    if (!done.signal.aborted) limit.abort();
  };
  const waiting = wait();
  try {
    return await work(limit.signal);
  } catch (error) {
    if (signal.aborted || !isAbort(error, limit.signal)) throw error;
    throw new AgentError("ENTROPY_SOURCE", `it was silent for ${ms} ms`, { cause: error, fix: CHECK_DEVICE });
  } finally {
    done.abort();
    await waiting;
  }
}
