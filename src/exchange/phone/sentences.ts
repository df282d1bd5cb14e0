/**
 * What the node says to people, in English and Spanish. Short: each byte is airtime.
 * @module
 */
import type { Severity } from "../../alert/cap.ts";
import type { Notice } from "../../alert/notice.ts";
import type { Language } from "./words.ts";

export interface Sentences {
  readonly help: (node: string) => string;
  /** Nothing that we know. @param meant the nearest command */
  readonly unknown: (meant: string | undefined) => string;
  readonly tooOften: (minutes: number) => string;
  readonly failed: string;
  readonly more: string;
  readonly noMore: string;
  readonly noFiles: string;
  readonly noFilesWith: (word: string) => string;
  readonly list: (found: string, page: number, pages: number) => string;
  readonly nextPage: (word: string, page: number) => string;
  /** Behind a file that is not held here. */
  readonly away: string;
  readonly howToGet: string;
  readonly whichFile: string;
  readonly noFile: (name: string, near: readonly string[]) => string;
  readonly tooLong: (name: string, size: string, most: string) => string;
  readonly noText: (name: string, size: string) => string;
  readonly empty: (name: string) => string;
  readonly asking: (name: string, size: string, minutes: number) => string;
  readonly busy: string;
  readonly notCome: (name: string) => string;
  readonly damaged: (name: string) => string;
  readonly noAlerts: string;
  readonly alerts: (count: number) => string;
  readonly severity: Readonly<Record<Severity, string>>;
  readonly status: Readonly<Record<Notice["status"], string>>;
  readonly unverified: string;
  readonly cancelled: string;
  readonly left: (time: string) => string;
  readonly iAm: (node: string) => string;
  readonly heard: (neighbours: string) => string;
  readonly heardNobody: string;
  readonly holdings: (authors: number, files: number) => string;
  readonly ago: (time: string) => string;
}

export const SENTENCES: Readonly<Record<Language, Sentences>> = {
  en: {
    help: (node) =>
      `I am ${node}, a Caye node, and keep files and alerts. Send me: ls | ls WORD | get NAME | alerts | who | more | again 2. Español: ayuda`,
    unknown: (meant) =>
      meant === undefined
        ? "I am a machine and know few words. Send help for them. Español: ayuda"
        : `Did you mean "${meant}"? All words: help`,
    tooOften: (minutes) => `Too many questions, the air is shared. Ask again in ${minutes} min.`,
    failed: "Something went wrong here. Try again later.",
    more: "more: send more",
    noMore: "There is nothing more.",
    noFiles: "No files are known here yet.",
    noFilesWith: (word) => `No file with "${word}". All: ls`,
    list: (found, page, pages) =>
      `${found} ${found === "1" ? "file" : "files"}${pages > 1 ? `, page ${page}/${pages}` : ""}`,
    nextPage: (word, page) => `Next: ls ${word}${word === "" ? "" : " "}${page}.`,
    away: " (not here yet)",
    howToGet: "Get one: get NAME or get NUMBER.",
    whichFile: "Which file? Send get NAME. The names: ls",
    noFile: (name, near) =>
      `No file "${name}".${near.length === 0 ? " All: ls" : ` Did you mean: ${near.map((one) => `"${one}"`).join(", ")}?`}`,
    tooLong: (name, size, most) =>
      `${name} has ${size}, too long for texts (at most ${most}). At a computer beside a node: caye get`,
    noText: (name, size) => `${name} (${size}) is no plain text. At a computer beside a node: caye get`,
    empty: (name) => `${name} is empty.`,
    asking: (name, size, minutes) =>
      `${name} (${size}) is not here. Asking neighbours, about ${minutes} min. I send it when it comes; else try again.`,
    busy: "Many files are on their way already. Try again in a few minutes.",
    notCome: (name) => `${name} did not come. Try again later.`,
    damaged: (name) => `${name} can't be read here. Try another node.`,
    noAlerts: "No alerts now.",
    alerts: (count) => (count === 1 ? "1 alert" : `${count} alerts`),
    severity: { Extreme: "EXTREME", Severe: "SEVERE", Moderate: "Moderate", Minor: "Minor", Unknown: "Alert" },
    status: { Actual: "", Exercise: "DRILL", System: "SYSTEM", Test: "TEST" },
    unverified: "UNVERIFIED",
    cancelled: "CANCELLED",
    left: (time) => `For another ${time}.`,
    iAm: (node) => `I am ${node}, a Caye node.`,
    heard: (neighbours) => `Nodes heard: ${neighbours}.`,
    heardNobody: "No other nodes heard yet.",
    holdings: (authors, files) =>
      `Known: ${authors} ${authors === 1 ? "author" : "authors"}, ${files} ${files === 1 ? "file" : "files"}.`,
    ago: (time) => `${time} ago`,
  },
  es: {
    help: (node) =>
      `Soy ${node}, un nodo Caye: guardo archivos y alertas. Envíeme: lista | lista PALABRA | dame NOMBRE | alertas | quién | más | repite 2. English: help`,
    unknown: (meant) =>
      meant === undefined
        ? "Soy una máquina y sé pocas palabras. Envíe ayuda para verlas. English: help"
        : `¿Quiso decir "${meant}"? Todas las palabras: ayuda`,
    tooOften: (minutes) => `Demasiadas preguntas, el aire es de todos. Pregunte otra vez en ${minutes} min.`,
    failed: "Algo falló aquí. Pruebe más tarde.",
    more: "sigue: envíe más",
    noMore: "No hay más.",
    noFiles: "Aún no se conocen archivos aquí.",
    noFilesWith: (word) => `Ningún archivo con "${word}". Todos: lista`,
    list: (found, page, pages) =>
      `${found} ${found === "1" ? "archivo" : "archivos"}${pages > 1 ? `, página ${page}/${pages}` : ""}`,
    nextPage: (word, page) => `Siguiente: lista ${word}${word === "" ? "" : " "}${page}.`,
    away: " (aún no está aquí)",
    howToGet: "Para uno: dame NOMBRE o dame NÚMERO.",
    whichFile: "¿Qué archivo? Envíe dame NOMBRE. Los nombres: lista",
    noFile: (name, near) =>
      `No hay "${name}".${near.length === 0 ? " Todos: lista" : ` ¿Quiso decir ${near.map((one) => `"${one}"`).join(", ")}?`}`,
    tooLong: (name, size, most) =>
      `${name} tiene ${size}, demasiado para mensajes (máximo ${most}). En una computadora junto a un nodo: caye get`,
    noText: (name, size) => `${name} (${size}) no es texto. En una computadora junto a un nodo: caye get`,
    empty: (name) => `${name} está vacío.`,
    asking: (name, size, minutes) =>
      `${name} (${size}) no está aquí. Pregunto a los vecinos, unos ${minutes} min. Lo envío si llega; si no, pruebe otra vez.`,
    busy: "Ya vienen muchos archivos. Pruebe en unos minutos.",
    notCome: (name) => `${name} no llegó. Pruebe más tarde.`,
    damaged: (name) => `${name} no se puede leer aquí. Pruebe en otro nodo.`,
    noAlerts: "No hay alertas ahora.",
    alerts: (count) => (count === 1 ? "1 alerta" : `${count} alertas`),
    severity: { Extreme: "EXTREMA", Severe: "GRAVE", Moderate: "Moderada", Minor: "Leve", Unknown: "Alerta" },
    status: { Actual: "", Exercise: "SIMULACRO", System: "SISTEMA", Test: "PRUEBA" },
    unverified: "SIN VERIFICAR",
    cancelled: "ANULADA",
    left: (time) => `Por ${time} más.`,
    iAm: (node) => `Soy ${node}, un nodo Caye.`,
    heard: (neighbours) => `Nodos oídos: ${neighbours}.`,
    heardNobody: "Aún no se oye a otros nodos.",
    holdings: (authors, files) =>
      `Conocidos: ${authors} ${authors === 1 ? "autor" : "autores"}, ${files} ${files === 1 ? "archivo" : "archivos"}.`,
    ago: (time) => `hace ${time}`,
  },
};
