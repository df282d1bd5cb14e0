/** What the agent tells of its sources of randomness: the JSON of `/v1/entropy` and of `entropy-record.json`. @module */
import type { EntropyFigures } from "./entropy.ts";

/** An assessment of many samples, kept. Figures are bits a sample unless they say otherwise. */
export interface EnrolmentReport {
  /** The source's URI. */
  readonly source: string;
  readonly serial: string | null;
  readonly firmware: string | null;
  /** False: the samples were conditioned, and the figures prove nothing about the source. */
  readonly raw: boolean;
  readonly bits_per_sample: number;
  readonly claimed_bits: number;
  /** Unix time in ms. */
  readonly at_ms: number;
  readonly samples: number;
  readonly assessed: number;
  readonly h_original: number;
  /** Bits a bit; null for samples that are bits. */
  readonly h_bitstring: number | null;
  readonly literal: EntropyFigures;
  readonly bitstring: EntropyFigures | null;
  /** What pieces of so many samples were assessed at, and the least that such a piece must reach from now on. */
  readonly gate: {
    readonly samples: number;
    readonly pieces: number;
    readonly lowest: number;
    readonly median: number;
    readonly threshold: number;
  };
  /** The latest assessment of as many samples, made in the background; null before the first. */
  readonly check: { readonly at_ms: number; readonly samples: number; readonly assessed: number } | null;
}

/**
 * `recovered`: it failed, and has given good samples since. The rest are faults: `unhealthy` (repeats itself),
 * `below-threshold` (guessed too well), `flagged` (the device says so itself), `other-device`, `not-samples` (text, or
 * samples too wide), `source-error` (can't be read).
 */
export type SourceState =
  | "healthy"
  | "recovered"
  | "unhealthy"
  | "below-threshold"
  | "flagged"
  | "other-device"
  | "not-samples"
  | "source-error";

export interface EntropySourceReport {
  readonly source: string;
  /** False for a source that nobody asked for: it is mixed in where it is there. */
  readonly required: boolean;
  readonly state: SourceState;
  readonly ok: boolean;
  readonly detail: string;
  /** Empty when all is well. */
  readonly fix: string;
  /** Null before it was opened. */
  readonly raw: boolean | null;
  readonly bits_per_sample: number | null;
  readonly claimed_bits: number | null;
  readonly serial: string | null;
  readonly firmware: string | null;
  /** Tested by this agent while it runs, and how often that failed. */
  readonly samples: number;
  readonly failures: number;
  /** Of the latest 10,000, and what they must reach; null where the estimators are not run. */
  readonly assessed: number | null;
  readonly threshold: number | null;
  readonly enrolment: EnrolmentReport | null;
}

/** Work on many samples: an enrolment, or the check that comes again and again. */
export interface EntropyJobReport {
  readonly kind: "enrol" | "check";
  readonly source: string;
  readonly phase: "reading" | "assessing" | "gate" | "done" | "failed";
  /** Samples read, estimates made, or pieces assessed, of so many. */
  readonly done: number;
  readonly total: number;
  /** Of a failure, or what was found. */
  readonly detail: string;
  readonly fix: string;
}

export interface EntropyReport {
  /** `degraded` when a source that was asked for fails: the generator then lives on the others and the kernel. */
  readonly state: "healthy" | "degraded";
  readonly on_failure: "degrade" | "quarantine";
  readonly sources: readonly EntropySourceReport[];
  /** Of the generator since the start, and seconds since the latest; null before the first. */
  readonly reseeds: number;
  readonly reseeded_s_ago: number | null;
  /** The latest; null when there was none. */
  readonly job: EntropyJobReport | null;
}
