/** `caye entropy status` and `caye entropy enrol`: the running agent's sources of randomness. @module */
import type { EntropyJobReport, EntropyReport, EntropySourceReport } from "../../kernel/entropy-reports.ts";
import { AgentError } from "../../kernel/errors.ts";
import { type AgentClient, findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { CLEAR_LINE } from "../progress.ts";
import { clip, formatMs, printable } from "../text.ts";

export interface EntropyStatusOptions {
  readonly json?: boolean;
}

export interface EnrolOptions extends EntropyStatusOptions {
  readonly samples?: number;
  readonly source?: string;
}

const isEntropy = shape<EntropyReport>("state", "sources", "reseeds", "job");
const POLL_MS = 1_000;
const NEWS_EVERY_MS = 10_000;

const PHASES: Readonly<Record<EntropyJobReport["phase"], string>> = {
  reading: "samples read",
  assessing: "estimates made",
  gate: "pieces of 10000 assessed",
  done: "done",
  failed: "failed",
};

export async function entropyStatus(io: CliIo, { json }: EntropyStatusOptions): Promise<void> {
  const report = await (await findAgent(io)).get("/v1/entropy", isEntropy);
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
}

/** Begins it, and stays until it is done; Ctrl-C leaves the agent at it. */
export async function enrolSource(io: CliIo, { samples, source, json }: EnrolOptions): Promise<void> {
  const agent = await findAgent(io);
  const wish = { ...(samples === undefined ? {} : { samples }), ...(source === undefined ? {} : { source }) };
  const begun = await agent.post("/v1/entropy/enrol", wish, isEntropy);
  const report = await followed(io, agent, begun);
  const { job } = report;
  const enrolled = report.sources.find((one) => one.source === job?.source);
  if (job?.phase !== "done" || enrolled === undefined) {
    const { detail = "the agent knows of no enrolment any more", fix = "caye entropy status" } = job ?? {};
    throw new AgentError("ENTROPY_UNHEALTHY", `the source was not enrolled: ${detail}`, { fix });
  }
  if (json === true) io.stdout(`${JSON.stringify(enrolled.enrolment, null, 2)}\n`);
  else io.stdout(`${printable(job.source)} is enrolled: ${printable(job.detail)}\n${provesOf(enrolled)}`);
}

async function followed(io: CliIo, agent: AgentClient, begun: EntropyReport): Promise<EntropyReport> {
  const startedMs = io.monotonicMs();
  let shownMs = -Infinity;
  let report = begun;
  while (isUnderWay(report)) {
    const nowMs = io.monotonicMs();
    const line = `caye: ${jobLine(report.job)} (${formatMs(nowMs - startedMs)})`;
    if (io.isTty) io.stderr(CLEAR_LINE + clip(line, io.columns() - 1));
    else if (nowMs - shownMs >= NEWS_EVERY_MS) {
      io.stderr(`${line}\n`);
      shownMs = nowMs;
    }
    await io.sleep(POLL_MS);
    report = await agent.get("/v1/entropy", isEntropy);
  }
  if (io.isTty) io.stderr(CLEAR_LINE);
  return report;
}

function isUnderWay(report: EntropyReport): report is EntropyReport & { readonly job: EntropyJobReport } {
  return report.job !== null && report.job.phase !== "done" && report.job.phase !== "failed";
}

function jobLine({ kind, source, phase, done, total }: EntropyJobReport): string {
  return `${kind} ${printable(source)}: ${PHASES[phase]}: ${done} of ${total}`;
}

function textOf(report: EntropyReport): string {
  const { state, sources, reseeds, reseeded_s_ago, job, on_failure } = report;
  const ago = reseeded_s_ago === null ? "" : `, the last ${formatMs(reseeded_s_ago * 1000)} ago`;
  return [
    `${state === "healthy" ? "Healthy" : "DEGRADED"}; the generator was reseeded ${reseeds} times${ago}\n`,
    `When a source fails under trust.mode = "enforce": ${on_failure}\n\n`,
    ...sources.map(sourceText),
    job === null ? "" : `\nLatest work: ${jobLine(job)}${job.detail === "" ? "" : `: ${printable(job.detail)}`}\n`,
    job === null || job.fix === "" ? "" : `  fix: ${printable(job.fix)}\n`,
  ].join("");
}

function sourceText(source: EntropySourceReport): string {
  const { ok, state, required, detail, fix, serial, firmware, samples, failures, assessed, threshold } = source;
  const { bits_per_sample: bits, claimed_bits: claimed, enrolment } = source;
  const device = [serial === null ? "" : `serial ${serial}`, firmware === null ? "" : `firmware ${firmware}`];
  const known = device.filter((part) => part !== "").join(", ");
  const lines = [
    `${ok ? "✓" : "✗"} ${source.source}  ${state}${required ? "" : " (nobody asked for it; mixed in where it is there)"}`,
    ...(known === "" ? [] : [known]),
    ...(detail === "" ? [] : [detail]),
    ...(fix === "" ? [] : [`fix: ${fix}`]),
    `${samples} samples tested since the start, ${failures} failures`,
    ...(claimed === null ? [] : [`${claimed} bits claimed of ${bits ?? 8} a sample`]),
    ...(assessed === null || threshold === null
      ? []
      : [`10000 samples assessed at ${assessed.toFixed(2)} bits a sample, the least is ${threshold.toFixed(2)}`]),
    enrolment === null ? "not enrolled: caye entropy enrol" : enrolmentLine(enrolment),
  ];
  const [first = "", ...rest] = lines.map(printable);
  return `${first}\n${rest.map((line) => `    ${line}\n`).join("")}${indented(provesOf(source))}`;
}

function enrolmentLine({ at_ms, samples, assessed, check }: NonNullable<EntropySourceReport["enrolment"]>): string {
  const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  const since = check === null ? "" : `; checked ${day(check.at_ms)}: ${check.assessed.toFixed(3)}`;
  return `enrolled ${day(at_ms)}: ${samples} samples assessed at ${assessed.toFixed(3)} bits a sample${since}`;
}

function provesOf({ raw }: EntropySourceReport): string {
  return raw === false ? "Its samples are conditioned: figures of them prove nothing about the source.\n" : "";
}

function indented(text: string): string {
  return text === "" ? "" : `    ${text}`;
}
