/** `caye bootstrap`: what a card orders of this node, made so. @module */
import type { AttestRequestReport } from "../../kernel/attest-reports.ts";
import type { AgentDoor, BootstrapReport, BootstrapStep } from "../../kernel/bootstrap.ts";
import { copyBytes } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { StatusReport } from "../../kernel/reports.ts";
import type { RequestReport, StatementReport } from "../../kernel/village.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { printable } from "../text.ts";

export interface BootstrapOptions {
  readonly card?: string;
  readonly order?: string;
  readonly withChannel?: boolean;
  readonly json?: boolean;
}

/** Beside 1, failed: the node is sound, and waits for something outside. */
const WAITING = 4;

const isStatus = shape<StatusReport>("node", "state", "trust", "radio");
const isRequest = shape<RequestReport>("id", "name", "request");
const isAttestRequest = shape<AttestRequestReport>("id", "name", "request");
const isStatement = shape<StatementReport>("verdict");

export async function bootstrapNode(io: CliIo, { card, order, withChannel, json }: BootstrapOptions): Promise<void> {
  if (card === undefined && order === undefined) {
    throw new AgentError("USAGE", "what is to be made of this node is not said", {
      fix: "caye bootstrap --card /boot/firmware, or --order FILE",
    });
  }
  const tools = await io.bootstrapTools();
  const request = {
    card: card && io.resolve(card).replace(/\/+$/, ""),
    order: order && io.resolve(order),
    withChannel: withChannel === true,
  };
  const tell = (step: BootstrapStep): void => {
    if (json !== true) io.stdout(lineOf(step));
  };
  const report = await io.untilStopped((signal) => tools.bootstrap(request, doorOf(io), tell, signal));
  io.stdout(json === true ? `${JSON.stringify(report, null, 2)}\n` : endOf(report));
  if (report.result !== "done") io.setExitCode(report.result === "waiting" ? WAITING : 1);
}

/** Found anew each time: the agent is stopped and started meanwhile. */
function doorOf(io: CliIo): AgentDoor {
  return {
    status: async () => (await findAgent(io)).get("/v1/status", isStatus),
    villageRequest: async () => (await findAgent(io)).getSecret("/v1/village/request", isRequest),
    attestRequest: async () => (await findAgent(io)).getSecret("/v1/attest/request", isAttestRequest),
    join: async (file) => (await findAgent(io)).post("/v1/village/statements", copyBytes(file), isStatement),
  };
}

const MARKS: Readonly<Record<BootstrapStep["state"], string>> = {
  done: "done   ",
  unchanged: "as it is",
  waiting: "WAITS  ",
  failed: "FAILED ",
  skipped: "skipped",
};

/** In plain ASCII marks: the same lines stand in the card's PROVISION-FAILED.txt. */
function lineOf({ step, state, detail, code, fix }: BootstrapStep): string {
  const what = `${step.padEnd(8)}${MARKS[state].padEnd(10)}${printable(detail)}\n`;
  if (code === "") return what;
  return `${what}        ${code}: ${fix.split("\n").map(printable).join(" ")}\n`;
}

function endOf({ result, node, steps }: BootstrapReport): string {
  const name = printable(node);
  if (result === "done") {
    const changed = steps.some(({ state }) => state === "done");
    return changed ? `${name} is set up.\n` : `${name} is set up; nothing had to be changed.\n`;
  }
  const open = steps.find(({ state }) => state === result);
  const why =
    open === undefined ? "" : ` at ${open.step}: ${printable(open.detail)} (${open.code})\n${printable(open.fix)}`;
  return result === "waiting" ? `${name} waits${why}\n` : `${name} is not set up; it failed${why}\n`;
}
