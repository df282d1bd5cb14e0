/**
 * An alert as it goes over the air: what people must know, in as few bytes as can be.
 *
 * What CAP has and this has not is derived by the receiver (identifier, sender, sent as text), or named as dropped by
 * whoever makes a notice of a CAP alert.
 * @module
 */
import type { CapCircle, CapPoint, Category, Certainty, NamedValue, ResponseType, Severity, Urgency } from "./cap.ts";

export const NOTICE_STATUSES = ["Actual", "Exercise", "System", "Test"] as const;
export const NOTICE_TYPES = ["Alert", "Update", "Cancel"] as const;

export interface Notice {
  readonly status: (typeof NOTICE_STATUSES)[number];
  readonly msgType: (typeof NOTICE_TYPES)[number];
  /** Unix seconds; 0 when the sender's clock was not set. */
  readonly sentUnixS: number;
  /** Numbers of the same author's alerts that this one replaces or cancels, rising, at most {@link MAX_REFERENCES}. */
  readonly references: readonly number[];
  /** In CAP's order, one at least. */
  readonly categories: readonly Category[];
  readonly responseTypes: readonly ResponseType[];
  readonly urgency: Urgency;
  readonly severity: Severity;
  readonly certainty: Certainty;
  /** Seconds after `sent`; may be negative but for `expires`. */
  readonly effectiveS: number | undefined;
  readonly onsetS: number | undefined;
  readonly expiresS: number | undefined;
  /** What stands of the alert's note, and codes of areas. */
  readonly note: string;
  /** One a language, 1 to {@link MAX_LANGUAGES}. */
  readonly texts: readonly NoticeText[];
  /** The shapes of the areas, in the order of `areaDescs`; shorter when the last have none. */
  readonly shapes: readonly NoticeShape[];
  /** First bytes of the SHA-256 of the file that holds the whole alert as CAP XML; undefined when this is the whole. */
  readonly full: Uint8Array | undefined;
  /** True when texts were shortened to fit. */
  readonly shortened: boolean;
}

export interface NoticeText {
  readonly language: string;
  readonly event: string;
  readonly headline: string;
  readonly instruction: string;
  readonly description: string;
  readonly senderName: string;
  readonly audience: string;
  readonly web: string;
  readonly contact: string;
  readonly areaDescs: readonly string[];
}

export interface NoticeShape {
  /** Without the last point, which is the first again; 3 points or more. */
  readonly polygons: readonly (readonly CapPoint[])[];
  readonly circles: readonly CapCircle[];
  readonly geocodes: readonly NamedValue[];
}

export const MAX_REFERENCES = 8;
export const MAX_LANGUAGES = 4;
export const MAX_AREAS = 15;
export const MAX_SHAPES = 15;
export const MAX_POINTS = 100;
export const FULL_PREFIX_BYTES = 8;
/** Of all texts together, before packing: nothing longer could ever fit a packet. */
export const MAX_TEXT_BYTES = 2_048;

/** How long an alert without `expires` counts as current. */
export const DEFAULT_LIFE_S = 86_400;
/** The longest life: what is older is no alert. */
export const MAX_LIFE_S = 30 * 86_400;

/** Seconds after `sent` at which it ends. */
export function lifeS({ expiresS }: Notice): number {
  return Math.min(expiresS ?? DEFAULT_LIFE_S, MAX_LIFE_S);
}
