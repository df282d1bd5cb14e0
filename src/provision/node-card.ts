/**
 * A node's card, for the wall beside it and for whoever looks after it: its name, its numbers, and the same as a QR code.
 * Public data only; the channels with their keys come on it when they are asked for, for a sheet that is kept like a key.
 * @module
 */
import type { RadioChannel } from "../ports/radio-setup.ts";
import { channelUrl } from "./channel-url.ts";
import { qrDrawing, qrText } from "./qr.ts";

export interface NodeCard {
  readonly name: string;
  readonly author: string;
  /** Of its radio; null when none was heard of. */
  readonly radio: number | null;
  readonly region: string;
  readonly preset: string;
  /** Empty when it has none, or is not known any more. */
  readonly channelName: string;
  /** Empty when only the node itself reaches it. */
  readonly api: string;
  readonly language: "en" | "es";
}

type Word = "title" | "name" | "radio" | "air" | "channel" | "author" | "api" | "none" | "local" | "secret" | "scan";

const WORDS: Readonly<Record<NodeCard["language"], Readonly<Record<Word, string>>>> = {
  en: {
    title: "Caye node",
    name: "Name",
    radio: "Radio",
    air: "On air",
    channel: "Channel",
    author: "Author",
    api: "Address",
    none: "not known yet",
    local: "on the node itself",
    secret: "KEEP THIS SHEET LOCKED AWAY",
    scan: "whoever scans it is on the village's channel",
  },
  es: {
    title: "Nodo Caye",
    name: "Nombre",
    radio: "Radio",
    air: "En el aire",
    channel: "Canal",
    author: "Autor",
    api: "Dirección",
    none: "aún no se conoce",
    local: "en el propio nodo",
    secret: "GUARDE ESTA HOJA BAJO LLAVE",
    scan: "quien la escanee está en el canal del pueblo",
  },
};

/** The same card twice gives the same bytes. @param channels to be on it with their keys; left out: without */
export function nodeCard(
  card: NodeCard,
  channels?: readonly RadioChannel[],
): { readonly text: string; readonly svg: string } {
  const words = WORDS[card.language];
  const rows = rowsOf(card, words);
  const codes = [publicCode(card), ...(channels === undefined ? [] : [channelUrl(channels, false)])];
  return { text: asText(card, rows, codes), svg: asSvg(card, rows, codes) };
}

type Rows = readonly (readonly [string, string])[];

function rowsOf(card: NodeCard, words: (typeof WORDS)["en"]): Rows {
  const { name, author, region, preset, channelName, api } = card;
  return [
    [words.name, name],
    [words.radio, numberOf(card) ?? words.none],
    [words.air, `${region}, ${preset}`],
    ...(channelName === "" ? [] : [[words.channel, channelName] as const]),
    [words.author, author],
    [words.api, api === "" ? words.local : api],
  ];
}

function numberOf({ radio }: NodeCard): string | undefined {
  return radio === null ? undefined : `!${radio.toString(16).padStart(8, "0")}`;
}

/**
 * What the QR code says, one field a line: nothing that is secret. In ASCII, other letters as `%C3%AD`: a code does not say
 * how its bytes are to be read, and readers guess wrongly.
 */
export function publicCode(card: NodeCard): string {
  const { name, author, region, preset, api } = card;
  const fields = [
    "caye-node 1",
    `name ${ascii(name)}`,
    `author ${/([0-9a-f]{16})\)?$/.exec(author)?.[1] ?? "-"}`,
    `radio ${numberOf(card) ?? "-"}`,
    `air ${region} ${preset}`,
    ...(api === "" ? [] : [`api ${api}`]),
  ];
  return fields.join("\n");
}

function ascii(text: string): string {
  return text.replace(/[^ -$&-~]+/gu, (letters) => encodeURIComponent(letters.toWellFormed()));
}

function asText(card: NodeCard, rows: Rows, [own = "", secret]: readonly string[]): string {
  const words = WORDS[card.language];
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, value]) => `${label.padEnd(width)}  ${value}`);
  const sheet = secret === undefined ? "" : `\n${words.secret}\n${words.scan}:\n${secret}\n\n${qrText(secret)}`;
  return `${words.title}\n\n${lines.join("\n")}\n\n${qrText(own)}${sheet}`;
}

const SIDE = 400;
const MARGIN = 24;
const LINE = 26;

function asSvg(card: NodeCard, rows: Rows, codes: readonly string[]): string {
  const words = WORDS[card.language];
  const notes = codes.length > 1 ? [words.secret, words.scan] : [];
  const texts = [words.title, ...rows.map(([label, value]) => `${label}: ${value}`), ...notes];
  const codesAt = MARGIN + LINE * (texts.length + 1);
  const height = codesAt + SIDE * codes.length + MARGIN;
  const lines = texts.map(
    (text, i) =>
      `<text x="${MARGIN}" y="${MARGIN + LINE * (i + 1)}" font-size="${i === 0 ? 22 : 16}">${escaped(text)}</text>`,
  );
  const drawings = codes.map((code, i) => {
    const { side, path } = qrDrawing(code);
    const place = `translate(${MARGIN} ${codesAt + SIDE * i}) scale(${(SIDE / side).toFixed(4)})`;
    return `<path transform="${place}" shape-rendering="crispEdges" d="${path}"/>`;
  });
  const width = SIDE + 2 * MARGIN;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<g font-family="sans-serif">${lines.join("")}</g>`,
    ...drawings,
    "</svg>\n",
  ].join("\n");
}

function escaped(text: string): string {
  const signs: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (sign) => signs[sign] ?? sign);
}
