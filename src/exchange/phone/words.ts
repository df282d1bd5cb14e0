/**
 * What a person means who sends a text to this node: words in English and Spanish, whatever their case, accents and spaces.
 * Pure and total: any bytes are a question, something unknown, or nothing to answer.
 * @module
 */
import { fromUtf8 } from "../../kernel/bytes.ts";
import { nearest } from "../../kernel/nearest.ts";
import { isOwnText } from "./texts.ts";

export type Language = "en" | "es";

export type Question =
  | { readonly kind: "help" | "alerts" | "who" | "more" }
  /** `word` is folded, empty for all; `page` from 1. */
  | { readonly kind: "list"; readonly word: string; readonly page: number }
  /** As the person wrote it; empty when it was left out. */
  | { readonly kind: "get"; readonly name: string }
  /** Parts of the last answer by their numbers, 1 … 99; all that was sent last when none is named. */
  | { readonly kind: "again"; readonly parts: readonly number[] };

export type HeardText =
  /** `language` is undefined when the words are of no language. */
  | { readonly kind: "question"; readonly question: Question; readonly language: Language | undefined }
  /** `meant`: the command that is nearest, when the text may be one that was mistyped. */
  | { readonly kind: "unknown"; readonly meant: string | undefined }
  /** `own`: it reads like an answer of a node, so that two nodes never talk to each other. `wordless`: an emoji, a dot. */
  | { readonly kind: "ignored"; readonly why: "not_text" | "too_long" | "own" | "wordless" };

type Command = Question["kind"];

/** Of a text on the air (`DATA_PAYLOAD_LEN` of the firmware). */
const MAX_HEARD_BYTES = 237;
const MAX_PAGE = 999;
const MAX_PARTS = 16;
/** A command has few words more than it needs; a text of many is meant for a person. */
const MAX_SPARE_WORDS = 2;
/** A text of more words is no mistyped command. */
const MAX_MISTYPED_WORDS = 3;

const WORDS: ReadonlyMap<string, readonly [Command, Language | undefined]> = new Map([
  ...wordsFor("help", { none: "? info menu", en: "help hello hi", es: "ayuda hola" }),
  ...wordsFor("list", { none: "ls dir", en: "list files", es: "lista listar archivos" }),
  ...wordsFor("get", { none: "", en: "get fetch", es: "trae traer dame baja bajar" }),
  ...wordsFor("alerts", { none: "", en: "alerts alert", es: "alertas alerta" }),
  ...wordsFor("who", { none: "", en: "who", es: "quien quienes" }),
  ...wordsFor("more", { none: "+", en: "more", es: "mas sigue" }),
  ...wordsFor("again", { none: "", en: "again repeat", es: "repite repetir" }),
]);
/** Words to suggest: shorter ones are near to everything. */
const SUGGESTED = [...WORDS.keys()].filter((word) => word.length >= 3 || word === "ls");

/** Without case and accents, every run of spaces as one. */
export function fold(text: string): string {
  return text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase().replaceAll(/\s+/gu, " ").trim();
}

export function hearText(payload: Uint8Array): HeardText {
  if (payload.length > MAX_HEARD_BYTES) return { kind: "ignored", why: "too_long" };
  const text = fromUtf8(payload);
  if (text === undefined) return { kind: "ignored", why: "not_text" };
  const plain = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, " ").trim();
  if (isOwnText(plain)) return { kind: "ignored", why: "own" };
  if (!/[\p{L}\p{N}?+]/u.test(plain)) return { kind: "ignored", why: "wordless" };
  const [first = "", ...rest] = plain.split(" ");
  const word = bare(first);
  const [command, language] = WORDS.get(word) ?? [];
  const question = command === undefined ? undefined : questionOf(command, rest);
  if (question !== undefined) return { kind: "question", question, language };
  const mistyped = command === undefined && rest.length < MAX_MISTYPED_WORDS;
  return { kind: "unknown", meant: mistyped ? nearest(word, SUGGESTED) : undefined };
}

/** Undefined when the words behind the command say that it was none. */
function questionOf(command: Command, rest: readonly string[]): Question | undefined {
  if (command === "list") return listOf(rest);
  if (command === "get") return { kind: "get", name: unquoted(rest.join(" ")) };
  if (command === "again") return { kind: "again", parts: numbersIn(rest) };
  return rest.length > MAX_SPARE_WORDS ? undefined : { kind: command };
}

/** `ls`, `ls 2`, `ls tide`, `ls tide 2`. */
function listOf(rest: readonly string[]): Question {
  const last = /^[0-9]{1,3}$/.test(rest.at(-1) ?? "") ? Number(rest.at(-1)) : undefined;
  const words = last === undefined ? rest : rest.slice(0, -1);
  return { kind: "list", word: fold(unquoted(words.join(" "))), page: Math.min(Math.max(last ?? 1, 1), MAX_PAGE) };
}

function numbersIn(rest: readonly string[]): readonly number[] {
  const numbers = rest
    .flatMap((word) => word.split(/[,;/()]/))
    .filter((word) => /^[1-9][0-9]?$/.test(word))
    .map(Number);
  return [...new Set(numbers)].slice(0, MAX_PARTS);
}

/** A command without what people put around it: `/help`, `¿Quién?`, `ls.` */
function bare(word: string): string {
  const folded = fold(word);
  return /^[?¿]+$/.test(folded) ? "?" : folded.replaceAll(/^[/!¡¿.@"'“«]+|[?!.,;:"'”»]+$/gu, "");
}

function unquoted(text: string): string {
  return text
    .trim()
    .replaceAll(/^["'“”«»‘’`]+|["'“”«»‘’`]+$/gu, "")
    .trim();
}

function wordsFor(
  command: Command,
  words: Readonly<Record<"none" | Language, string>>,
): readonly (readonly [string, readonly [Command, Language | undefined]])[] {
  const of = (text: string, language: Language | undefined) =>
    text
      .split(" ")
      .filter((word) => word !== "")
      .map((word) => [word, [command, language]] as const);
  return [...of(words.none, undefined), ...of(words.en, "en"), ...of(words.es, "es")];
}
