/** `caye selftest`: whether the cryptography of this machine still gives the known answers. @module */
import { describeError, isAgentError } from "../../kernel/errors.ts";
import { recordOf, type SelfTestRecord, type SelfTestResult } from "../../kernel/selftest.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { formatMs, table } from "../text.ts";

export interface SelfTestOptions {
  readonly full?: boolean;
  readonly json?: boolean;
}

const FIX =
  "Nothing that this machine signs, seals or verifies can be trusted. Test its memory, and install Caye and its Node afresh.";

/** Exit code 1 when an answer is wrong. A full report goes into the log of the agent that runs here, if one does. */
export async function selfTest(io: CliIo, { full, json }: SelfTestOptions): Promise<void> {
  const tools = await io.selfTestTools();
  const startedMs = io.monotonicMs();
  const record = recordOf(full === true ? tools.full() : tools.powerUp());
  const took = formatMs(io.monotonicMs() - startedMs);
  io.stdout(json === true ? `${JSON.stringify(record, null, 2)}\n` : textOf(record, took));
  if (full === true) await keep(io, record);
  if (!record.report.ok) {
    io.stderr(`caye: ${FIX}\n`);
    io.setExitCode(1);
  }
}

/** What was found stands on the screen already: that nobody keeps it is no failure. */
async function keep(io: CliIo, record: SelfTestRecord): Promise<void> {
  try {
    const agent = await findAgent(io);
    await agent.post("/v1/selftest", record, shape<{ readonly sha256: string }>("sha256"));
    io.stderr("caye: the agent has the report in its log\n");
  } catch (error) {
    if (!isAgentError(error)) throw error;
    const nobody = ["NO_AGENT", "STATE_UNSET"].includes(error.code);
    io.stderr(`caye: the report is in no agent's log: ${nobody ? "none is running here" : describeError(error)}\n`);
  }
}

function textOf({ report, sha256 }: SelfTestRecord, took: string): string {
  const wrong = report.tests.filter(({ failed }) => failed.length > 0);
  const verdict =
    wrong.length === 0
      ? `All ${report.tests.length} tests hold (${took}, Node ${report.node}).`
      : `${wrong.length} of ${report.tests.length} tests FAILED (${took}, Node ${report.node}).`;
  const rows = [["test", "cases", "result", "known answers of"], ...report.tests.map(rowOf)];
  return `${table(rows, [1])}\n${verdict}\nReport, SHA-256: ${sha256}\n`;
}

/** More names than this help nobody. */
const MAX_NAMES = 5;

function rowOf({ name, cases, failed, source }: SelfTestResult): string[] {
  const names = failed.length > MAX_NAMES ? [...failed.slice(0, MAX_NAMES), "…"] : failed;
  const result = failed.length === 0 ? "ok" : `FAILED ${failed.length}: ${names.join(", ")}`;
  return [name, String(cases), result, source === "" ? "–" : source];
}
