/**
 * What the commands on alerts say to people, in English and in Spanish. CAP's own words are translated for reading only:
 * JSON and XML keep them.
 * @module
 */
import type { AlertRow } from "../kernel/alert-reports.ts";
import { speaksSpanish } from "./language.ts";

const ENGLISH = {
  columns: {
    id: "ID",
    state: "STATE",
    severity: "SEVERITY",
    event: "EVENT",
    area: "AREA",
    until: "UNTIL",
    author: "AUTHOR",
    node: "NODE",
    read: "READ",
    since: "KNOWN SINCE",
  },
  none: "No alerts. Those of neighbours appear as soon as they are heard.",
  sent: (id: string, bytes: string, time: string) =>
    `Sent as ${id}: ${bytes}, ${time} on air and as much for each relay.`,
  cut: (places: string) => `Shortened to fit the radio: ${places}. The whole text is in a file that the alert names.`,
  dropped: (places: string) => `Not sent, the radio form can't keep it: ${places}`,
  acknowledged: (id: string) => `${id} is marked as read here; other nodes will learn so.`,
  exported: (id: string, file: string) => `Wrote ${id} to ${file}`,
  standing: {
    own: "this node",
    authorised: "authorised",
    unverified: "UNVERIFIED: nobody here vouches for its author",
  },
  state: { active: "active", expired: "over", replaced: "replaced", cancelled: "cancelled" },
  unread: "NEW",
  unsure: "The time is unsure: a clock is wrong, the author's or this node's.",
  shortened: (command: string) => `This is a shortened text. All of it: ${command}`,
  exercise: { Actual: "", Exercise: "DRILL", System: "SYSTEM", Test: "TEST" } as Readonly<Record<string, string>>,
  types: { Alert: "", Update: "UPDATE", Cancel: "NO LONGER VALID" } as Readonly<Record<string, string>>,
  words: {} as Readonly<Record<string, string>>,
  labels: {
    sent: "Sent",
    until: "Until",
    area: "Where",
    instruction: "What to do",
    author: "From",
    note: "Note",
    contact: "Contact",
    web: "Web",
    replaces: "Replaces",
  },
  unknown: "unknown",
  yes: "yes",
  no: "no",
  seenBy: (seen: number, read: number) => `${seen} ${seen === 1 ? "node has" : "nodes have"} it, ${read} read it.`,
  missing: (names: string) => `Nothing heard of: ${names}`,
  hearsay: "As neighbours tell; a node may have it without our knowing.",
  statusLine: (active: number, unread: number) => `${active} active, ${unread} unread`,
  alerts: "Alerts",
};

export type AlertWords = typeof ENGLISH;

const SPANISH: AlertWords = {
  columns: {
    id: "ID",
    state: "ESTADO",
    severity: "GRAVEDAD",
    event: "SUCESO",
    area: "ZONA",
    until: "HASTA",
    author: "AUTOR",
    node: "NODO",
    read: "LEÍDA",
    since: "SE SABE DESDE",
  },
  none: "No hay alertas. Las de los vecinos aparecen en cuanto se les oye.",
  sent: (id, bytes, time) => `Enviada como ${id}: ${bytes}, ${time} en el aire y otro tanto por cada repetidor.`,
  cut: (places) =>
    `Acortada para caber en la radio: ${places}. El texto entero está en un archivo que la alerta nombra.`,
  dropped: (places) => `No enviado, la forma de radio no lo admite: ${places}`,
  acknowledged: (id) => `${id} queda marcada como leída aquí; los otros nodos lo sabrán.`,
  exported: (id, file) => `Guardada ${id} en ${file}`,
  standing: {
    own: "este nodo",
    authorised: "autorizado",
    unverified: "SIN VERIFICAR: nadie aquí responde por su autor",
  },
  state: { active: "activa", expired: "terminada", replaced: "reemplazada", cancelled: "anulada" },
  unread: "NUEVA",
  unsure: "La hora es insegura: un reloj anda mal, el del autor o el de este nodo.",
  shortened: (command) => `Este texto está acortado. Entero: ${command}`,
  exercise: { Actual: "", Exercise: "SIMULACRO", System: "SISTEMA", Test: "PRUEBA" },
  types: { Alert: "", Update: "ACTUALIZADA", Cancel: "YA NO VALE" },
  words: {
    Extreme: "extrema",
    Severe: "grave",
    Moderate: "moderada",
    Minor: "leve",
    Unknown: "desconocida",
    Immediate: "inmediata",
    Expected: "esperada",
    Future: "futura",
    Past: "pasada",
    Observed: "observada",
    Likely: "probable",
    Possible: "posible",
    Unlikely: "improbable",
  },
  labels: {
    sent: "Enviada",
    until: "Hasta",
    area: "Dónde",
    instruction: "Qué hacer",
    author: "De",
    note: "Nota",
    contact: "Contacto",
    web: "Web",
    replaces: "Reemplaza a",
  },
  unknown: "desconocida",
  yes: "sí",
  no: "no",
  seenBy: (seen, read) =>
    `${seen} ${seen === 1 ? "nodo la tiene" : "nodos la tienen"}, ${read} la ${read === 1 ? "ha" : "han"} leído.`,
  missing: (names) => `Nada se oyó de: ${names}`,
  hearsay: "Según cuentan los vecinos; un nodo puede tenerla sin que lo sepamos.",
  statusLine: (active, unread) => `${active} ${active === 1 ? "activa" : "activas"}, ${unread} sin leer`,
  alerts: "Alertas",
};

/** Spanish when it was asked for, or when the rest of the words are. */
export function alertWordsFor(
  language: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): AlertWords {
  return speaksSpanish(env, language) ? SPANISH : ENGLISH;
}

/** One of CAP's words, plain. */
export function plainWord(words: AlertWords, word: string): string {
  return words.words[word] ?? word.toLowerCase();
}

/** `Severe (immediate, likely)` in people's words. */
export function gravity(words: AlertWords, { severity, urgency, certainty }: AlertRow): string {
  const [first, ...rest] = [severity, urgency, certainty].map((word) => plainWord(words, word));
  return `${first} (${rest.join(", ")})`;
}
