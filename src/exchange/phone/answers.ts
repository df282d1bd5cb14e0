/**
 * What is answered, as one text before it is split. Pure: everything that it says is handed over.
 * @module
 */
import { SEVERITIES, type Severity } from "../../alert/cap.ts";
import type { Notice, NoticeText } from "../../alert/notice.ts";
import type { FileRow } from "../../dag/shard.ts";
import { fromUtf8 } from "../../kernel/bytes.ts";
import { nearest } from "../../kernel/nearest.ts";
import { SENTENCES } from "./sentences.ts";
import { fold, type Language } from "./words.ts";

/** Files on one page of a list: two or three texts. */
export const PAGE_FILES = 12;
/** Alerts that are told; who has more has other worries. */
const MAX_ALERTS = 10;
const MAX_NEIGHBOURS = 12;
const MAX_SUGGESTIONS = 3;
/** Of a name that the person wrote, as it is given back. */
const MAX_ECHO = 32;

export type PhoneFile = Pick<FileRow, "name" | "bytes" | "held" | "ref">;

export interface PhoneAlert {
  readonly notice: Notice;
  readonly trusted: boolean;
  /** Undefined when nobody knows. */
  readonly leftMs: number | undefined;
  /** For the order among equals, the newest first. */
  readonly sentUnixS: number;
}

export interface Listing {
  readonly body: string;
  /** The files of the page, and the number of the first of them. */
  readonly first: number;
  readonly files: readonly PhoneFile[];
}

/** @param cut true when there may be more files than these */
export function listAnswer(
  files: readonly PhoneFile[],
  { word, page: asked, cut }: { readonly word: string; readonly page: number; readonly cut: boolean },
  language: Language,
): Listing {
  const say = SENTENCES[language];
  const found = files
    .filter(({ name }) => word === "" || fold(name).includes(word))
    .toSorted((a, b) => Number(b.held) - Number(a.held) || compare(fold(a.name), fold(b.name)));
  if (found.length === 0) {
    return { body: word === "" ? say.noFiles : say.noFilesWith(clip(word)), first: 1, files: [] };
  }
  const pages = Math.ceil(found.length / PAGE_FILES);
  const page = Math.min(asked, pages);
  const first = (page - 1) * PAGE_FILES + 1;
  const shown = found.slice(first - 1, first - 1 + PAGE_FILES);
  const rows = shown.map(({ name, bytes, held }, i) => `${first + i} ${name} ${size(bytes)}${held ? "" : say.away}`);
  const next = page < pages ? `${say.nextPage(clip(word), page + 1)} ` : "";
  const head = say.list(`${found.length}${cut ? "+" : ""}`, page, pages);
  return { body: [`${head}:`, ...rows, `${next}${say.howToGet}`].join("\n"), first, files: shown };
}

/** The file that a person means by a name: exactly, without case and accents, without its ending, or by a part of it. */
export function findNamed<F extends PhoneFile>(
  files: readonly F[],
  name: string,
): { readonly file: F } | { readonly near: readonly string[] } {
  const wanted = fold(name);
  const named = files.map((file) => ({ file, folded: fold(file.name) }));
  const rules: readonly ((folded: string) => boolean)[] = [
    (folded) => folded === wanted,
    (folded) => folded.replace(/\.[^.]{1,5}$/, "") === wanted,
    (folded) => folded.startsWith(wanted),
    (folded) => folded.includes(wanted),
  ];
  for (const rule of rules) {
    const fits = named.filter(({ folded }) => rule(folded));
    const names = [...new Set(fits.map(({ file }) => file.name))];
    if (names.length > 1) return { near: names.slice(0, MAX_SUGGESTIONS) };
    const best = fits.find(({ file }) => file.held) ?? fits[0];
    if (best !== undefined) return { file: best.file };
  }
  const near = nearest(wanted, [...new Set(named.map(({ folded }) => folded))]);
  return {
    near: named
      .filter(({ folded }) => folded === near)
      .map(({ file }) => file.name)
      .slice(0, 1),
  };
}

/** The content as a text for people; undefined when it is none. */
export function plainText(content: Uint8Array): string | undefined {
  const text = fromUtf8(content)
    ?.replace(/^\uFEFF/, "")
    .replaceAll(/\r\n?/g, "\n")
    .replaceAll("\t", " ");
  return text === undefined || /[^\P{Cc}\n]/u.test(text) ? undefined : text.replaceAll(/\p{Cf}/gu, keepsShape);
}

/** What joins letters stays; what hides or turns text goes. */
function keepsShape(character: string): string {
  return character === "\u200C" || character === "\u200D" ? character : "";
}

/** The name stands before the content: whatever a file says, no node takes it for a question. */
export function fileAnswer(name: string, text: string, language: Language): string {
  return text.trim() === "" ? SENTENCES[language].empty(name) : `${name}:\n${text.trim()}`;
}

/** The most severe first, then what was taken back; those of strangers behind all others. */
export function alertsAnswer(alerts: readonly PhoneAlert[], language: Language): string {
  const say = SENTENCES[language];
  if (alerts.length === 0) return say.noAlerts;
  const sorted = alerts.toSorted(
    (a, b) =>
      Number(b.trusted) - Number(a.trusted) ||
      Number(a.notice.msgType === "Cancel") - Number(b.notice.msgType === "Cancel") ||
      rank(a.notice.severity) - rank(b.notice.severity) ||
      b.sentUnixS - a.sentUnixS,
  );
  const rows = sorted.slice(0, MAX_ALERTS).map((alert) => alertLine(alert, language));
  return [`${say.alerts(alerts.length)}:`, ...rows].join("\n");
}

function alertLine({ notice, trusted, leftMs }: PhoneAlert, language: Language): string {
  const say = SENTENCES[language];
  const text = textIn(notice.texts, language);
  const isOver = notice.msgType === "Cancel";
  const what = isOver ? say.cancelled : say.severity[notice.severity];
  const marks = [trusted ? "" : say.unverified, say.status[notice.status], what];
  // A cancel repeats what the alert said: nobody is to do it any more.
  const todo = isOver ? [] : [text?.instruction, text?.description];
  const words = [text?.event, text?.headline, ...todo, text?.areaDescs.join(", ")];
  const told = words.filter((one) => one !== undefined && one !== "").map((one) => sentence(one ?? ""));
  const left = leftMs === undefined || isOver ? "" : say.left(duration(leftMs));
  return `${marks.filter((mark) => mark !== "").join(" ")}: ${[...new Set([...told, left])].join(" ").trim()}`;
}

function textIn(texts: readonly NoticeText[], language: Language): NoticeText | undefined {
  return texts.find((text) => text.language.toLowerCase().startsWith(language)) ?? texts[0];
}

export interface WhoFacts {
  readonly node: string;
  readonly neighbours: readonly { readonly name: string; readonly agoMs: number }[];
  readonly authors: number;
  readonly files: number;
}

export function whoAnswer({ node, neighbours, authors, files }: WhoFacts, language: Language): string {
  const say = SENTENCES[language];
  const latest = neighbours.toSorted((a, b) => a.agoMs - b.agoMs).slice(0, MAX_NEIGHBOURS);
  const rows = latest.map(({ name, agoMs }) => `${name} (${say.ago(duration(agoMs))})`);
  if (neighbours.length > latest.length) rows.push(`+${neighbours.length - latest.length}`);
  const heard = rows.length === 0 ? say.heardNobody : say.heard(rows.join(", "));
  return [say.iAm(node), heard, say.holdings(authors, files)].join("\n");
}

/** `900 B`, `1.5 kB`, `23 kB`, `4 MB` */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  const [unit, name] = bytes < 1_000_000 ? [1000, "kB"] : [1_000_000, "MB"];
  const amount = bytes / unit;
  return `${amount < 10 ? Number(amount.toFixed(1)) : Math.round(amount)} ${name}`;
}

/** `5 min`, `3 h`, `2 d` */
function duration(ms: number): string {
  const minutes = Math.max(1, Math.round(ms / 60_000));
  if (minutes < 120) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} d`;
}

/** What a person wrote, short enough to be given back. */
export function clip(text: string): string {
  const characters = Array.from(text);
  return characters.length <= MAX_ECHO ? text : `${characters.slice(0, MAX_ECHO).join("")}…`;
}

function sentence(text: string): string {
  const line = text.replaceAll(/\s+/gu, " ").trim();
  return /[.!?…]$/.test(line) ? line : `${line}.`;
}

function rank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
