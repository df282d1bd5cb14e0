/** `caye allow-update`: lets the store open after a planned change of code or configuration. @module */
import { AgentError } from "../../kernel/errors.ts";
import type { ApprovalReport } from "../../kernel/keys.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { readLocal } from "../local-files.ts";
import { printable } from "../text.ts";
import type { Words } from "../words.ts";

export interface AllowOptions {
  readonly json?: boolean;
  readonly code?: string;
  readonly config?: string;
  readonly approval?: string;
  readonly wayBack?: boolean;
}

interface Allowed {
  readonly allowed: true;
  readonly pcr: number;
  readonly value: string;
}

const isApproval = shape<ApprovalReport>("verdict", "digest");
const isAllowed = shape<Allowed>("allowed", "pcr", "value");

export async function allowUpdate(io: CliIo, words: Words, options: AllowOptions): Promise<void> {
  const { code, config, approval } = options;
  if (approval !== undefined) {
    if (code === undefined && config === undefined) return handIn(io, approval, options);
    throw new AgentError("USAGE", "hand in an approval by itself: it says what will change");
  }
  if (code === undefined && config === undefined) {
    throw new AgentError("USAGE", "say what will change: --code DIR, --config FILE or both; or --approval FILE", {
      fix: "caye allow-update --config caye-new.toml",
    });
  }
  const agent = await findAgent(io);
  const body = {
    ...(code === undefined ? {} : { code: io.resolve(code) }),
    ...(config === undefined ? {} : { config: io.resolve(config) }),
    ...(options.wayBack === true ? { way_back: true } : {}),
  };
  const report = await agent.post("/v1/trust/allow", body, isAllowed);
  if (options.json === true) io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  else io.stdout(`${words.allowed(report.pcr, printable(report.value))}\n`);
}

/** What the village's authority approved opens the store, too, now or after the update. */
async function handIn(io: CliIo, file: string, { json }: AllowOptions): Promise<void> {
  const agent = await findAgent(io);
  const report = await agent.post("/v1/keys/approvals", await readLocal(io, file), isApproval);
  if (json === true) return io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  const known = report.verdict === "known" ? "It was here already. " : "";
  io.stdout(
    `${known}The store also opens in the approved state, ${printable(report.digest)}, from the next start on.\n`,
  );
}
