/**
 * Sets the machine's clock to what the node knows: the agent itself may not (`ProtectClock`). Run by a person as root, or by
 * `caye-clock.service`, which has CAP_SYS_TIME alone.
 * @module
 */
import { z } from "zod";
import { fromUtf8, utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { type ClockApplied, TIME_SOURCES, type TimeReport } from "../kernel/time.ts";
import type { Machine } from "../ports/machine.ts";
import { decodeLastTime, LAST_TIME_FILE } from "./time-keeper.ts";
import { estimateTime, stepOf } from "./time-policy.ts";
import { machineClocks, ORIGIN_FILE, REPORT_FILE } from "./time-sources.ts";

const HARDWARE_ERROR_S = 60;
/** The agent looks every minute. */
const FRESH_S = 180;

export interface ApplyOptions {
  /** What the agent says; undefined when none is running: then the state's file and the hardware clock speak. */
  readonly report: TimeReport | undefined;
  readonly statePath: string;
  readonly machineS: number;
  readonly maxAheadS: number;
}

/** @throws AgentError "NOT_ROOT", "CLOCK_STUCK" */
export async function applyTime(machine: Machine, options: ApplyOptions): Promise<ClockApplied> {
  const report = options.report ?? (await published(machine, options)) ?? (await offline(machine, options));
  const step = stepOf(report);
  const { source, machine_s: fromS } = report;
  if (step.kind === "leave") return { changed: false, reason: step.reason, source, from_s: fromS, to_s: fromS };
  const date = `@${step.toS}`;
  const ran = await machine.run("date", ["--utc", `--set=${date}`], { timeoutMs: 5_000 });
  // The unit is not root: it has the one capability that it takes.
  if (ran.status !== 0 && !machine.isRoot()) {
    throw new AgentError("NOT_ROOT", "only root may set the machine's clock", { fix: "sudo caye time apply" });
  }
  if (ran.status !== 0) {
    throw new AgentError("CLOCK_STUCK", `the clock could not be set: ${ran.stderr.trim() || "date failed"}`, {
      fix: "in a container the clock belongs to the host",
    });
  }
  await machine.write(ORIGIN_FILE, utf8(`${source}\n`));
  // Of the hardware clock only what somebody vouches for: it counts more than a radio at the next start.
  if (source === "operator") await machine.run("hwclock", ["--systohc", "--utc"], { timeoutMs: 10_000 });
  return { changed: true, reason: step.reason, source, from_s: fromS, to_s: step.toS };
}

const reportShape = z.object({
  set: z.boolean(),
  source: z.enum(TIME_SOURCES),
  machine_s: z.int(),
  estimate_s: z.int(),
  uncertainty_s: z.int().nullable(),
  bound_s: z.int(),
  bound_by: z.string(),
  detail: z.string(),
});

/** What the agent told last; undefined where that is older than a few minutes, or none of ours. */
async function published(machine: Machine, { machineS }: ApplyOptions): Promise<TimeReport | undefined> {
  const bytes = await machine.read(REPORT_FILE).catch(() => undefined);
  const report = reportShape.safeParse(parsed(bytes));
  if (!report.success) return undefined;
  const agoS = machineS - report.data.machine_s;
  if (agoS < 0 || agoS > FRESH_S) return undefined;
  const estimate = Math.floor(report.data.estimate_s + agoS);
  return { ...report.data, machine_s: Math.floor(machineS), estimate_s: estimate, refused: [], fix: "" };
}

function parsed(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(fromUtf8(bytes ?? new Uint8Array()) ?? "");
  } catch {
    return undefined;
  }
}

async function offline(machine: Machine, { statePath, machineS, maxAheadS }: ApplyOptions): Promise<TimeReport> {
  const last = decodeLastTime(await machine.read(`${statePath}/${LAST_TIME_FILE}`).catch(() => undefined));
  const { networkSynced, hardwareS } = await machineClocks(machine);
  const hardware = { source: "hardware-clock", atS: hardwareS ?? 0, ageS: 0, errorS: HARDWARE_ERROR_S } as const;
  const network = { source: "network", atS: machineS, ageS: 0, errorS: 1 } as const;
  const own = { source: "machine", atS: machineS, ageS: 0, errorS: 3_600 } as const;
  return estimateTime({
    machineS,
    claims: [...(networkSynced ? [network] : []), ...(hardwareS === undefined ? [] : [hardware]), own],
    bounds: last === undefined ? [] : [{ by: "this node knew it to be later", atS: last }],
    signedS: [],
    ownSignedS: 0,
    maxAheadS,
  });
}
