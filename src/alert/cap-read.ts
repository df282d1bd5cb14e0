/**
 * Reads CAP 1.2 XML: as its schema has it, element by element in its order, and then by the rules of its text.
 * @module
 */
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import {
  CATEGORIES,
  CERTAINTIES,
  DEFAULT_LANGUAGE,
  MSG_TYPES,
  RESPONSE_TYPES,
  SCOPES,
  SEVERITIES,
  STATUSES,
  URGENCIES,
  capFlaws,
  type CapAlert,
  type CapArea,
  type CapCircle,
  type CapInfo,
  type CapPoint,
  type CapReference,
  type CapResource,
  type NamedValue,
} from "./cap.ts";
import { parseCapTime } from "./cap-time.ts";
import { parseXml, type XmlElement } from "./xml.ts";

export const CAP_NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2";
const SIGNATURE_NAMESPACE = "http://www.w3.org/2000/09/xmldsig#";

export interface ReadCap {
  readonly alert: CapAlert;
  /** True when it carried an XML signature; nobody has checked it. */
  readonly signed: boolean;
}

/** The elements of one parent, by name, in the schema's order; `one` must be there once, `some` once or more. */
type Plan = readonly (readonly [name: string, occurs: "one" | "maybe" | "some" | "any"])[];

const ALERT_PLAN: Plan = [
  ["identifier", "one"],
  ["sender", "one"],
  ["sent", "one"],
  ["status", "one"],
  ["msgType", "one"],
  ["source", "maybe"],
  ["scope", "one"],
  ["restriction", "maybe"],
  ["addresses", "maybe"],
  ["code", "any"],
  ["note", "maybe"],
  ["references", "maybe"],
  ["incidents", "maybe"],
  ["info", "any"],
];
const INFO_PLAN: Plan = [
  ["language", "maybe"],
  ["category", "some"],
  ["event", "one"],
  ["responseType", "any"],
  ["urgency", "one"],
  ["severity", "one"],
  ["certainty", "one"],
  ["audience", "maybe"],
  ["eventCode", "any"],
  ["effective", "maybe"],
  ["onset", "maybe"],
  ["expires", "maybe"],
  ["senderName", "maybe"],
  ["headline", "maybe"],
  ["description", "maybe"],
  ["instruction", "maybe"],
  ["web", "maybe"],
  ["contact", "maybe"],
  ["parameter", "any"],
  ["resource", "any"],
  ["area", "any"],
];
const NAMED_VALUE_PLAN: Plan = [
  ["valueName", "one"],
  ["value", "one"],
];
const RESOURCE_PLAN: Plan = [
  ["resourceDesc", "one"],
  ["mimeType", "one"],
  ["size", "maybe"],
  ["uri", "maybe"],
  ["derefUri", "maybe"],
  ["digest", "maybe"],
];
const AREA_PLAN: Plan = [
  ["areaDesc", "one"],
  ["polygon", "any"],
  ["circle", "any"],
  ["geocode", "any"],
  ["altitude", "maybe"],
  ["ceiling", "maybe"],
];
/** Bounds that the schema does not have. */
const MAX_INFOS = 16;

/** Reasons name the element: `info[0].urgency: not one of …`. */
export function readCap(bytes: Uint8Array): Decoded<ReadCap> {
  const root = parseXml(bytes);
  if (!root.ok) return root;
  if (root.value.name !== "alert" || root.value.namespace !== CAP_NAMESPACE) return refused("not a CAP 1.2 alert");
  const flaws: string[] = [];
  const elements = root.value.children.filter(({ namespace }) => namespace !== SIGNATURE_NAMESPACE);
  const alert = alertOf(new Fields({ ...root.value, children: elements }, "", ALERT_PLAN, flaws));
  if (alert.infos.length > MAX_INFOS) flaws.push(`info: more than ${MAX_INFOS}`);
  const flaw = flaws[0] ?? capFlaws(alert)[0];
  if (flaw !== undefined) return refused(flaw);
  return decoded({ alert, signed: elements.length < root.value.children.length });
}

function alertOf(fields: Fields): CapAlert {
  return {
    identifier: fields.text("identifier"),
    sender: fields.text("sender"),
    sentUnixS: fields.time("sent") ?? 0,
    status: fields.word("status", STATUSES),
    msgType: fields.word("msgType", MSG_TYPES),
    source: fields.text("source"),
    scope: fields.word("scope", SCOPES),
    restriction: fields.text("restriction"),
    addresses: fields.text("addresses"),
    codes: fields.all("code").map(({ text }) => text),
    note: fields.text("note"),
    references: referencesOf(fields),
    incidents: fields.text("incidents"),
    infos: fields.each("info", INFO_PLAN).map(infoOf),
  };
}

function infoOf(fields: Fields): CapInfo {
  return {
    language: fields.text("language") || DEFAULT_LANGUAGE,
    categories: [...new Set(fields.words("category", CATEGORIES))],
    event: fields.text("event"),
    responseTypes: [...new Set(fields.words("responseType", RESPONSE_TYPES))],
    urgency: fields.word("urgency", URGENCIES),
    severity: fields.word("severity", SEVERITIES),
    certainty: fields.word("certainty", CERTAINTIES),
    audience: fields.text("audience"),
    eventCodes: namedValues(fields, "eventCode"),
    effectiveUnixS: fields.time("effective"),
    onsetUnixS: fields.time("onset"),
    expiresUnixS: fields.time("expires"),
    senderName: fields.text("senderName"),
    headline: fields.text("headline"),
    description: fields.text("description"),
    instruction: fields.text("instruction"),
    web: fields.text("web"),
    contact: fields.text("contact"),
    parameters: namedValues(fields, "parameter"),
    resources: fields.each("resource", RESOURCE_PLAN).map(resourceOf),
    areas: fields.each("area", AREA_PLAN).map(areaOf),
  };
}

function resourceOf(fields: Fields): CapResource {
  const size = fields.number("size");
  return {
    resourceDesc: fields.text("resourceDesc"),
    mimeType: fields.text("mimeType"),
    size: size === undefined ? undefined : Math.floor(size),
    uri: fields.text("uri"),
    derefUri: fields.text("derefUri"),
    digest: fields.text("digest"),
  };
}

function areaOf(fields: Fields): CapArea {
  return {
    areaDesc: fields.text("areaDesc"),
    polygons: fields.all("polygon").map(({ text }, i) => fields.made(parsePolygon(text), [], `polygon[${i}]`)),
    circles: fields.all("circle").map(({ text }, i) => fields.made(parseCircle(text), NOWHERE, `circle[${i}]`)),
    geocodes: namedValues(fields, "geocode"),
    altitudeFeet: fields.number("altitude"),
    ceilingFeet: fields.number("ceiling"),
  };
}

function namedValues(fields: Fields, name: string): readonly NamedValue[] {
  return fields
    .each(name, NAMED_VALUE_PLAN)
    .map((pair) => ({ valueName: pair.text("valueName"), value: pair.text("value") }));
}

function referencesOf(fields: Fields): readonly CapReference[] {
  const texts = fields.text("references").split(/\s+/);
  return texts
    .filter((text) => text !== "")
    .map((text, i) => {
      const [sender = "", identifier = "", sent = "", ...more] = text.split(",");
      const sentUnixS = more.length === 0 ? parseCapTime(sent) : undefined;
      const reference = sentUnixS === undefined ? undefined : { sender, identifier, sentUnixS };
      return fields.made(reference, { sender, identifier, sentUnixS: 0 }, `references[${i}]`);
    });
}

const NOWHERE: CapCircle = { center: { latitude: 0, longitude: 0 }, radiusKm: 0 };
const DECIMAL = /^[+-]?(?:\d{1,9}(?:\.\d{0,12})?|\.\d{1,12})$/;

function decimalOf(text: string): number | undefined {
  return DECIMAL.test(text) ? Number(text) : undefined;
}

function pointOf(text: string): CapPoint | undefined {
  const [latitude, longitude, ...more] = text.split(",").map(decimalOf);
  return latitude === undefined || longitude === undefined || more.length > 0 ? undefined : { latitude, longitude };
}

/** `LAT,LON LAT,LON …`; undefined for another form. */
export function parsePolygon(text: string): CapPoint[] | undefined {
  const points = text.split(/\s+/).map(pointOf);
  const good = points.filter((point) => point !== undefined);
  return good.length === points.length ? good : undefined;
}

/** `LAT,LON KM`; undefined for another form. */
export function parseCircle(text: string): CapCircle | undefined {
  const [where = "", radius = "", ...more] = text.split(/\s+/);
  const center = pointOf(where);
  const radiusKm = decimalOf(radius);
  return center === undefined || radiusKm === undefined || more.length > 0 ? undefined : { center, radiusKm };
}

/** The elements of one parent. What is not as planned is noted, and reads as something harmless. */
class Fields {
  readonly #children: readonly XmlElement[];
  readonly #path: string;
  readonly #flaws: string[];

  constructor({ children, text }: XmlElement, path: string, plan: Plan, flaws: string[]) {
    this.#children = children;
    this.#path = path;
    this.#flaws = flaws;
    if (children.length === 0 && text.trim() !== "") this.#flaw("", "text where elements should be");
    let place = 0;
    for (const { name, namespace } of children) {
      const at = namespace === CAP_NAMESPACE ? plan.findIndex(([known]) => known === name) : -1;
      if (at < 0) this.#flaw(name, "no element of CAP 1.2 there");
      else if (at < place) this.#flaw(name, "not in the order of CAP's schema");
      place = Math.max(place, at);
    }
    for (const [name, occurs] of plan) {
      const count = this.all(name).length;
      if (count === 0 && (occurs === "one" || occurs === "some")) this.#flaw(name, "must be there");
      if (count > 1 && (occurs === "one" || occurs === "maybe")) this.#flaw(name, "must be there only once");
    }
  }

  all(name: string): readonly XmlElement[] {
    return this.#children
      .filter((child) => child.name === name)
      .map((child) => ({ ...child, text: child.text.trim() }));
  }

  each(name: string, plan: Plan): readonly Fields[] {
    return this.all(name).map((child, i) => new Fields(child, `${this.#path}${name}[${i}].`, plan, this.#flaws));
  }

  text(name: string): string {
    const [element] = this.all(name);
    if (element !== undefined && element.children.length > 0) this.#flaw(name, "elements where text should be");
    return element?.text ?? "";
  }

  words<T extends string>(name: string, known: readonly T[]): readonly T[] {
    return this.all(name).flatMap(({ text }) => {
      const word = known.find((one) => one === text);
      if (word === undefined) this.#flaw(name, `not one of ${known.join(", ")}`);
      return word === undefined ? [] : [word];
    });
  }

  word<T extends string>(name: string, known: readonly [T, ...T[]] | readonly T[]): T {
    const [fallback] = known;
    const word = this.words(name, known)[0] ?? fallback;
    if (word === undefined) throw new Error("a list of words is never empty");
    return word;
  }

  time(name: string): number | undefined {
    const text = this.text(name);
    if (text === "") return undefined;
    return this.made(parseCapTime(text), 0, name);
  }

  number(name: string): number | undefined {
    const text = this.text(name);
    return text === "" ? undefined : this.made(decimalOf(text), 0, name);
  }

  /** The value, or the harmless one and a flaw. */
  made<T>(value: T | undefined, harmless: T, name: string): T {
    if (value === undefined) this.#flaw(name, "not in CAP's form");
    return value ?? harmless;
  }

  #flaw(name: string, flaw: string): void {
    this.#flaws.push(`${this.#path}${name.slice(0, 40)}: ${flaw}`);
  }
}
