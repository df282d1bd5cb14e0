/** `caye doctor`: every check, with the fix; what can be seen from here, and what the agent sees when it runs. @module */
import { describeError, isAgentError } from "../../kernel/errors.ts";
import type { Check, ChecksReport } from "../../kernel/reports.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { localChecks } from "../local-checks.ts";
import { printable } from "../text.ts";
import type { Words } from "../words.ts";

const isChecks = shape<ChecksReport>("checks");

export async function doctor(io: CliIo, words: Words, options: { readonly json?: boolean }): Promise<void> {
  const agent = await agentChecks(io);
  const known = new Set(agent.map((check) => check.name));
  // Of what both can see, the agent knows better: it holds the device.
  const local = (await localChecks(io)).filter((check) => !known.has(check.name));
  const hardware = (await (await io.upkeepTools()).hardware()).filter((check) => !known.has(check.name));
  const checks = [...local, ...agent, ...hardware];
  const report: ChecksReport = { checks };
  io.stdout(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : checksText(checks, words));
  if (checks.some((check) => check.state === "FAIL")) io.setExitCode(1);
}

async function agentChecks(io: CliIo): Promise<readonly Check[]> {
  try {
    const agent = await findAgent(io);
    const { checks } = await agent.get("/v1/checks", isChecks);
    return [{ name: "agent", state: "OK", detail: "it runs and answers", fix: "" }, ...checks];
  } catch (error) {
    const fix = isAgentError(error) ? (error.fix ?? "") : "";
    const detail = isAgentError(error) ? error.message : describeError(error);
    return [{ name: "agent", state: "FAIL", detail, fix }];
  }
}

function checksText(checks: readonly Check[], words: Words): string {
  const widest = Math.max(...checks.map((check) => check.name.length));
  const lines = checks.map(({ name, state, detail, fix }) => {
    const line = `${state.padEnd(4)}  ${printable(name).padEnd(widest)}  ${printable(detail)}\n`;
    return fix === "" ? line : `${line}${" ".repeat(widest + 8)}${words.fix}: ${printable(fix)}\n`;
  });
  const fail = checks.filter((check) => check.state === "FAIL").length;
  const warn = checks.filter((check) => check.state === "WARN").length;
  const end = fail > 0 ? words.someFail(fail, warn) : warn > 0 ? words.someLimits(warn) : words.allWell;
  return `${lines.join("")}\n${end}\n`;
}
