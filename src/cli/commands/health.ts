/** `caye health`: whether the node does its work, as an exit code. @module */
import { describeError, isAgentError } from "../../kernel/errors.ts";
import { healthOf, noHealth, type HealthReport } from "../../kernel/health.ts";
import type { StatusReport } from "../../kernel/reports.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { formatMs, printable } from "../text.ts";

export interface HealthOptions {
  readonly json?: boolean;
  /** Seconds; 0: asks once. */
  readonly wait: number;
  readonly radio?: boolean;
}

const POLL_MS = 1_000;
const TELL_EVERY_MS = 10_000;
const isStatus = shape<StatusReport>("state", "version", "pid", "uptime_s", "trust", "radio");

/** Exit code 1 when it does not, 3 when no agent answers. */
export async function health(io: CliIo, { json, wait, radio }: HealthOptions): Promise<void> {
  const startedMs = io.monotonicMs();
  let toldMs = startedMs;
  let report = await look(io, radio === true);
  while (!report.healthy && io.monotonicMs() - startedMs < wait * 1000) {
    if (io.monotonicMs() - toldMs >= TELL_EVERY_MS) {
      toldMs = io.monotonicMs();
      io.stderr(`caye: not healthy yet (${formatMs(toldMs - startedMs)}): ${printable(report.reasons.join("; "))}\n`);
    }
    await io.sleep(POLL_MS);
    report = await look(io, radio === true);
  }
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : textOf(report));
  if (!report.healthy) io.setExitCode(report.state === "no-answer" ? 3 : 1);
}

async function look(io: CliIo, radio: boolean): Promise<HealthReport> {
  try {
    return healthOf(await (await findAgent(io)).get("/v1/status", isStatus), { radio });
  } catch (error) {
    if (!isAgentError(error) || error.code === "NOT_ALLOWED" || error.code === "STATE_UNSET") throw error;
    return noHealth(describeError(error));
  }
}

function textOf({ healthy, reasons, state, version, radio, uptime_s }: HealthReport): string {
  if (!healthy) return `Not healthy: ${printable(reasons.join("; "))}\n`;
  return `Healthy: caye ${printable(version)}, ${state}, radio ${printable(radio)}, up for ${formatMs(uptime_s * 1000)}\n`;
}
