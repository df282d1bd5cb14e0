/** From what an operator typed to an alert in CAP's terms, with sensible defaults. @module */
import { CATEGORIES, RESPONSE_TYPES, type CapAlert, type CapArea, type CapInfo, type Category } from "../alert/cap.ts";
import { parseCircle, parsePolygon } from "../alert/cap-read.ts";
import { capOf } from "../alert/cap-notice.ts";
import { endMs, type HeldAlert } from "../alert/held-alert.ts";
import { DEFAULT_LIFE_S } from "../alert/notice.ts";
import { AgentError } from "../kernel/errors.ts";
import type { AlertDraft } from "../kernel/alert-reports.ts";

export interface DraftContext {
  /** This node's alerts that it updates or cancels; what the draft leaves out is taken from the last of them. */
  readonly referred: readonly HeldAlert[];
  /** Unix seconds; 0 while the clock is not set. */
  readonly nowS: number;
  readonly identity: { readonly sender: string; readonly identifier: string };
}

/** What an alert of a category is called when nobody says. */
const EVENTS: Readonly<Record<Category, { readonly en: string; readonly es: string }>> = {
  Geo: { en: "Earthquake or landslide", es: "Terremoto o derrumbe" },
  Met: { en: "Severe weather", es: "Mal tiempo" },
  Safety: { en: "Danger", es: "Peligro" },
  Security: { en: "Security", es: "Seguridad" },
  Rescue: { en: "Rescue", es: "Rescate" },
  Fire: { en: "Fire", es: "Incendio" },
  Health: { en: "Health", es: "Salud" },
  Env: { en: "Pollution", es: "Contaminación" },
  Transport: { en: "Transport", es: "Transporte" },
  Infra: { en: "Outage", es: "Corte de servicio" },
  CBRNE: { en: "Dangerous substance", es: "Sustancia peligrosa" },
  Other: { en: "Alert", es: "Alerta" },
};
/** A cancel lives so long at least, so that it reaches those who come back. */
const LEAST_CANCEL_S = 3_600;

/** @throws AgentError "ALERT_INVALID" when something is missing or not in CAP's form */
export function capOfDraft(draft: AlertDraft, context: DraftContext): CapAlert {
  const { referred, nowS, identity } = context;
  const { msg_type: msgType = "Alert", note = "" } = draft;
  const before = demandReference(msgType, referred.at(-1));
  demandWords(draft, msgType);
  const old = before === undefined ? undefined : capOf(before, () => undefined);
  const { status = old?.status ?? "Actual", expires_in_s: lifeS = leftS(before, msgType === "Cancel", nowS) } = draft;
  const times = timesOf(draft, nowS, lifeS);
  const [first, ...others] = old?.infos ?? [];
  const infos = [infoOf(draft, first), ...(isSaidAnew(draft) ? [] : others)];
  const references = old === undefined ? [] : [old];
  return {
    ...identity,
    sentUnixS: nowS,
    status,
    msgType,
    source: "",
    scope: "Public",
    restriction: "",
    addresses: "",
    codes: [],
    note,
    references: references.map(({ sender, identifier, sentUnixS }) => ({ sender, identifier, sentUnixS })),
    incidents: "",
    infos: infos.map((info) => ({ ...info, effectiveUnixS: undefined, ...times })),
  };
}

function timesOf({ onset_in_s: onsetS }: AlertDraft, nowS: number, lifeS: number) {
  if (onsetS !== undefined && onsetS >= lifeS) throw invalid("it would end before it begins");
  return { onsetUnixS: onsetS === undefined ? undefined : nowS + onsetS, expiresUnixS: nowS + lifeS };
}

function demandReference(msgType: string, before: HeldAlert | undefined): HeldAlert | undefined {
  if (msgType !== "Alert" && before === undefined) throw invalid(`an ${msgType.toLowerCase()} must name the alert`);
  if (msgType === "Alert" && before !== undefined) throw invalid("only an update or a cancel refers to an alert");
  return before;
}

/** Frightened people read it: what happens must be said, and an update that changes nothing costs air for nothing. */
function demandWords(draft: AlertDraft, msgType: string): void {
  const { headline, description, instruction, event } = draft;
  const words = [headline, description, instruction, event];
  if (msgType === "Alert" && !words.some((text) => text !== undefined && text.trim() !== "")) {
    throw invalid("it needs words: what happens, or what to do");
  }
  const { msg_type: _type, references: _references, ...changes } = draft;
  if (msgType === "Update" && Object.values(changes).every((value) => value === undefined)) {
    throw invalid("the update changes nothing", "caye alert update --help shows an example.");
  }
}

/** New words in one language: the other languages' old ones would contradict them. */
function isSaidAnew({ headline, description, instruction, event }: AlertDraft): boolean {
  return [headline, description, instruction, event].some((text) => text !== undefined);
}

/** Until the alert that it refers to would have ended: else the old one could come back after this one is forgotten. */
function leftS(before: HeldAlert | undefined, cancels: boolean, nowS: number): number {
  const end = before === undefined ? undefined : endMs(before);
  if (before === undefined || nowS === 0) return DEFAULT_LIFE_S;
  const left = end === undefined ? DEFAULT_LIFE_S : Math.ceil(end / 1000) - nowS;
  return Math.max(left, cancels ? LEAST_CANCEL_S : 60);
}

const BLANK: CapInfo = {
  language: "en",
  categories: ["Safety"],
  event: "",
  responseTypes: [],
  urgency: "Immediate",
  severity: "Unknown",
  certainty: "Likely",
  audience: "",
  eventCodes: [],
  effectiveUnixS: undefined,
  onsetUnixS: undefined,
  expiresUnixS: undefined,
  senderName: "",
  headline: "",
  description: "",
  instruction: "",
  web: "",
  contact: "",
  parameters: [],
  resources: [],
  areas: [],
};

function infoOf(draft: AlertDraft, before: CapInfo | undefined): CapInfo {
  const { language, event, urgency, severity, certainty, headline, description, instruction } = draft;
  const { audience, web, contact, sender_name: senderName } = draft;
  if (before === undefined && severity === undefined) throw invalid("it needs a severity");
  const base = before ?? BLANK;
  const info: CapInfo = {
    ...base,
    ...said({ language, event, urgency, severity, certainty, audience, senderName, web, contact }),
    ...said({ headline, description, instruction }),
    categories: CATEGORIES.filter((one) => (draft.categories ?? base.categories).includes(one)),
    responseTypes: RESPONSE_TYPES.filter((one) => (draft.response_types ?? base.responseTypes).includes(one)),
    areas: areasOf(draft, before),
  };
  if (!info.areas.some(({ areaDesc }) => areaDesc.trim() !== "")) throw invalid("it needs an area: where it holds");
  const [category = "Other"] = info.categories;
  return info.event === "" ? { ...info, event: EVENTS[category][/^es/i.test(info.language) ? "es" : "en"] } : info;
}

type Said<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without what was left out. */
function said<T extends object>(fields: T): Said<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the compiler can't follow which are left
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Said<T>;
}

function areasOf(draft: AlertDraft, before: CapInfo | undefined): readonly CapArea[] {
  const { areas, polygons, circles } = draft;
  if (areas === undefined && polygons === undefined && circles === undefined) return before?.areas ?? [];
  const names = areas ?? before?.areas.map(({ areaDesc }) => areaDesc) ?? [];
  return names.map((areaDesc, i) => ({
    areaDesc,
    polygons: i === 0 ? (polygons ?? []).map((text) => shape(parsePolygon(text), text)) : [],
    circles: i === 0 ? (circles ?? []).map((text) => shape(parseCircle(text), text)) : [],
    geocodes: [],
    altitudeFeet: undefined,
    ceilingFeet: undefined,
  }));
}

function shape<T>(parsed: T | undefined, text: string): T {
  if (parsed !== undefined) return parsed;
  throw invalid(
    `"${text.slice(0, 40)}" is no shape`,
    "A polygon is LAT,LON LAT,LON …, the last point the first; a circle LAT,LON KM.",
  );
}

function invalid(why: string, fix = "caye alert send --help shows an example."): AgentError {
  return new AgentError("ALERT_INVALID", `the alert can't be sent: ${why}`, { fix });
}
