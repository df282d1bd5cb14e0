/**
 * Makes an alert fit a packet: what people can do without goes first, and what went is told.
 * @module
 */
import { AgentError, isAgentError } from "../kernel/errors.ts";
import { encodeNotice } from "./notice-codec.ts";
import type { Notice, NoticeText } from "./notice.ts";

export interface Fitted {
  readonly notice: Notice;
  /** Places in the XML of what was shortened or left out: `info[0].description`. Empty when all of it fits. */
  readonly cut: readonly string[];
}

type TextField = Exclude<keyof NoticeText, "language" | "areaDescs">;

interface Step {
  readonly place: string;
  readonly apply: (notice: Notice) => Notice;
}

/** A text that had to be shortened ends so. */
const ELLIPSIS = "…";
/** What must stay of a text, in characters. */
const LEAST = 24;

/**
 * @param maxBodyBytes room for the encoded notice
 * @param full the first bytes of the hash of a file with the whole alert, for the case that this one is shortened
 * @throws AgentError "ALERT_INVALID" when it can't be made to fit
 */
export function fitNotice(notice: Notice, maxBodyBytes: number, full: Uint8Array | undefined): Fitted {
  if (fits(notice, maxBodyBytes)) return { notice, cut: [] };
  const cut = new Set<string>();
  let shorter: Notice = { ...notice, shortened: true, full };
  for (const { place, apply } of steps(notice)) {
    const next = apply(shorter);
    if (next === shorter) continue;
    cut.add(place);
    shorter = next;
    if (fits(shorter, maxBodyBytes)) return { notice: shorter, cut: [...cut] };
  }
  throw new AgentError("ALERT_INVALID", "the alert does not fit a packet, even without all that can be left out", {
    fix: "Shorten the event and the area.",
  });
}

function fits(notice: Notice, maxBodyBytes: number): boolean {
  try {
    return encodeNotice(notice).length <= maxBodyBytes;
  } catch (error) {
    if (isAgentError(error, "ALERT_TOO_LONG")) return false;
    if (!(error instanceof RangeError)) throw error;
    throw new AgentError("ALERT_INVALID", "the alert can't be sent: a time or a place is out of range", {
      cause: error,
    });
  }
}

/** The least important first. The first language stays longest, and in it the event, headline, instruction and area. */
function steps(notice: Notice): readonly Step[] {
  const languages = notice.texts.map((_, i) => i).toReversed();
  const every = (field: TextField, change: (text: string) => string): Step[] =>
    languages.map((i) => textStep(i, field, change));
  const drop = (): string => "";
  const halves = (field: TextField): Step[] =>
    languages.flatMap((i) => [1, 2, 3, 4].map(() => textStep(i, field, halved)));
  return [
    ...every("senderName", drop),
    ...every("audience", drop),
    ...every("description", firstSentence),
    ...every("description", drop),
    ...every("instruction", firstSentence),
    { place: "note", apply: (notice) => (notice.note === "" ? notice : { ...notice, note: "" }) },
    ...every("contact", drop),
    ...every("web", drop),
    { place: "info[0].area[].geocode", apply: withoutGeocodes },
    ...languages.filter((i) => i > 1).map(withoutLanguage),
    { place: "info[0].area[].polygon", apply: withoutPolygons },
    ...halves("instruction"),
    ...languages.filter((i) => i > 0).map(withoutLanguage),
    ...halves("headline"),
    {
      place: "info[0].area[].circle",
      apply: (notice) => (notice.shapes.length === 0 ? notice : { ...notice, shapes: [] }),
    },
    { place: "info[0].area", apply: withFewAreas },
    ...halves("event"),
    ...[1, 2, 3, 4].map((): Step => ({ place: "info[0].area[].areaDesc", apply: withShortAreas })),
    textStep(0, "instruction", drop),
  ];
}

function textStep(i: number, field: TextField, change: (text: string) => string): Step {
  return {
    place: `info[${i}].${field}`,
    apply: (notice) => {
      const text = notice.texts[i];
      const changed = change(text?.[field] ?? "");
      if (text === undefined || changed === text[field]) return notice;
      return { ...notice, texts: notice.texts.with(i, { ...text, [field]: changed }) };
    },
  };
}

function withoutLanguage(i: number): Step {
  return {
    place: `info[${i}]`,
    apply: (notice) => (i < notice.texts.length ? { ...notice, texts: notice.texts.slice(0, i) } : notice),
  };
}

function withoutGeocodes(notice: Notice): Notice {
  if (notice.shapes.every(({ geocodes }) => geocodes.length === 0)) return notice;
  return { ...notice, shapes: notice.shapes.map((shape) => ({ ...shape, geocodes: [] })) };
}

function withoutPolygons(notice: Notice): Notice {
  if (notice.shapes.every(({ polygons }) => polygons.length === 0)) return notice;
  return { ...notice, shapes: notice.shapes.map((shape) => ({ ...shape, polygons: [] })) };
}

function withFewAreas(notice: Notice): Notice {
  if (notice.texts.every(({ areaDescs }) => areaDescs.length <= 3)) return notice;
  return { ...notice, texts: notice.texts.map((text) => ({ ...text, areaDescs: text.areaDescs.slice(0, 3) })) };
}

function withShortAreas(notice: Notice): Notice {
  const short = notice.texts.map((text) => ({ ...text, areaDescs: text.areaDescs.map(halved) }));
  const same = short.every(({ areaDescs }, i) => areaDescs.join("\n") === notice.texts[i]?.areaDescs.join("\n"));
  return same ? notice : { ...notice, texts: short };
}

/** Up to the first end of a sentence; all of it when there is none. */
function firstSentence(text: string): string {
  return /^[\s\S]{8,}?[.!?](?=\s)/.exec(text)?.[0] ?? text;
}

/** Half of the text, to the end of a word; a short one stays as it is. */
function halved(text: string): string {
  const characters = Array.from(text.replace(/…$/, ""));
  if (characters.length <= LEAST) return text;
  const half = characters.slice(0, Math.max(LEAST, Math.ceil(characters.length / 2))).join("");
  return `${half.replace(/\s+\S*$/, "") || half}${ELLIPSIS}`;
}
