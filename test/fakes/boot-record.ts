/** What a machine tells of its start, as a test wants it told. @module */
import { AgentError } from "../../src/kernel/errors.ts";
import type { BootLogs, BootRecord } from "../../src/ports/boot-logs.ts";

/** One machine. Change `boot` for another start, `logs` for what firmware and kernel tell. */
export class FakeRecord implements BootRecord {
  boot = 1;
  told: Partial<BootLogs> = {};
  /** Set to make the logs unreadable. */
  unreadable = false;

  async logs(): Promise<BootLogs> {
    if (this.unreadable) throw new AgentError("BOOT_LOGS", "the log can't be read", { fix: "let the agent read it" });
    return { tcg: undefined, ima: undefined, cel: undefined, ...this.told };
  }

  async bootId(): Promise<Uint8Array> {
    return new Uint8Array(16).fill(this.boot);
  }
}
