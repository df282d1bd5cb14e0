/**
 * Work on many samples of a source: its enrolment, which finds out what this very device is worth and what its small
 * samples look like, and the check that comes again and again. The estimators run in another thread.
 * @module
 */
import { gateFigures, GATE_SAMPLES, LEAST_PIECES } from "../entropy/small-sample.ts";
import type { EntropyAssessment } from "../kernel/entropy.ts";
import type { EnrolmentReport, EntropyJobReport } from "../kernel/entropy-reports.ts";
import { AgentError } from "../kernel/errors.ts";
import type { EntropyAssessor } from "../ports/entropy.ts";
import { CHECK_DEVICE, type SourceFault } from "./source-gate.ts";
import type { Failure } from "./outcome.ts";
import type { WatchedSource } from "./watched-source.ts";

/** As SP 800-90B asks for. */
export const ENROL_SAMPLES = 1_000_000;
export const LEAST_ENROL_SAMPLES = LEAST_PIECES * GATE_SAMPLES;
export const MOST_ENROL_SAMPLES = 4_000_000;
const READ_SAMPLES = 4_096;
/** A million samples of the same source differ by a few hundredths; by so much they don't. */
const DRIFT = 0.85;

export type Progress = (step: Pick<EntropyJobReport, "phase" | "done" | "total">) => void;

export interface ManyParts {
  readonly assessor: EntropyAssessor;
  readonly signal: AbortSignal;
  readonly onProgress: Progress;
  /** Unix time. */
  readonly nowMs: number;
}

/** @param count {@link LEAST_ENROL_SAMPLES} … {@link MOST_ENROL_SAMPLES} @throws AgentError "ENTROPY_UNHEALTHY", "ASSESSOR", … */
export async function enrol(source: WatchedSource, count: number, parts: ManyParts): Promise<EnrolmentReport> {
  const { samples, assessment } = await assessMany(source, count, parts);
  const { assessor, signal, onProgress } = parts;
  const total = Math.floor(samples.length / GATE_SAMPLES);
  const pieces: number[] = [];
  for (let done = 0; done < total; done++) {
    onProgress({ phase: "gate", done, total });
    const piece = samples.slice(done * GATE_SAMPLES, (done + 1) * GATE_SAMPLES);
    pieces.push((await assessor.assess(piece, assessment.bits, signal)).assessed);
  }
  samples.fill(0);
  const facts = factsOf(source);
  const { assessed, hOriginal, hBitstring, literal, bitstring } = assessment;
  return {
    source: source.uri,
    serial: facts.identity.serial ?? null,
    firmware: facts.identity.firmware ?? null,
    raw: facts.raw,
    bits_per_sample: facts.bitsPerSample,
    claimed_bits: facts.claimedMinEntropyBits,
    at_ms: parts.nowMs,
    samples: count,
    // NIST's own tool says −0 where nothing is left.
    assessed: assessed + 0,
    h_original: hOriginal + 0,
    h_bitstring: hBitstring === null ? null : hBitstring + 0,
    literal,
    bitstring,
    gate: { samples: GATE_SAMPLES, pieces: total, ...gateFigures(pieces) },
    check: null,
  };
}

export interface Checked {
  readonly enrolment: EnrolmentReport;
  readonly fault: Failure<SourceFault> | undefined;
}

/** As many samples as at the enrolment, held against what they were worth then. */
export async function check(source: WatchedSource, enrolment: EnrolmentReport, parts: ManyParts): Promise<Checked> {
  const { samples, assessment } = await assessMany(source, enrolment.samples, parts);
  samples.fill(0);
  const assessed = assessment.assessed + 0;
  const checked = { ...enrolment, check: { at_ms: parts.nowMs, samples: enrolment.samples, assessed } };
  if (assessed >= DRIFT * enrolment.assessed) return { enrolment: checked, fault: undefined };
  const detail = `${enrolment.samples} samples of ${source.uri} are assessed at ${assessed.toFixed(3)} bits a sample, ${enrolment.assessed.toFixed(3)} when it was enrolled`;
  return { enrolment: checked, fault: { kind: "below-threshold", detail, fix: CHECK_DEVICE } };
}

async function assessMany(
  source: WatchedSource,
  total: number,
  { assessor, signal, onProgress }: ManyParts,
): Promise<{ readonly samples: Uint8Array; readonly assessment: EntropyAssessment }> {
  const samples = new Uint8Array(total);
  for (let done = 0; done < total; done += READ_SAMPLES) {
    onProgress({ phase: "reading", done, total });
    samples.set(await source.take(Math.min(READ_SAMPLES, total - done), signal), done);
  }
  const { bitsPerSample } = factsOf(source);
  const assessment = await assessor.assess(samples, bitsPerSample, signal, (step) =>
    onProgress({ phase: "assessing", done: step.done, total: step.total }),
  );
  return { samples, assessment };
}

function factsOf(source: WatchedSource): NonNullable<WatchedSource["facts"]> {
  if (source.facts !== undefined) return source.facts;
  throw new AgentError("ENTROPY_UNHEALTHY", `${source.uri} was never opened`, { fix: CHECK_DEVICE });
}
