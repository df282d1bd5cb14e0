/**
 * The Common Alerting Protocol, version 1.2 (OASIS, July 2010), as values: what an alert says, whole.
 *
 * Names are CAP's own. Times are Unix seconds; coordinates are WGS 84 degrees; radii km; altitudes feet, as CAP has them.
 * Where CAP lets an element be left out, texts are empty, lists are empty and times undefined.
 * @module
 */

export const STATUSES = ["Actual", "Exercise", "System", "Test", "Draft"] as const;
export const MSG_TYPES = ["Alert", "Update", "Cancel", "Ack", "Error"] as const;
export const SCOPES = ["Public", "Restricted", "Private"] as const;
export const CATEGORIES = [
  "Geo",
  "Met",
  "Safety",
  "Security",
  "Rescue",
  "Fire",
  "Health",
  "Env",
  "Transport",
  "Infra",
  "CBRNE",
  "Other",
] as const;
export const RESPONSE_TYPES = [
  "Shelter",
  "Evacuate",
  "Prepare",
  "Execute",
  "Avoid",
  "Monitor",
  "Assess",
  "AllClear",
  "None",
] as const;
export const URGENCIES = ["Immediate", "Expected", "Future", "Past", "Unknown"] as const;
export const SEVERITIES = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"] as const;
export const CERTAINTIES = ["Observed", "Likely", "Possible", "Unlikely", "Unknown"] as const;

export type Status = (typeof STATUSES)[number];
export type MsgType = (typeof MSG_TYPES)[number];
export type Scope = (typeof SCOPES)[number];
export type Category = (typeof CATEGORIES)[number];
export type ResponseType = (typeof RESPONSE_TYPES)[number];
export type Urgency = (typeof URGENCIES)[number];
export type Severity = (typeof SEVERITIES)[number];
export type Certainty = (typeof CERTAINTIES)[number];

export interface CapAlert {
  /** Neither spaces, commas, `<` nor `&`; so for the sender. */
  readonly identifier: string;
  readonly sender: string;
  readonly sentUnixS: number;
  readonly status: Status;
  readonly msgType: MsgType;
  readonly source: string;
  readonly scope: Scope;
  readonly restriction: string;
  /** Texts between spaces, those with spaces in quotes; so `incidents`. */
  readonly addresses: string;
  readonly codes: readonly string[];
  readonly note: string;
  readonly references: readonly CapReference[];
  readonly incidents: string;
  readonly infos: readonly CapInfo[];
}

export interface CapReference {
  readonly sender: string;
  readonly identifier: string;
  readonly sentUnixS: number;
}

export interface CapInfo {
  /** RFC 3066; CAP's default is `en-US`. */
  readonly language: string;
  /** At least one. */
  readonly categories: readonly Category[];
  readonly event: string;
  readonly responseTypes: readonly ResponseType[];
  readonly urgency: Urgency;
  readonly severity: Severity;
  readonly certainty: Certainty;
  readonly audience: string;
  readonly eventCodes: readonly NamedValue[];
  readonly effectiveUnixS: number | undefined;
  readonly onsetUnixS: number | undefined;
  readonly expiresUnixS: number | undefined;
  readonly senderName: string;
  readonly headline: string;
  readonly description: string;
  readonly instruction: string;
  readonly web: string;
  readonly contact: string;
  readonly parameters: readonly NamedValue[];
  readonly resources: readonly CapResource[];
  readonly areas: readonly CapArea[];
}

export interface NamedValue {
  readonly valueName: string;
  readonly value: string;
}

export interface CapResource {
  readonly resourceDesc: string;
  readonly mimeType: string;
  /** Bytes; undefined when it is not said. */
  readonly size: number | undefined;
  readonly uri: string;
  readonly derefUri: string;
  readonly digest: string;
}

export interface CapPoint {
  /** −90 … 90, and −180 … 180. */
  readonly latitude: number;
  readonly longitude: number;
}

export interface CapCircle {
  readonly center: CapPoint;
  readonly radiusKm: number;
}

export interface CapArea {
  readonly areaDesc: string;
  /** Closed: the last point is the first; four points at least. */
  readonly polygons: readonly (readonly CapPoint[])[];
  readonly circles: readonly CapCircle[];
  readonly geocodes: readonly NamedValue[];
  readonly altitudeFeet: number | undefined;
  /** Only with an altitude. */
  readonly ceilingFeet: number | undefined;
}

/** CAP's default for a missing `language`. */
export const DEFAULT_LANGUAGE = "en-US";

/** RFC 3066, as XML Schema's `language` has it. */
const LANGUAGE = /^[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*$/;
/** What CAP forbids in identifiers and senders. */
const RESTRICTED = /[\s,<&]/;
/** Years 1970 to 2105: what fits 32 bits of seconds. */
const MAX_UNIX_S = 0xffff_ffff;

/** What CAP's schema and text rule out, one phrase each with the element's path; empty when the alert is a good one. */
export function capFlaws(alert: CapAlert): readonly string[] {
  const flaws: string[] = [];
  const demand = (good: boolean, flaw: string): void => void (good || flaws.push(flaw));
  for (const name of ["identifier", "sender"] as const) {
    demand(
      alert[name] !== "" && !RESTRICTED.test(alert[name]),
      `${name}: must be there, without spaces, commas, < and &`,
    );
  }
  demand(isTime(alert.sentUnixS), "sent: no time between 1970 and 2105");
  demand(
    alert.scope !== "Restricted" || alert.restriction !== "",
    "restriction: must be there when the scope is Restricted",
  );
  demand(alert.scope !== "Private" || alert.addresses !== "", "addresses: must be there when the scope is Private");
  const refers = alert.msgType !== "Alert";
  demand(!refers || alert.references.length > 0, `references: must be there when the msgType is ${alert.msgType}`);
  for (const [i, info] of alert.infos.entries()) flaws.push(...infoFlaws(info, `info[${i}]`));
  return flaws;
}

function infoFlaws(info: CapInfo, path: string): readonly string[] {
  const flaws: string[] = [];
  if (!LANGUAGE.test(info.language)) flaws.push(`${path}.language: no language tag`);
  if (info.categories.length === 0) flaws.push(`${path}.category: must be there`);
  if (info.event === "") flaws.push(`${path}.event: must be there`);
  for (const name of ["effectiveUnixS", "onsetUnixS", "expiresUnixS"] as const) {
    const time = info[name];
    if (time !== undefined && !isTime(time))
      flaws.push(`${path}.${name.replace("UnixS", "")}: no time between 1970 and 2105`);
  }
  for (const [i, { resourceDesc, mimeType }] of info.resources.entries()) {
    if (resourceDesc === "" || mimeType === "") flaws.push(`${path}.resource[${i}]: needs resourceDesc and mimeType`);
  }
  for (const [i, area] of info.areas.entries()) flaws.push(...areaFlaws(area, `${path}.area[${i}]`));
  return flaws;
}

function areaFlaws(area: CapArea, path: string): readonly string[] {
  const flaws: string[] = [];
  if (area.areaDesc === "") flaws.push(`${path}.areaDesc: must be there`);
  if (area.ceilingFeet !== undefined && area.altitudeFeet === undefined)
    flaws.push(`${path}.ceiling: only with altitude`);
  for (const [i, polygon] of area.polygons.entries()) {
    if (!isClosed(polygon)) flaws.push(`${path}.polygon[${i}]: four points or more, the last one the first`);
    if (!polygon.every(isOnEarth)) flaws.push(`${path}.polygon[${i}]: a point that is not on Earth`);
  }
  for (const [i, { center, radiusKm }] of area.circles.entries()) {
    if (!isOnEarth(center) || !(radiusKm >= 0)) flaws.push(`${path}.circle[${i}]: not a point on Earth and a radius`);
  }
  return flaws;
}

function isClosed(polygon: readonly CapPoint[]): boolean {
  const [first] = polygon;
  const last = polygon.at(-1);
  return polygon.length >= 4 && first?.latitude === last?.latitude && first?.longitude === last?.longitude;
}

function isOnEarth({ latitude, longitude }: CapPoint): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180;
}

function isTime(unixS: number): boolean {
  return Number.isInteger(unixS) && unixS >= 0 && unixS <= MAX_UNIX_S;
}
