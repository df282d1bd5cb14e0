/** `caye time`: what a node without internet knows of the time, and setting the machine's clock to it. @module */
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { TimeReport } from "../../kernel/time.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { formatMs, printable } from "../text.ts";

const isReport = shape<TimeReport>("set", "source", "estimate_s", "bound_s");
const SOURCES = {
  network: "the network keeps it",
  operator: "somebody told it",
  "hardware-clock": "the hardware clock",
  machine: "the machine's own clock, which somebody has set",
  radio: "the radio",
  none: "nobody knows it",
} as const;

interface Json {
  readonly json?: boolean;
}

export interface SetOptions extends Json {
  readonly from?: string;
  readonly force?: boolean;
}

export async function time(io: CliIo, options: Json): Promise<void> {
  show(io, await (await findAgent(io)).get("/v1/time", isReport), options);
}

export async function timeSet(io: CliIo, typed: string, options: SetOptions): Promise<void> {
  const agent = await findAgent(io);
  const wish = { at_s: secondsOf(typed), from: options.from ?? "an operator", force: options.force === true };
  show(io, await agent.post("/v1/time", wish, isReport), options);
}

export async function timeApply(io: CliIo, { json }: Json): Promise<void> {
  const tools = await io.upkeepTools();
  const report = await reportIfRunning(io);
  const applied = await tools.applyTime(report);
  if (json === true) return io.stdout(`${JSON.stringify(applied, null, 2)}\n`);
  const { changed, reason, from_s: fromS, to_s: toS } = applied;
  io.stdout(
    changed ? `The clock was set from ${iso(fromS)} to ${iso(toS)}, ${reason}.\n` : `Left as it is: ${reason}.\n`,
  );
}

/** Without an agent the clock can be set all the same: that is how a machine starts. */
async function reportIfRunning(io: CliIo): Promise<TimeReport | undefined> {
  try {
    return await (await findAgent(io)).get("/v1/time", isReport);
  } catch (error) {
    if (isAgentError(error, "NO_AGENT")) return undefined;
    throw error;
  }
}

function show(io: CliIo, report: TimeReport, { json }: Json): void {
  if (json === true) return io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  const { set, source, uncertainty_s: off, detail, fix, refused } = report;
  const within = off === null ? "" : `, within ${formatMs(1000 * off)}`;
  const lines = [
    `Time:     ${set ? iso(report.estimate_s) : "unknown"} (${SOURCES[source]}${within})`,
    `Machine:  ${iso(report.machine_s)}`,
    `Certain:  not before ${iso(report.bound_s)}: ${report.bound_by}`,
    ...refused.map((each) => `Refused:  ${iso(each.at_s)}, by ${each.source}: ${each.reason}`),
    ...(detail === "" ? [] : [`${detail}${fix === "" ? "" : `: ${fix}`}`]),
  ];
  io.stdout(`${lines.map(printable).join("\n")}\n`);
}

/** ISO 8601 with a zone, or `@` and Unix time in s. */
function secondsOf(typed: string): number {
  const unix = /^@(\d{1,10})$/.exec(typed)?.[1];
  const isZoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:\d\d)$/.test(typed);
  const seconds = unix === undefined ? (isZoned ? Math.floor(Date.parse(typed) / 1000) : Number.NaN) : Number(unix);
  if (Number.isInteger(seconds) && seconds <= 4_294_967_295) return seconds;
  throw new AgentError("USAGE", `${typed} is no time with its zone`, {
    fix: "for example 2027-02-14T08:30-06:00, 2027-02-14T14:30Z, or @1802615400",
  });
}

function iso(seconds: number): string {
  return Number.isFinite(seconds) && Math.abs(seconds) < 8e12
    ? new Date(1000 * seconds).toISOString().replace(".000", "")
    : "never";
}
