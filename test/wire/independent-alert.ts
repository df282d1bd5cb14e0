/**
 * The body of an alert, written from docs/protocol.md (section 4.8) alone, like `independent.ts`; texts unpacked.
 * @module
 */

export interface AlertValue {
  readonly status: string;
  readonly msgType: string;
  readonly categories: readonly string[];
  readonly severity: string;
  readonly urgency: string;
  readonly certainty: string;
  readonly sentUnixS: number;
  readonly expiresS: number | null;
  readonly effectiveS: number | null;
  readonly onsetS: number | null;
  readonly references: readonly number[];
  readonly responseTypes: readonly string[];
  readonly full: string | null;
  readonly shortened: boolean;
  readonly note: string;
  readonly texts: readonly TextValue[];
  readonly shapes: readonly ShapeValue[];
}

interface TextValue {
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

interface Point {
  readonly latitude: number;
  readonly longitude: number;
}

interface ShapeValue {
  readonly polygons: readonly (readonly Point[])[];
  readonly circles: readonly { readonly center: Point; readonly radiusKm: number }[];
  readonly geocodes: readonly { readonly valueName: string; readonly value: string }[];
}

const STATUSES = "Actual Exercise System Test".split(" ");
const TYPES = "Alert Update Cancel".split(" ");
const CATEGORIES = "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other".split(" ");
const SEVERITIES = "Extreme Severe Moderate Minor Unknown".split(" ");
const URGENCIES = "Immediate Expected Future Past Unknown".split(" ");
const CERTAINTIES = "Observed Likely Possible Unlikely Unknown".split(" ");
const RESPONSES = "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None".split(" ");
const LANGUAGES = "en es en-US en-BZ es-BZ es-MX bzj cab kek mop yua es-GT es-HN".split(" ");

/** Bytes in hex. */
export function bodyOf(alert: AlertValue): string {
  const { categories, references, shapes } = alert;
  const drawn = shapes.some(({ polygons, circles }) => polygons.length + circles.length > 0);
  const category = categories.length === 1 ? CATEGORIES.indexOf(categories[0] ?? "") : 15;
  const times = [alert.expiresS, alert.effectiveS, alert.onsetS];
  const flags = [...times.map((time) => time !== null), references.length > 0, alert.responseTypes.length > 0, drawn];
  flags.push(alert.full !== null, alert.shortened);
  const grades =
    25 * SEVERITIES.indexOf(alert.severity) +
    5 * URGENCIES.indexOf(alert.urgency) +
    CERTAINTIES.indexOf(alert.certainty);
  const body = [
    u8(64 * STATUSES.indexOf(alert.status) + 16 * TYPES.indexOf(alert.msgType) + category),
    u8(flags.reduce((sum, flag, bit) => sum + (flag ? 2 ** bit : 0), 0)),
    u8(grades),
    category === 15 ? bitmap(CATEGORIES, categories).toString(16).padStart(4, "0") : "",
    alert.sentUnixS.toString(16).padStart(8, "0"),
    ...times.map((time) => (time === null ? "" : offset(time))),
    references.length === 0 ? "" : u8(references.length) + steps(references),
    alert.responseTypes.length === 0 ? "" : varint(bitmap(RESPONSES, alert.responseTypes)),
    alert.full ?? "",
    drawn ? u8(shapes.length) + shapes.map(shapeOf).join("") : "",
    "f0",
    Buffer.from(textOf(alert)).toString("hex"),
  ];
  return body.join("");
}

function u8(value: number): string {
  return value.toString(16).padStart(2, "0");
}

function varint(value: number): string {
  return value < 128 ? u8(value) : u8(128 + (value % 128)) + varint(Math.floor(value / 128));
}

function zigzag(value: number): number {
  return value < 0 ? -2 * value - 1 : 2 * value;
}

function offset(seconds: number): string {
  return varint(seconds % 60 === 0 ? 2 * zigzag(seconds / 60) : 2 * zigzag(seconds) + 1);
}

function steps(numbers: readonly number[]): string {
  return numbers.map((number, i) => varint(number - (numbers[i - 1] ?? 0))).join("");
}

function bitmap(words: readonly string[], chosen: readonly string[]): number {
  return chosen.reduce((sum, word) => sum + 2 ** words.indexOf(word), 0);
}

function shapeOf({ polygons, circles }: ShapeValue): string {
  const corners = polygons.map(
    (polygon) => varint(polygon.length) + polygon.map((point, i) => pointOf(point, polygon[i - 1])).join(""),
  );
  const rounds = circles.map(({ center, radiusKm }) => pointOf(center) + varint(Math.round(radiusKm * 100)));
  return [u8(16 * polygons.length + circles.length), ...corners, ...rounds].join("");
}

function pointOf(point: Point, before: Point = { latitude: 0, longitude: 0 }): string {
  const step = (a: number, b: number): string => varint(zigzag(Math.round(a * 1e5) - Math.round(b * 1e5)));
  return step(point.latitude, before.latitude) + step(point.longitude, before.longitude);
}

function textOf({ note, texts, shapes }: AlertValue): string {
  const parts = texts.map((text, part) => {
    const areas = text.areaDescs.map((area, i) => {
      const codes = part === 0 ? (shapes[i]?.geocodes ?? []) : [];
      return [area, ...codes.map(({ valueName, value }) => `${valueName}=${value}`)].join("\u001c");
    });
    const letter = LANGUAGES.indexOf(text.language);
    const language = letter < 0 ? text.language : String.fromCodePoint(97 + letter);
    const { event, headline, instruction, description, senderName, audience, web, contact } = text;
    const fields = [language, event, headline, instruction, description, senderName, audience, web, contact];
    const all = [...fields, areas.join("\u001e")];
    while (all.at(-1) === "") all.pop();
    return all.join("\u001f");
  });
  return [note, ...parts].join("\u001d");
}
