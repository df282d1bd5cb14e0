/** What stands for the configuration in the node's measurement. @module */
import { utf8 } from "../kernel/bytes.ts";
import type { Config } from "./schema.ts";

/**
 * Its effect, so that a changed variable is a change too. How the log is written is left out: to look closer at a node
 * (`--json`, `CAYE_LOG_LEVEL=debug`) must not shut it.
 */
export function measuredConfig(config: Config): Uint8Array {
  return utf8(JSON.stringify({ ...config, log: undefined }));
}
