/**
 * The texts of a notice as one text, so that they are packed together: fields between control characters that no text
 * may hold.
 *
 * `note`, then one part a language, between U+001D. A part: language, event, headline, instruction, description, sender's
 * name, audience, web, contact, areas, between U+001F, the empty ones at its end left out. Areas, and within an area its
 * description and its geocodes (`name=value`), are between U+001E and U+001C. A common language is one letter.
 * @module
 */
import { utf8 } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import type { NamedValue } from "./cap.ts";
import { MAX_AREAS, MAX_LANGUAGES, MAX_TEXT_BYTES, type NoticeText } from "./notice.ts";

const PART = "\u001d";
const FIELD = "\u001f";
const AREA = "\u001e";
const CODE = "\u001c";
/** By letter, `a` first. New ones only at the end. */
const LANGUAGES = ["en", "es", "en-US", "en-BZ", "es-BZ", "es-MX", "bzj", "cab", "kek", "mop", "yua", "es-GT", "es-HN"];
const LANGUAGE = /^[a-zA-Z]{2,8}(?:-[a-zA-Z0-9]{1,8}){0,3}$/;
/** XML forbids the rest of them, too. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const FORBIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\ufffe\uffff]/;

const FIELDS = ["event", "headline", "instruction", "description", "senderName", "audience", "web", "contact"] as const;

interface SplitPart {
  readonly text: NoticeText;
  readonly geocodes: readonly (readonly NamedValue[])[];
}

export interface JoinedTexts {
  readonly note: string;
  readonly texts: readonly NoticeText[];
  /** By area; the first language's areas carry them. */
  readonly geocodes: readonly (readonly NamedValue[])[];
}

/** A text that may stand in an alert: no control characters but tab and line feed, whole code points only. */
export function isPlainText(text: string): boolean {
  return !FORBIDDEN.test(text) && text.isWellFormed();
}

export function joinTexts({ note, texts, geocodes }: JoinedTexts): string {
  const parts = texts.map((text, i) => joinPart(text, i === 0 ? geocodes : []));
  return [note, ...parts].join(PART);
}

function joinPart(text: NoticeText, geocodes: readonly (readonly NamedValue[])[]): string {
  const areas = text.areaDescs.map((desc, i) =>
    [desc, ...(geocodes[i] ?? []).map(({ valueName, value }) => `${valueName}=${value}`)].join(CODE),
  );
  const letter = LANGUAGES.indexOf(text.language);
  const language = letter < 0 ? text.language : String.fromCodePoint(0x61 + letter);
  const fields = [language, ...FIELDS.map((name) => text[name]), areas.join(AREA)];
  while (fields.at(-1) === "") fields.pop();
  return fields.join(FIELD);
}

export function splitTexts(joined: string): Decoded<JoinedTexts> {
  if (utf8(joined).length > MAX_TEXT_BYTES) return refused("texts too long");
  const [note = "", ...parts] = joined.split(PART);
  if (parts.length < 1 || parts.length > MAX_LANGUAGES) return refused("not one to four languages");
  const separated = [note, ...parts].map((part) =>
    part.replaceAll(FIELD, "").replaceAll(AREA, "").replaceAll(CODE, ""),
  );
  if (!separated.every(isPlainText)) return refused("text with a control character");
  const texts: NoticeText[] = [];
  let geocodes: readonly (readonly NamedValue[])[] = [];
  for (const [i, part] of parts.entries()) {
    const split = splitPart(part);
    if (!split.ok) return split;
    texts.push(split.value.text);
    if (i === 0) geocodes = split.value.geocodes;
  }
  return decoded({ note, texts, geocodes });
}

function splitPart(part: string): Decoded<SplitPart> {
  const [letter = "", ...fields] = part.split(FIELD);
  const language = letter.length === 1 ? LANGUAGES[letter.charCodeAt(0) - 0x61] : letter;
  if (language === undefined || !LANGUAGE.test(language)) return refused("unknown language");
  if ((fields[0] ?? "") === "") return refused("no event");
  if (fields.length > FIELDS.length + 1) return refused("too many texts");
  const joinedAreas = fields[FIELDS.length] ?? "";
  const areas = joinedAreas === "" ? [] : joinedAreas.split(AREA).map((area) => area.split(CODE));
  if (areas.length > MAX_AREAS) return refused("too many areas");
  const areaDescs = areas.map(([desc = ""]) => desc);
  const geocodes = areas.map(([, ...codes]) => codes.map(namedValue));
  return decoded({ text: { language, ...named(fields), areaDescs }, geocodes });
}

function named(fields: readonly string[]): Omit<NoticeText, "language" | "areaDescs"> {
  const at = (name: (typeof FIELDS)[number]): string => fields[FIELDS.indexOf(name)] ?? "";
  return {
    event: at("event"),
    headline: at("headline"),
    instruction: at("instruction"),
    description: at("description"),
    senderName: at("senderName"),
    audience: at("audience"),
    web: at("web"),
    contact: at("contact"),
  };
}

function namedValue(text: string): NamedValue {
  const at = text.indexOf("=");
  return at < 0 ? { valueName: text, value: "" } : { valueName: text.slice(0, at), value: text.slice(at + 1) };
}
