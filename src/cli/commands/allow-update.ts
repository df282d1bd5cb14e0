/** `caye allow-update`: lets the store open after a planned change of code or configuration. @module */
import { AgentError } from "../../kernel/errors.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { printable } from "../text.ts";
import type { Words } from "../words.ts";

export interface AllowOptions {
  readonly json?: boolean;
  readonly code?: string;
  readonly config?: string;
}

interface Allowed {
  readonly allowed: true;
  readonly pcr: number;
  readonly value: string;
}

const isAllowed = shape<Allowed>("allowed", "pcr", "value");

export async function allowUpdate(io: CliIo, words: Words, options: AllowOptions): Promise<void> {
  const { code, config } = options;
  if (code === undefined && config === undefined) {
    throw new AgentError("USAGE", "say what will change: --code DIR, --config FILE or both", {
      fix: "caye allow-update --config caye-new.toml",
    });
  }
  const agent = await findAgent(io);
  const body = {
    ...(code === undefined ? {} : { code: io.resolve(code) }),
    ...(config === undefined ? {} : { config: io.resolve(config) }),
  };
  const report = await agent.post("/v1/trust/allow", body, isAllowed);
  if (options.json === true) io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  else io.stdout(`${words.allowed(report.pcr, printable(report.value))}\n`);
}
