/** `caye support-bundle`: what who helps needs, in one file, without secrets. @module */
import { describeError, isAgentError, systemCode } from "../../kernel/errors.ts";
import { findAgent, type Shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { localChecks } from "../local-checks.ts";
import { placeFor, unwritable } from "../local-files.ts";
import { formatBytes, shellWord, table } from "../text.ts";

export interface BundleOptions {
  readonly output?: string;
  readonly lines: number;
  readonly json?: boolean;
}

/** What the agent tells to anybody on the machine. */
const REPORTS: Readonly<Record<string, string>> = {
  "status.json": "/v1/status",
  "agent-checks.json": "/v1/checks",
  "roster.json": "/v1/roster",
  "time.json": "/v1/time",
};
const METRICS_MS = 10_000;
const isAnything: Shape<unknown> = (value): value is unknown => value !== undefined;

export async function supportBundle(io: CliIo, options: BundleOptions): Promise<void> {
  const { file } = await placeFor(io, {
    name: "caye-support.tar.gz",
    output: options.output,
    command: "caye support-bundle",
  });
  const tools = await io.upkeepTools();
  const reports: Record<string, string> = {
    "version.json": jsonOf({ version: io.version, node: io.nodeVersion }),
    "checks.json": jsonOf([...(await localChecks(io)), ...(await tools.hardware())]),
    ...(await agentReports(io)),
  };
  const configPath = io.env["CAYE_CONFIG"] || undefined;
  const wish = { out: io.resolve(file), statePath: io.statePath(), configPath, version: io.version, reports };
  const report = await tools.bundle({ ...wish, journalLines: options.lines }).catch((error: unknown) => {
    if (isAgentError(error) || systemCode(error) === undefined) throw error;
    throw unwritable(file, error, "Name another place: caye support-bundle -o FILE");
  });
  if (options.json === true) return io.stdout(`${jsonOf(report)}\n`);
  const lost = report.missing.map(({ name, reason }) => [name, reason]);
  io.stdout(
    `${shellWord(report.file)}: ${formatBytes(report.bytes)}, ${report.entries.length} texts. Secrets were removed; its index.txt names all.\n` +
      (lost.length === 0 ? "" : `Not to be had here:\n${table(lost)}`),
  );
}

/** Without an agent the reason stands in their place. */
async function agentReports(io: CliIo): Promise<Readonly<Record<string, string>>> {
  try {
    const agent = await findAgent(io);
    const reports: Record<string, string> = {};
    for (const [name, path] of Object.entries(REPORTS)) {
      reports[name] = await agent.get(path, isAnything).then(jsonOf, unlessGone);
    }
    return { ...reports, "metrics.txt": await metrics(io) };
  } catch (error) {
    if (isAgentError(error)) return { "no-agent.txt": `${error.message}\n` };
    throw error;
  }
}

/** One answer that fails is told in its place; an agent that is gone, once. */
function unlessGone(error: unknown): string {
  if (isAgentError(error, "NO_AGENT")) throw error;
  return describeError(error);
}

async function metrics(io: CliIo): Promise<string> {
  try {
    const text = Buffer.from(await io.readFile(`${io.statePath()}/agent.json`, 4_096)).toString("utf8");
    const base = /"metrics"\s*:\s*"(http:\/\/[^"]+)"/.exec(text)?.[1];
    if (base === undefined) return "agent.json names no metrics page\n";
    const response = await io.fetch(`${base}/metrics`, { method: "GET", headers: {}, timeoutMs: METRICS_MS });
    return await response.text();
  } catch (error) {
    return `${describeError(error)}\n`;
  }
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
