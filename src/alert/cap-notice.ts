/**
 * From CAP to what goes over the air, and back. What the compact form can't keep is named by its place in the XML:
 * `info[1].parameter`, `info[0].area[0].altitude`.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import { toHex } from "../kernel/bytes.ts";
import type { CapAlert, CapArea, CapInfo, CapPoint, CapReference, NamedValue } from "./cap.ts";
import type { HeldAlert } from "./held-alert.ts";
import { isPlainText } from "./notice-texts.ts";
import {
  MAX_AREAS,
  MAX_LANGUAGES,
  MAX_POINTS,
  MAX_REFERENCES,
  NOTICE_STATUSES,
  NOTICE_TYPES,
  type Notice,
  type NoticeShape,
  type NoticeText,
} from "./notice.ts";

export interface CompactAlert {
  readonly notice: Notice;
  /** Places in the XML of what the notice does not keep. */
  readonly dropped: readonly string[];
}

/** Points are kept to 10^-5 degrees (1 m), radii to 10 m. */
const DEGREE_STEPS = 100_000;
const KM_STEPS = 100;

/**
 * @param numbers of this node's own alerts that it refers to; what CAP says of references is dropped
 * @throws AgentError "ALERT_INVALID" for what can't be broadcast at all
 */
export function noticeOf(cap: CapAlert, numbers: readonly number[]): CompactAlert {
  const dropped: string[] = [];
  const status = NOTICE_STATUSES.find((known) => known === cap.status);
  const msgType = NOTICE_TYPES.find((known) => known === cap.msgType);
  const [first] = cap.infos;
  if (cap.scope !== "Public") throw unfit(`its scope is ${cap.scope}, and a radio tells everybody`);
  if (status === undefined) throw unfit(`its status is ${cap.status}`);
  if (msgType === undefined) throw unfit(`its msgType is ${cap.msgType}`);
  if (first === undefined) throw unfit("it has no info");
  if (msgType !== "Alert" && numbers.length === 0) throw unfit("it refers to no alert of this node");
  noteAlert(cap, dropped);
  for (const [i, info] of cap.infos.entries()) noteInfo(info, first, i, dropped);
  const after = (unixS: number | undefined): number | undefined =>
    unixS === undefined ? undefined : unixS - cap.sentUnixS;
  const expiresS = after(first.expiresUnixS);
  if (expiresS !== undefined && expiresS < 0) throw unfit("it expires before it is sent");
  const notice: Notice = {
    status,
    msgType,
    sentUnixS: cap.sentUnixS,
    references: [...new Set(numbers)].toSorted((a, b) => a - b).slice(-MAX_REFERENCES),
    categories: first.categories,
    responseTypes: first.responseTypes,
    urgency: first.urgency,
    severity: first.severity,
    certainty: first.certainty,
    expiresS,
    effectiveS: after(first.effectiveUnixS),
    onsetS: after(first.onsetUnixS),
    note: plain(cap.note),
    texts: cap.infos.slice(0, MAX_LANGUAGES).map(textOf),
    shapes: shapesOf(first, dropped),
    full: undefined,
    shortened: false,
  };
  return { notice, dropped };
}

function unfit(why: string): AgentError {
  return new AgentError("ALERT_INVALID", `the alert can't go over the air: ${why}`);
}

function noteAlert(cap: CapAlert, dropped: string[]): void {
  for (const name of ["source", "restriction", "addresses", "incidents"] as const)
    if (cap[name] !== "") dropped.push(name);
  for (const [i] of cap.codes.entries()) dropped.push(`code[${i}]`);
  for (const i of cap.infos.keys()) if (i >= MAX_LANGUAGES) dropped.push(`info[${i}]`);
}

function noteInfo(info: CapInfo, first: CapInfo, i: number, dropped: string[]): void {
  if (i >= MAX_LANGUAGES) return;
  const path = `info[${i}]`;
  const lists = { eventCode: info.eventCodes, parameter: info.parameters, resource: info.resources };
  for (const [name, list] of Object.entries(lists)) for (const k of list.keys()) dropped.push(`${path}.${name}[${k}]`);
  for (const [k, area] of info.areas.entries()) {
    if (k >= MAX_AREAS) dropped.push(`${path}.area[${k}]`);
    if (area.altitudeFeet !== undefined) dropped.push(`${path}.area[${k}].altitude`);
    if (area.ceilingFeet !== undefined) dropped.push(`${path}.area[${k}].ceiling`);
  }
  if (info !== first) noteDifferences(info, first, path, dropped);
}

/** The codes, times and shapes of the first language stand for all. */
function noteDifferences(info: CapInfo, first: CapInfo, path: string, dropped: string[]): void {
  const same = {
    category: [info.categories, first.categories],
    responseType: [info.responseTypes, first.responseTypes],
    urgency: [info.urgency, first.urgency],
    severity: [info.severity, first.severity],
    certainty: [info.certainty, first.certainty],
    effective: [info.effectiveUnixS, first.effectiveUnixS],
    onset: [info.onsetUnixS, first.onsetUnixS],
    expires: [info.expiresUnixS, first.expiresUnixS],
  };
  for (const [name, [own, shared]] of Object.entries(same))
    if (String(own) !== String(shared)) dropped.push(`${path}.${name}`);
  for (const [k, area] of info.areas.slice(0, MAX_AREAS).entries()) {
    for (const name of ["polygons", "circles", "geocodes"] as const) {
      const differs = JSON.stringify(area[name]) !== JSON.stringify(first.areas[k]?.[name] ?? []);
      if (differs) dropped.push(`${path}.area[${k}].${name.slice(0, -1)}`);
    }
  }
}

function textOf(info: CapInfo): NoticeText {
  return {
    language: info.language,
    event: plain(info.event),
    headline: plain(info.headline),
    instruction: plain(info.instruction),
    description: plain(info.description),
    senderName: plain(info.senderName),
    audience: plain(info.audience),
    web: plain(info.web),
    contact: plain(info.contact),
    areaDescs: info.areas.slice(0, MAX_AREAS).map(({ areaDesc }) => plain(areaDesc)),
  };
}

function shapesOf(first: CapInfo, dropped: string[]): readonly NoticeShape[] {
  const shapes = first.areas.slice(0, MAX_AREAS).map((area, i) => shapeOf(area, `info[0].area[${i}]`, dropped));
  const last = shapes.findLastIndex(
    ({ polygons, circles, geocodes }) => polygons.length + circles.length + geocodes.length > 0,
  );
  return shapes.slice(0, last + 1);
}

function shapeOf(area: CapArea, path: string, dropped: string[]): NoticeShape {
  const polygons: CapPoint[][] = [];
  for (const [i, polygon] of area.polygons.entries()) {
    const points = polygon.slice(0, -1).map(rounded);
    if (points.length > MAX_POINTS || polygons.length >= 15) dropped.push(`${path}.polygon[${i}]`);
    else polygons.push(points);
    if (points.some((point, k) => !samePoint(point, polygon[k])))
      dropped.push(`${path}.polygon[${i}]: digits beyond a metre`);
  }
  for (const [i, circle] of area.circles.entries()) {
    const exact = samePoint(rounded(circle.center), circle.center) && stepped(circle.radiusKm) === circle.radiusKm;
    if (i >= 15) dropped.push(`${path}.circle[${i}]`);
    else if (!exact) dropped.push(`${path}.circle[${i}]: digits beyond a metre, or 10 m of radius`);
  }
  const circles = area.circles
    .slice(0, 15)
    .map(({ center, radiusKm }) => ({ center: rounded(center), radiusKm: stepped(radiusKm) }));
  const geocodes: NamedValue[] = [];
  for (const [i, { valueName, value }] of area.geocodes.entries()) {
    if (valueName.includes("=") || valueName === "") dropped.push(`${path}.geocode[${i}]`);
    else geocodes.push({ valueName: plain(valueName), value: plain(value) });
  }
  return { polygons, circles, geocodes };
}

function rounded({ latitude, longitude }: CapPoint): CapPoint {
  const step = (degrees: number): number => Math.round(degrees * DEGREE_STEPS) / DEGREE_STEPS + 0;
  return { latitude: step(latitude), longitude: step(longitude) };
}

function stepped(radiusKm: number): number {
  return (Math.round(radiusKm * KM_STEPS) * 10) / 1000;
}

function samePoint(a: CapPoint, b: CapPoint | undefined): boolean {
  return a.latitude === b?.latitude && a.longitude === b.longitude;
}

/** Without what no text may hold; line ends as line feeds. */
function plain(text: string): string {
  const normal = text.normalize("NFC").replaceAll(/\r\n?/g, "\n");
  return isPlainText(normal) ? normal : Array.from(normal).filter(isPlainText).join("");
}

/** What a held alert is called in CAP. */
export function capIdentity({ authorHex, number }: Pick<HeldAlert, "authorHex" | "number">): {
  readonly sender: string;
  readonly identifier: string;
} {
  return { sender: `caye:${authorHex}`, identifier: `caye-${authorHex}-${number}` };
}

/**
 * The alert as CAP. What the author's clock did not say is taken from this node's.
 * @param sentOf when the author's alert of that number was sent, Unix seconds; undefined when it is not held here
 */
export function capOf(held: HeldAlert, sentOf: (number: number) => number | undefined): CapAlert {
  const { notice, authorHex } = held;
  const sentUnixS = notice.sentUnixS === 0 ? Math.floor(held.heardAtMs / 1000) : notice.sentUnixS;
  const at = (offsetS: number | undefined): number | undefined =>
    offsetS === undefined ? undefined : Math.min(Math.max(sentUnixS + offsetS, 0), 0xffff_ffff);
  const full = notice.full === undefined ? "" : `full text: file ${toHex(notice.full)}`;
  const shared = {
    categories: notice.categories,
    responseTypes: notice.responseTypes,
    urgency: notice.urgency,
    severity: notice.severity,
    certainty: notice.certainty,
    eventCodes: [],
    effectiveUnixS: at(notice.effectiveS),
    onsetUnixS: at(notice.onsetS),
    expiresUnixS: at(notice.expiresS),
    parameters: [],
    resources: [],
  };
  return {
    ...capIdentity(held),
    sentUnixS,
    status: notice.status,
    msgType: notice.msgType,
    source: "",
    scope: "Public",
    restriction: "",
    addresses: "",
    codes: [],
    note: [notice.note, full].filter((text) => text !== "").join("; "),
    references: notice.references.map((number): CapReference => ({
      ...capIdentity({ authorHex, number }),
      sentUnixS: sentOf(number) ?? sentUnixS,
    })),
    incidents: "",
    infos: notice.texts.map(({ areaDescs, ...text }): CapInfo => ({
      ...shared,
      ...text,
      areas: areaDescs.map((areaDesc, i) => areaOf(areaDesc === "" ? "-" : areaDesc, notice.shapes[i])),
    })),
  };
}

function areaOf(areaDesc: string, shape: NoticeShape | undefined): CapArea {
  return {
    areaDesc,
    polygons: (shape?.polygons ?? []).map((polygon) => [...polygon, ...polygon.slice(0, 1)]),
    circles: shape?.circles ?? [],
    geocodes: shape?.geocodes ?? [],
    altitudeFeet: undefined,
    ceilingFeet: undefined,
  };
}
