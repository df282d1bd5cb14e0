/** The time as a node without internet knows it: shapes of `caye time`, of the API and of the figures. @module */

/** From the best to the least: see `upkeep/time-policy.ts`. `none`: nothing but the bound is known. */
export const TIME_SOURCES = ["network", "operator", "hardware-clock", "machine", "radio", "none"] as const;
export type TimeSource = (typeof TIME_SOURCES)[number];

export interface TimeReport {
  /** False while nothing tells the date: certificates and policies are then not judged. */
  readonly set: boolean;
  readonly source: TimeSource;
  /** Unix time in s: what the machine's clock says, and what it probably is; the bound where nothing is known. */
  readonly machine_s: number;
  readonly estimate_s: number;
  /** How far off it may be, in s; null where nobody can say. */
  readonly uncertainty_s: number | null;
  /** It is not earlier than this, whatever anybody says; and who is sure of that. */
  readonly bound_s: number;
  readonly bound_by: string;
  /** Times that were told and not believed. */
  readonly refused: readonly { readonly source: TimeSource; readonly at_s: number; readonly reason: string }[];
  /** Why the time is not known, or what is odd; empty when all is well. */
  readonly detail: string;
  readonly fix: string;
}

/** What somebody with a clock says. */
export interface TimeWish {
  /** Unix time in s. */
  readonly at_s: number;
  /** Whose clock it was: 1 … 40 characters. */
  readonly from: string;
  /** What was certain before was wrong, too: it is given up. */
  readonly force?: boolean | undefined;
}

/** What became of the machine's clock. */
export interface ClockApplied {
  /** False when it was left as it is; `reason` says why. */
  readonly changed: boolean;
  readonly reason: string;
  readonly source: TimeSource;
  readonly from_s: number;
  readonly to_s: number;
}
