/**
 * What time it probably is, for a node that nobody tells reliably. Pure.
 *
 * Two things are certain: it is not earlier than the software was made, and than somebody vouched for before. That is the
 * bound; it never goes back. Everything else is a claim, believed in the order of {@link TIME_SOURCES}, if it is neither
 * earlier than the bound nor absurdly late. Claims that anybody may make (the radio's) never raise the bound, and count only
 * where nothing better is there.
 *
 * What stands in the logs bounds only the weakest claims, a machine's that nobody vouches for and a radio's: they are not
 * earlier than what this node signed itself, and than what two neighbours of the village have dated (one alone may err, or
 * lie). Such a date may itself have come from a radio that lied: so it neither becomes certain, nor speaks against a person,
 * a network or a hardware clock, nor sets a clock.
 * @module
 */
import { CLOCK_SET_S } from "../kernel/clock-set.ts";
import type { TimeReport, TimeSource } from "../kernel/time.ts";

/** No clock is right from here on: 2045-01-01, as for alerts. */
export const CLOCK_ABSURD_S = 2_366_841_600;
/** Clocks that run freely lose or gain so much at most: 100 parts in a million. */
const DRIFT = 1e-4;
/** Clocks of one moment differ by so much, and nothing is made of it. */
const TOLERANCE_S = 120;
const DAY_S = 86_400;

export interface Claim {
  readonly source: TimeSource;
  /** Unix time in s, brought forward to now. */
  readonly atS: number;
  /** When it was made, and by how much it may have been wrong then. */
  readonly ageS: number;
  readonly errorS: number;
}

export interface Bound {
  readonly by: string;
  readonly atS: number;
}

export interface TimeEvidence {
  readonly machineS: number;
  /** What is said, in any order; the machine's own clock is `machine`, or what keeps it. */
  readonly claims: readonly Claim[];
  /** What is certain, in any order. */
  readonly bounds: readonly Bound[];
  /** Dates that neighbours signed, one an author: the latest of each. */
  readonly signedS: readonly number[];
  /** The latest date that this node signed; 0 for none. */
  readonly ownSignedS: number;
  /** Beyond the bound, what nobody vouches for is not believed. */
  readonly maxAheadS: number;
}

const ORDER: readonly TimeSource[] = ["network", "operator", "hardware-clock", "machine", "radio"];
/** Somebody vouches for these: a network's servers, a person who looked at a clock. */
const VOUCHED: ReadonlySet<TimeSource> = new Set(["network", "operator"]);
/** So little is known of these that even dates in logs speak against them. */
const WEAK: ReadonlySet<TimeSource> = new Set(["machine", "radio"]);

export function estimateTime(evidence: TimeEvidence): TimeReport {
  const bound = boundOf(evidence);
  const logged = loggedOf(evidence, bound);
  const refused: { source: TimeSource; at_s: number; reason: string }[] = [];
  for (const source of ORDER) {
    for (const claim of evidence.claims.filter((each) => each.source === source)) {
      const reason = flawOf(claim, { bound, logged, maxAheadS: evidence.maxAheadS });
      if (reason === undefined) return reportOf(evidence, bound, claim, refused);
      refused.push({ source, at_s: Math.floor(claim.atS), reason });
    }
  }
  return {
    ...common(evidence, bound, refused),
    set: false,
    source: "none",
    estimate_s: bound.atS,
    uncertainty_s: null,
    detail: `nothing tells the time: it is ${date(bound.atS)} or later (${bound.by})`,
    fix: "caye time set TIME, from any phone; a cell for the hardware clock; a radio with GPS",
  };
}

/** The latest of what is certain. */
function boundOf({ bounds }: TimeEvidence): Bound {
  const built: Bound = { by: "the software is younger", atS: CLOCK_SET_S };
  const { by, atS } = bounds
    .filter((each) => Number.isFinite(each.atS) && each.atS < CLOCK_ABSURD_S)
    .reduce((latest, each) => (each.atS > latest.atS ? each : latest), built);
  return { by, atS: Math.floor(atS) };
}

/** The latest of what stands in logs, where it is possible and later than the bound: else the bound itself. */
function loggedOf({ signedS, ownSignedS, maxAheadS }: TimeEvidence, bound: Bound): Bound {
  const second = signedS.toSorted((a, b) => b - a)[1] ?? 0;
  const most = Math.min(bound.atS + maxAheadS, CLOCK_ABSURD_S);
  return [
    { by: "this node has signed a later date", atS: ownSignedS },
    { by: "two neighbours have signed later dates", atS: second },
  ]
    .filter(({ atS }) => atS <= most)
    .reduce((latest, each) => (each.atS > latest.atS ? each : latest), bound);
}

interface Limits {
  readonly bound: Bound;
  readonly logged: Bound;
  readonly maxAheadS: number;
}

function flawOf({ source, atS }: Claim, { bound, logged, maxAheadS }: Limits): string | undefined {
  if (!Number.isFinite(atS)) return "no time";
  const least = WEAK.has(source) ? logged : bound;
  if (atS + TOLERANCE_S < least.atS) return `earlier than is possible (${least.by})`;
  if (atS >= CLOCK_ABSURD_S) return "absurdly late";
  if (!VOUCHED.has(source) && atS > bound.atS + maxAheadS) return "too far ahead of what is certain";
  return undefined;
}

function reportOf(
  evidence: TimeEvidence,
  bound: Bound,
  { source, atS, ageS, errorS }: Claim,
  refused: TimeReport["refused"],
): TimeReport {
  const estimate = Math.max(Math.floor(atS), bound.atS);
  const off = Math.abs(estimate - evidence.machineS);
  const uncertainty = Math.ceil(errorS + Math.max(0, ageS) * DRIFT);
  const isOff = off > Math.max(TOLERANCE_S, uncertainty);
  return {
    ...common(evidence, bound, refused),
    set: true,
    source,
    estimate_s: estimate,
    uncertainty_s: uncertainty,
    detail: isOff ? `the machine's clock is off by ${spoken(off)}` : "",
    fix: isOff ? "sudo caye time apply" : "",
  };
}

function common({ machineS }: TimeEvidence, bound: Bound, refused: TimeReport["refused"]) {
  return { machine_s: Math.floor(machineS), bound_s: bound.atS, bound_by: bound.by, refused };
}

function date(seconds: number): string {
  return new Date(1000 * seconds).toISOString().slice(0, 10);
}

function spoken(seconds: number): string {
  if (seconds >= 2 * DAY_S) return `${Math.round(seconds / DAY_S)} days`;
  return seconds >= 7_200 ? `${Math.round(seconds / 3_600)} hours` : `${Math.round(seconds)} s`;
}

/** Differences that are not worth a jump of the clock. */
const LEAST_STEP_S = 2;

/** What is to be done about the machine's clock: a new time, or why there is none. */
export type ClockStep =
  | { readonly kind: "set"; readonly toS: number; readonly reason: string }
  | { readonly kind: "leave"; readonly reason: string };

/** Never to before the bound; back only where a person, or the hardware clock, says so. */
export function stepOf(report: TimeReport): ClockStep {
  const { source, machine_s: machineS, estimate_s: estimateS, bound_s: boundS, bound_by } = report;
  if (source === "network") return leave("the network keeps it");
  if (source === "none") {
    return machineS < boundS
      ? { kind: "set", toS: boundS, reason: `the least it can be: ${bound_by}` }
      : leave(report.detail);
  }
  const toS = Math.max(estimateS, boundS);
  const off = toS - machineS;
  if (Math.abs(off) <= Math.max(LEAST_STEP_S, report.uncertainty_s ?? 0))
    return leave("it is right, as far as is known");
  const mayGoBack = source === "operator" || source === "hardware-clock";
  if (off < 0 && !mayGoBack) return leave(`only a person or the hardware clock may set it back, not the ${source}`);
  return { kind: "set", toS, reason: `by ${source}` };
}

function leave(reason: string): ClockStep {
  return { kind: "leave", reason };
}
