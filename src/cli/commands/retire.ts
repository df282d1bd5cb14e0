/** `caye retire`: the end of a node. @module */
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { StatusReport } from "../../kernel/reports.ts";
import type { RetireReport } from "../../kernel/upkeep.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { printable, shellWord } from "../text.ts";

export interface RetireOptions {
  readonly yesWipe: string;
  readonly clearTpm?: boolean;
  readonly json?: boolean;
}

const isStatus = shape<StatusReport>("node", "author", "pid");

export async function retire(io: CliIo, { yesWipe, clearTpm = false, json }: RetireOptions): Promise<void> {
  const tools = await io.upkeepTools();
  const settings = await tools.settings();
  const status = await statusIfRunning(io);
  const node = status?.node ?? settings.node;
  if (yesWipe !== node) {
    throw new AgentError("RETIRE_NAME", `this node is called ${printable(node)}, not ${printable(yesWipe)}`, {
      fix: "Nothing was touched. Are you on the right machine?",
    });
  }
  const { groupKeyFile } = settings;
  const asked = { node, author: status?.author ?? "", pid: status?.pid, clearTpm, groupKeyFile };
  const report = await tools.retire({ ...asked, statePath: io.statePath() });
  if (report.failed.length > 0) io.setExitCode(1);
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : told(report, clearTpm));
}

async function statusIfRunning(io: CliIo): Promise<StatusReport | undefined> {
  try {
    return await (await findAgent(io)).get("/v1/status", isStatus);
  } catch (error) {
    if (isAgentError(error, "NO_AGENT")) return undefined;
    throw error;
  }
}

function told({ node, author, wiped, failed }: RetireReport, cleared: boolean): string {
  const lines = [
    ...wiped.map((what) => `Wiped: ${printable(what)}`),
    ...failed.map(({ what, reason }) => `Still there: ${printable(what)}: ${printable(reason)}`),
    "",
  ];
  if (failed.length > 0) return `${[...lines, "Not done: mend that, and type the same again."].join("\n")}\n`;
  const who = author === "" ? "ID (caye roster on any other node shows it)" : shellWord(author);
  const chip = cleared
    ? "What was sealed in the chip opens nowhere any more."
    : "With a TPM chip: --clear-tpm makes what was sealed in it useless, also on copies of the card.";
  return `${[
    ...lines,
    `${printable(node)} is retired. Now, at the authority:`,
    `  caye village revoke ${who} --authority village.authority`,
    "and a new group key for the village, if this machine's could have been read (docs/village.md).",
    "",
    "Flash keeps what was removed until it is written over, and sometimes longer: nobody can wipe a card for sure. The",
    `store on it is encrypted, and its key was removed. ${chip}`,
    "If the card held what must never be read: destroy it.",
  ].join("\n")}\n`;
}
