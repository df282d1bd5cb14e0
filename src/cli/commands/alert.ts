/** `caye alert …`: sends, shows and follows alerts. @module */
import type {
  AlertDraft,
  AlertReport,
  AlertRow,
  AlertSeenReport,
  AlertsReport,
  SentAlertReport,
} from "../../kernel/alert-reports.ts";
import { type AgentClient, findAgent, shape } from "../agent-client.ts";
import { demandShort, demandWhole, secondsFromNow } from "../alert-typed.ts";
import { type AlertWords, alertWordsFor, gravity, plainWord } from "../alert-words.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { formatBytes, formatMs, printable, quoted, table } from "../text.ts";

export interface LanguageOptions {
  readonly json?: boolean;
  readonly lang?: string;
}

export interface SendOptions extends LanguageOptions {
  readonly severity?: string;
  readonly urgency?: string;
  readonly certainty?: string;
  readonly category?: readonly string[];
  readonly response?: readonly string[];
  readonly status?: string;
  readonly event?: string;
  readonly headline?: string;
  readonly instruction?: string;
  readonly area?: readonly string[];
  readonly polygon?: readonly string[];
  readonly circle?: readonly string[];
  readonly expires?: string;
  readonly onset?: string;
  readonly web?: string;
  readonly contact?: string;
  readonly sender?: string;
  readonly audience?: string;
  readonly note?: string;
  readonly msgType?: string;
  readonly references?: readonly string[];
}

const isAlerts = shape<AlertsReport>("alerts");
const isAlert = shape<AlertReport>("id", "state", "texts");
const isSent = shape<SentAlertReport>("alert", "bytes", "air_ms", "dropped", "cut");
const isSeen = shape<AlertSeenReport>("id", "nodes", "missing");

/** A headline is read at a glance: CAP advises no more. */
const MAX_HEADLINE_CHARACTERS = 160;

export async function sendAlert(io: CliIo, text: string | undefined, options: SendOptions): Promise<void> {
  const draft = draftOf(text, options);
  if ((options.msgType ?? "Alert") === "Alert") demandWhole(text, options);
  await post(io, draft, options);
}

export async function updateAlert(
  io: CliIo,
  id: string,
  text: string | undefined,
  options: SendOptions,
): Promise<void> {
  // The text is all of what happens now: what the old one said besides would stand beside it, and may contradict it.
  const anew = text === undefined ? {} : { description: "" };
  await post(io, { ...anew, ...draftOf(text, options), msg_type: "Update", references: [id] }, options);
}

export async function cancelAlert(io: CliIo, id: string, options: SendOptions): Promise<void> {
  await post(io, { msg_type: "Cancel", references: [id], ...only("note", options.note) }, options);
}

async function post(io: CliIo, draft: object, options: LanguageOptions): Promise<void> {
  const agent = await findAgent(io);
  tellSent(io, await agent.post("/v1/alerts", draft, isSent), options);
}

export async function importAlert(io: CliIo, file: string, options: SendOptions): Promise<void> {
  const agent = await findAgent(io);
  const xml = await readLocal(io, file);
  const query = (options.references ?? []).map((id) => `references=${encodeURIComponent(id)}`).join("&");
  tellSent(io, await agent.post(`/v1/alerts/cap${query === "" ? "" : `?${query}`}`, xml, isSent), options);
}

function tellSent(io: CliIo, sent: SentAlertReport, options: LanguageOptions): void {
  if (options.json === true) return json(io, sent);
  const words = alertWordsFor(options.lang, io.env);
  const { alert, bytes, air_ms, dropped, cut } = sent;
  const lines = [
    words.sent(alert.id, formatBytes(bytes), formatMs(air_ms)),
    ...(cut.length === 0 ? [] : [words.cut(cut.join(", "))]),
    ...(dropped.length === 0 ? [] : [words.dropped(dropped.join(", "))]),
  ];
  io.stdout(lines.map((line) => `${printable(line)}\n`).join(""));
}

export async function listAlerts(io: CliIo, options: LanguageOptions & { readonly all?: boolean }): Promise<void> {
  const agent = await findAgent(io);
  const { alerts } = await agent.get("/v1/alerts", isAlerts);
  const shown = options.all === true ? alerts : alerts.filter(({ state }) => state === "active");
  if (options.json === true) return json(io, { alerts: shown });
  const words = alertWordsFor(options.lang, io.env);
  if (shown.length === 0) return io.stdout(`${words.none}\n`);
  const { id, state, severity, event, area, until, author } = words.columns;
  const rows = shown.map((alert) => [
    alert.id,
    stateOf(words, alert),
    plainWord(words, alert.severity),
    titleOf(words, alert),
    alert.areas.join("; "),
    alert.expires === null ? words.unknown : local(alert.expires),
    alert.standing === "unverified" ? `${alert.author}: ${words.standing.unverified}` : alert.author,
  ]);
  io.stdout(table([[id, state, severity, event, area, until, author], ...rows]));
}

function stateOf(words: AlertWords, { state, acknowledged, standing, time_unsure }: AlertRow): string {
  const isNew = state === "active" && !acknowledged && standing !== "own";
  const shown = isNew ? words.unread : words.state[state];
  return time_unsure ? `${shown} ?` : shown;
}

/** A cancel carries the words of what it takes back: that must be seen before they are. */
function titleOf(words: AlertWords, { status, msg_type, event, headline }: AlertRow): string {
  const title = headline === "" ? event : `${event}: ${headline}`;
  return [words.exercise[status] ?? "", words.types[msg_type] ?? "", title].filter((part) => part !== "").join(" · ");
}

export async function showAlert(io: CliIo, id: string, options: LanguageOptions): Promise<void> {
  const agent = await findAgent(io);
  const alert = await agent.get(pathOf(id), isAlert);
  if (options.json === true) return json(io, alert);
  io.stdout(alertText(alert, alertWordsFor(options.lang, io.env), options.lang));
}

/** What people read first stands first: what, where, what to do. */
function alertText(alert: AlertReport, words: AlertWords, language: string | undefined): string {
  const { labels } = words;
  const spoken = alert.texts.find((text) => language !== undefined && text.language.startsWith(language));
  const texts = spoken === undefined ? alert.texts : [spoken];
  const parts = texts.flatMap((text) => [
    titleOf(words, { ...alert, event: text.event, headline: text.headline }),
    `${labels.area}: ${text.areas.join("; ")}`,
    ...labelled(labels.instruction, text.instruction),
    ...labelled("", text.description),
    ...labelled(labels.contact, text.contact),
    ...labelled(labels.web, text.web),
    "",
  ]);
  const standing =
    alert.standing === "unverified"
      ? `${alert.author}: ${words.standing.unverified}`
      : `${alert.author}, ${words.standing[alert.standing]}`;
  const lines = [
    `${alert.id}  ${stateOf(words, alert)}  ${gravity(words, alert)}`,
    "",
    ...parts,
    `${labels.sent}: ${alert.sent === null ? words.unknown : local(alert.sent)}`,
    `${labels.until}: ${alert.expires === null ? words.unknown : local(alert.expires)}`,
    `${labels.author}: ${standing}`,
    ...labelled(labels.replaces, alert.references.join(", ")),
    ...labelled(labels.note, alert.note),
    ...(alert.time_unsure ? [words.unsure] : []),
    ...(alert.full_file === null ? [] : [words.shortened(`caye get ${quoted(alert.full_file)}`)]),
  ];
  return lines
    .flatMap((line) => line.split("\n"))
    .map((line) => `${printable(line)}\n`)
    .join("");
}

function labelled(label: string, text: string): readonly string[] {
  if (text === "") return [];
  return [label === "" ? text : `${label}: ${text}`];
}

export async function acknowledgeAlert(io: CliIo, id: string, options: LanguageOptions): Promise<void> {
  const agent = await findAgent(io);
  const alert = await agent.post(`${pathOf(id)}/ack`, {}, isAlert);
  if (options.json === true) return json(io, alert);
  io.stdout(`${printable(alertWordsFor(options.lang, io.env).acknowledged(alert.id))}\n`);
}

export async function exportAlert(
  io: CliIo,
  id: string,
  options: LanguageOptions & { readonly output?: string },
): Promise<void> {
  const agent = await findAgent(io);
  const xml = await capXml(agent, id);
  const place = await placeFor(io, {
    name: `alert-${id}.cap.xml`,
    output: options.output,
    command: `caye alert export ${quoted(id)}`,
  });
  const file = await save(io, place, xml);
  if (options.json === true) return json(io, { id, bytes: xml.length, file });
  io.stdout(`${printable(alertWordsFor(options.lang, io.env).exported(id, file))}\n`);
}

function capXml(agent: AgentClient, id: string): Promise<Uint8Array<ArrayBuffer>> {
  return agent.bytes(`${pathOf(id)}/cap`);
}

export async function seenAlert(io: CliIo, id: string, options: LanguageOptions): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.get(`${pathOf(id)}/seen`, isSeen);
  if (options.json === true) return json(io, report);
  const words = alertWordsFor(options.lang, io.env);
  const { node, read, since } = words.columns;
  const rows = report.nodes.map((row) => [
    row.node,
    row.acknowledged ? words.yes : words.no,
    formatMs(row.since_s * 1000),
  ]);
  const readers = report.nodes.filter(({ acknowledged }) => acknowledged).length;
  const missing = report.missing.length === 0 ? "" : `${printable(words.missing(report.missing.join(", ")))}\n`;
  io.stdout(
    `${table([[node, read, since], ...rows])}${words.seenBy(report.nodes.length, readers)}\n${missing}${words.hearsay}\n`,
  );
}

function pathOf(id: string): string {
  return `/v1/alerts/${encodeURIComponent(id)}`;
}

function draftOf(text: string | undefined, options: SendOptions): AlertDraft | object {
  demandShort("the text", text);
  demandShort("--instruction", options.instruction);
  return {
    ...wordsOf(text, options),
    ...only("msg_type", options.msgType),
    ...only("references", options.references),
    ...only("severity", options.severity),
    ...only("urgency", options.urgency),
    ...only("certainty", options.certainty),
    ...only("categories", options.category),
    ...only("response_types", options.response),
    ...only("status", options.status),
    ...only("language", options.lang),
    ...only("event", options.event),
    ...only("instruction", options.instruction),
    ...only("areas", options.area),
    ...only("polygons", options.polygon),
    ...only("circles", options.circle),
    ...only("web", options.web),
    ...only("contact", options.contact),
    ...only("sender_name", options.sender),
    ...only("audience", options.audience),
    ...only("note", options.note),
    ...only("expires_in_s", options.expires === undefined ? undefined : secondsFromNow(options.expires, "--expires")),
    ...only("onset_in_s", options.onset === undefined ? undefined : secondsFromNow(options.onset, "--onset")),
  };
}

/** The first sentence is what people see at a glance. */
function wordsOf(text: string | undefined, { headline }: SendOptions): object {
  if (text === undefined) return only("headline", headline);
  if (headline !== undefined) return { headline, description: text };
  const [, first = text, rest = ""] = /^([\s\S]{8,}?[.!?])\s+([\s\S]+)$/.exec(text) ?? [];
  if (first.length > MAX_HEADLINE_CHARACTERS) return { description: text };
  return { headline: first, ...(rest === "" ? {} : { description: rest }) };
}

function only<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a computed key is only known as a string
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}

/** As the people here read a clock. */
function local(time: string): string {
  const date = new Date(time);
  const two = (number: number): string => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function json(io: CliIo, value: object): void {
  io.stdout(`${JSON.stringify(value, null, 2)}\n`);
}
