/** The logs in which firmware, kernel and init system tell what they measured before the agent. @module */

export interface BootLogs {
  /** TCG event log of the firmware; undefined when this machine has none. */
  readonly tcg: Uint8Array | undefined;
  /** The kernel's list, binary form. */
  readonly ima: Uint8Array | undefined;
  /** systemd's log, CEL as a JSON sequence. */
  readonly cel: Uint8Array | undefined;
}

export interface BootRecord {
  /** All three, each at most 16 MiB. @throws AgentError "BOOT_LOGS" when one is there and can't be read */
  logs(): Promise<BootLogs>;
  /** The kernel's name for this start of the machine: another one after each. 16 bytes. */
  bootId(): Promise<Uint8Array>;
}
