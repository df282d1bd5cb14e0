/** Writes CAP 1.2 XML, in UTF-8 and in the schema's order. @module */
import type { CapAlert, CapArea, CapInfo, CapPoint, CapResource, NamedValue } from "./cap.ts";
import { CAP_NAMESPACE } from "./cap-read.ts";
import { formatCapTime } from "./cap-time.ts";
import { escapeXml } from "./xml.ts";

/** @param alert one without flaws (`capFlaws`) */
export function writeCap(alert: CapAlert): string {
  const references = alert.references.map(
    ({ sender, identifier, sentUnixS }) => `${sender},${identifier},${formatCapTime(sentUnixS)}`,
  );
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<alert xmlns="${CAP_NAMESPACE}">`,
    ...element("identifier", alert.identifier),
    ...element("sender", alert.sender),
    ...element("sent", formatCapTime(alert.sentUnixS)),
    ...element("status", alert.status),
    ...element("msgType", alert.msgType),
    ...element("source", alert.source),
    ...element("scope", alert.scope),
    ...element("restriction", alert.restriction),
    ...element("addresses", alert.addresses),
    ...alert.codes.flatMap((code) => element("code", code)),
    ...element("note", alert.note),
    ...element("references", references.join(" ")),
    ...element("incidents", alert.incidents),
    ...alert.infos.flatMap(info),
    "</alert>",
  ];
  return `${lines.join("\n")}\n`;
}

function info(info: CapInfo): readonly string[] {
  return group("info", [
    ...element("language", info.language),
    ...info.categories.flatMap((category) => element("category", category)),
    ...element("event", info.event),
    ...info.responseTypes.flatMap((type) => element("responseType", type)),
    ...element("urgency", info.urgency),
    ...element("severity", info.severity),
    ...element("certainty", info.certainty),
    ...element("audience", info.audience),
    ...info.eventCodes.flatMap((pair) => namedValue("eventCode", pair)),
    ...time("effective", info.effectiveUnixS),
    ...time("onset", info.onsetUnixS),
    ...time("expires", info.expiresUnixS),
    ...element("senderName", info.senderName),
    ...element("headline", info.headline),
    ...element("description", info.description),
    ...element("instruction", info.instruction),
    ...element("web", info.web),
    ...element("contact", info.contact),
    ...info.parameters.flatMap((pair) => namedValue("parameter", pair)),
    ...info.resources.flatMap(resource),
    ...info.areas.flatMap(area),
  ]);
}

function resource({ resourceDesc, mimeType, size, uri, derefUri, digest }: CapResource): readonly string[] {
  return group("resource", [
    ...element("resourceDesc", resourceDesc),
    ...element("mimeType", mimeType),
    ...element("size", size === undefined ? "" : String(size)),
    ...element("uri", uri),
    ...element("derefUri", derefUri),
    ...element("digest", digest),
  ]);
}

function area({ areaDesc, polygons, circles, geocodes, altitudeFeet, ceilingFeet }: CapArea): readonly string[] {
  return group("area", [
    ...element("areaDesc", areaDesc),
    ...polygons.flatMap((polygon) => element("polygon", polygon.map(point).join(" "))),
    ...circles.flatMap(({ center, radiusKm }) => element("circle", `${point(center)} ${decimal(radiusKm)}`)),
    ...geocodes.flatMap((pair) => namedValue("geocode", pair)),
    ...element("altitude", altitudeFeet === undefined ? "" : decimal(altitudeFeet)),
    ...element("ceiling", ceilingFeet === undefined ? "" : decimal(ceilingFeet)),
  ]);
}

function namedValue(name: string, { valueName, value }: NamedValue): readonly string[] {
  // Both must be there, even empty.
  return group(name, [`<valueName>${escapeXml(valueName)}</valueName>`, `<value>${escapeXml(value)}</value>`]);
}

function point({ latitude, longitude }: CapPoint): string {
  return `${decimal(latitude)},${decimal(longitude)}`;
}

/** Never with an exponent. */
function decimal(value: number): string {
  return value
    .toFixed(12)
    .replace(/\.?0+$/, "")
    .replace(/^-0$/, "0");
}

function time(name: string, unixS: number | undefined): readonly string[] {
  return unixS === undefined ? [] : element(name, formatCapTime(unixS));
}

/** Nothing for an empty text. */
function element(name: string, text: string): readonly string[] {
  return text === "" ? [] : [`<${name}>${escapeXml(text)}</${name}>`];
}

function group(name: string, lines: readonly string[]): readonly string[] {
  return [`<${name}>`, ...lines.map((line) => `  ${line}`), `</${name}>`];
}
