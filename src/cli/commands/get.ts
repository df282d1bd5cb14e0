/** `caye get`: fetches a file, over the radio when it must, and shows how far it is. @module */
import { createHash } from "node:crypto";
import { base32 } from "multiformats/bases/base32";
import { concatBytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { GetReport } from "../../kernel/reports.ts";
import { type AgentClient, findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { type Place, placeFor, save } from "../local-files.ts";
import { Progress, roughly } from "../progress.ts";
import { formatBytes, formatMs, printable, safeFileName, quoted } from "../text.ts";
import type { Words } from "../words.ts";

export interface GetOptions {
  readonly json?: boolean;
  readonly output?: string;
  /** Seconds; undefined waits as long as it takes. */
  readonly timeout?: number;
  /** No hour of the policy holds it up. */
  readonly now?: boolean;
}

interface Started {
  readonly id: string;
  readonly report: GetReport;
}

const POLL_MS = 500;
/** CIDv1, raw, sha2-256, 32 bytes. */
const RAW_CID_HEAD = Uint8Array.of(1, 0x55, 0x12, 32);

const isStarted = shape<Started>("id", "report");
const isGet = shape<GetReport>("cid", "name", "bytes", "packets", "state", "total", "wanted");

export async function get(io: CliIo, words: Words, target: string, options: GetOptions): Promise<void> {
  const agent = await findAgent(io);
  const started = await agent.post("/v1/gets", { target, ...(options.now === true ? { now: true } : {}) }, isStarted);
  // Before minutes on air are spent: is there a place for the file?
  const place = await placeOf(io, started.report, target, options.output);
  const report = await finished(io, words, agent, started, options);
  const { cid, packets, air_bytes, air_ms } = report;
  if (cid === null) throw new AgentError("CONTENT_WRONG", "the agent has the file but does not tell its CID");
  const bytes = await agent.bytes(`/v1/content/${cid}`);
  checkBytes(cid, report, bytes);
  const file = await save(io, place, bytes);
  if (options.json === true) {
    const result = { cid, name: report.name, bytes: bytes.length, packets, air_bytes, air_ms, file };
    io.stdout(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  const cost = packets === 0 ? words.heldAlready : words.airCost(packets, formatBytes(air_bytes), formatMs(air_ms));
  io.stdout(`${words.saved(file, formatBytes(bytes.length))}; ${cost}\n`);
}

function placeOf(io: CliIo, report: GetReport, target: string, output: string | undefined): Promise<Place> {
  const name = safeFileName(report.name) ?? safeFileName(report.cid ?? "") ?? "file";
  return placeFor(io, { name, output, command: `caye get ${quoted(printable(target))}` });
}

async function finished(
  io: CliIo,
  words: Words,
  agent: AgentClient,
  started: Started,
  { timeout }: GetOptions,
): Promise<GetReport> {
  if (started.report.state === "waiting") announceCost(io, words, started.report);
  const progress = new Progress(io, words);
  const startedMs = io.monotonicMs();
  try {
    let { report } = started;
    for (;;) {
      if (report.state === "done") return report;
      if (report.state === "failed") {
        throw new AgentError("GET_FAILED", `${nameOf(report)} did not arrive: ${report.detail}`, {
          fix: "Try again later: the pieces that came are kept.",
        });
      }
      if (report.state === "deferred") throw deferred(words, report);
      progress.show(report);
      if (timeout !== undefined && io.monotonicMs() - startedMs >= timeout * 1000) throw tooLate(report, timeout);
      await io.sleep(POLL_MS);
      report = await agent.get(`/v1/gets/${started.id}`, isGet);
    }
  } finally {
    progress.end();
  }
}

function nameOf({ name, cid }: GetReport): string {
  return name || (cid ?? "the file");
}

/** Before minutes of the village's air are spent. */
function announceCost(io: CliIo, words: Words, report: GetReport): void {
  const { estimate_ms = 0, estimate_share } = report;
  if (estimate_ms === 0) return;
  const share = estimate_share === undefined ? undefined : `${Math.max(1, Math.round(100 * estimate_share))} %`;
  io.stderr(`${words.estimate(printable(nameOf(report)), roughly(estimate_ms), share)}\n`);
}

/** Its time is not now: the agent sees to it, and nobody needs to wait here. */
function deferred(words: Words, report: GetReport): AgentError {
  const { detail, until_ms } = report;
  const when = until_ms === undefined ? "" : `, from ${new Date(until_ms).toISOString()} on`;
  return new AgentError("GET_DEFERRED", `${nameOf(report)} is fetched later${when}: ${detail}`, {
    fix: until_ms === undefined ? words.deferredForLink : words.deferredForHours,
  });
}

function tooLate(report: GetReport, timeout: number): AgentError {
  const why = report.detail === "" ? "" : ` (${report.detail})`;
  return new AgentError("GET_TIMEOUT", `${nameOf(report)} did not arrive within ${timeout} s${why}`, {
    fix: "The agent goes on fetching it: ask again later.",
  });
}

/** The agent checked every block; this checks the agent, where one hash covers all: a manifest's would need its blocks. */
function checkBytes(wanted: string, report: GetReport, bytes: Uint8Array): void {
  const cid = base32.encode(concatBytes(RAW_CID_HEAD, createHash("sha256").update(bytes).digest()));
  const raw = wanted.startsWith("bafkrei");
  if (bytes.length === report.bytes && (!raw || cid === wanted)) return;
  throw new AgentError(
    "CONTENT_WRONG",
    "what the agent handed over is not the file that was asked for; nothing was saved",
  );
}
