/** `caye put`, `caye ls` and `caye log`. @module */
import type { FilesReport, LogReport, LogRow, PutReport } from "../../kernel/reports.ts";
import type { HandoverReport } from "../../kernel/village.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { readLocal } from "../local-files.ts";
import { formatBytes, printable, table } from "../text.ts";
import type { Words } from "../words.ts";

const isPut = shape<PutReport>("cid", "name", "bytes", "seq", "by_air");
const isFiles = shape<FilesReport>("files");
const isLog = shape<LogReport>("authors", "entries");

export interface PutOptions {
  readonly json?: boolean;
  readonly name?: string;
}

export async function put(io: CliIo, words: Words, file: string, options: PutOptions): Promise<void> {
  const agent = await findAgent(io);
  const bytes = await readLocal(io, file);
  const name = options.name ?? file.split("/").findLast((part) => part !== "") ?? file;
  const report = await agent.post(`/v1/files?name=${encodeURIComponent(name)}`, bytes, isPut);
  if (options.json === true) io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  else io.stdout(storedText(words, report));
}

/** With the next step for a file that will not go by radio: else people wait for it in vain. */
function storedText(words: Words, { name, bytes, cid, by_air }: PutReport): string {
  const stored = words.stored(printable(name), formatBytes(bytes), cid);
  return by_air ? `${stored}\n` : `${stored}\n${words.notByAir(`caye export ${cid}`)}\n`;
}

export async function ls(io: CliIo, words: Words, options: { readonly json?: boolean }): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.get("/v1/files", isFiles);
  if (options.json === true) {
    io.stdout(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const { name, size, author, held, cid } = words.columns;
  const rows = report.files.map((row) => [
    row.name,
    formatBytes(row.bytes),
    row.held ? words.yes : words.no,
    row.standing === undefined || row.standing === "enrolled" ? row.author : `${row.author} [${row.standing}]`,
    row.cid ?? row.ref,
  ]);
  io.stdout(rows.length === 0 ? `${words.noFiles}\n` : table([[name, size, held, author, cid], ...rows], [1]));
}

export interface LogOptions {
  readonly json?: boolean;
  readonly limit: number;
}

export async function log(io: CliIo, words: Words, options: LogOptions): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.get(`/v1/log?limit=${options.limit}`, isLog);
  if (options.json === true) {
    io.stdout(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  if (report.entries.length === 0) {
    io.stdout(`${words.noEntries}\n`);
    return;
  }
  const { author, seq, name, size, cid, head } = words.columns;
  const rows = report.entries.map((row) => [
    row.author,
    String(row.seq),
    entryText(words, row),
    row.kind === "file" ? formatBytes(row.bytes) : "",
    row.cid ?? row.prefix ?? "",
    row.head.slice(0, 16),
  ]);
  const authors = report.authors.map(({ author, entries, verified }) =>
    printable(verified ? words.verified(author, entries) : words.unverified(author, entries)),
  );
  io.stdout(
    `${table([[author, seq, name, size, cid, head], ...rows], [1, 3])}\n${[...authors, ...handoverLines(words, report.handovers)].join("\n")}\n`,
  );
}

function entryText(words: Words, { kind, name }: LogRow): string {
  if (kind === "file") return name;
  if (kind === "handover") return words.endsHere(name);
  return { author: words.introduces, ignored: words.ignored, other: words.unknownKind }[kind];
}

export function handoverLines(words: Words, handovers: readonly HandoverReport[]): readonly string[] {
  return handovers.map(({ from, to, ignored, contested }) =>
    printable(contested ? words.contested(from, to) : words.goesOn(from, to, ignored)),
  );
}
