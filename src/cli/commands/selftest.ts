/** `caye selftest`: whether the cryptography of this machine still gives the known answers. @module */
import type { SelfTestRecord, SelfTestResult } from "../../kernel/selftest.ts";
import type { CliIo } from "../io.ts";
import { formatMs, table } from "../text.ts";

export interface SelfTestOptions {
  readonly full?: boolean;
  readonly json?: boolean;
}

const FIX =
  "Nothing that this machine signs, seals or verifies can be trusted. Test its memory, and install Caye and its Node afresh.";

/** Exit code 1 when an answer is wrong. */
export async function selfTest(io: CliIo, { full, json }: SelfTestOptions): Promise<void> {
  const tools = await io.selfTestTools();
  const startedMs = io.monotonicMs();
  const record = tools.recordOf(full === true ? tools.full() : tools.powerUp());
  const took = formatMs(io.monotonicMs() - startedMs);
  io.stdout(json === true ? `${JSON.stringify(record, null, 2)}\n` : textOf(record, took));
  if (!record.report.ok) {
    io.stderr(`caye: ${FIX}\n`);
    io.setExitCode(1);
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
