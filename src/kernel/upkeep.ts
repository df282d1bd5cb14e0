/**
 * What looks after a node: shapes that the commands, the agent's API and the room `upkeep/` share.
 * @module
 */
import type { Check } from "./reports.ts";
import type { ClockApplied, TimeReport } from "./time.ts";

/**
 * One thing that a backup holds besides its own head: entries of a log, an alert, a statement of the village's authority,
 * a record of a neighbour's chip, a file with its blocks. `id` names it to the agent: 1 … 120 of `A–Z a–z 0–9 / _ . -`.
 */
export interface BackupItem {
  readonly kind: BackupKind;
  readonly id: string;
  /** Of a file: what this node called it; left out for files of others. At most 64 bytes. */
  readonly name?: string | undefined;
}

export const BACKUP_KINDS = ["statement", "log", "alert", "enrolment", "file"] as const;
export type BackupKind = (typeof BACKUP_KINDS)[number];

/** A file of the largest size as an archive, with room. */
export const MAX_BACKUP_ITEM_BYTES = 80 * 1_048_576;

/** What an agent holds that can be taken in again, in the order in which that is done. */
export interface BackupContents {
  readonly node: string;
  /** 16 hex digits. */
  readonly author: string;
  readonly version: string;
  /** Unix time in s by the node's clock; 0 when it was never set. */
  readonly at_s: number;
  readonly items: readonly BackupItem[];
}

/** `refused`: it does not hold, or nobody may be believed here who signed it; `detail` says why. */
export interface BackupVerdict {
  readonly verdict: "new" | "known" | "refused";
  readonly detail: string;
}

/** The agent, as backup and restore see it. */
export interface BackupAgent {
  /** @throws AgentError "NO_AGENT", "QUARANTINE" */
  contents(): Promise<BackupContents>;
  /** Undefined when it is gone meanwhile. @throws AgentError */
  item(item: BackupItem): Promise<Uint8Array | undefined>;
  /** @throws AgentError when the agent itself fails ("DISK_FULL", …); what does not hold is a verdict */
  take(item: BackupItem, bytes: Uint8Array): Promise<BackupVerdict>;
}

/** What closes a backup: a public key's file, or a passphrase. What opens it: the secret key's file, perhaps with its passphrase. */
export type BackupLock =
  | { readonly kind: "key"; readonly file: Uint8Array; readonly passphrase?: string | undefined }
  | { readonly kind: "passphrase"; readonly passphrase: string };

export interface BackupProgress {
  readonly done: number;
  readonly total: number;
  readonly bytes: number;
}

export interface BackupReport {
  readonly file: string;
  readonly bytes: number;
  readonly node: string;
  readonly author: string;
  /** How many of each kind. */
  readonly items: Readonly<Record<BackupKind, number>>;
  /** Older backups of this node that were removed. */
  readonly removed: readonly string[];
}

export interface BackupCheckReport {
  readonly node: string;
  readonly author: string;
  readonly version: string;
  readonly at_s: number;
  readonly bytes: number;
  readonly items: Readonly<Record<BackupKind, number>>;
  readonly configuration: boolean;
}

export interface RestoreReport {
  /** Who wrote the backup, and who takes it in. */
  readonly from: string;
  readonly author: string;
  readonly taken: Readonly<Record<BackupKind, number>>;
  readonly known: Readonly<Record<BackupKind, number>>;
  readonly refused: readonly { readonly kind: BackupKind; readonly id: string; readonly detail: string }[];
  /** Where the configuration was written; empty when it was not. */
  readonly configuration: string;
}

export interface BackupWish {
  /** A file, or a directory: then a file of its own in it, named after node and time. */
  readonly out: string;
  readonly lock: BackupLock;
  /** In a directory: as many backups of this node are kept. */
  readonly keep: number;
  readonly configuration: Uint8Array | undefined;
  readonly onProgress: (progress: BackupProgress) => void;
}

export interface RestoreWish {
  readonly file: string;
  readonly lock: BackupLock;
  /** Records of chips are believed as they stand: only of a file whose whole way is known. */
  readonly enrolments: boolean;
  /** The node's own files are announced anew, by who restores: where its old log can't be taken in. */
  readonly announce: boolean;
  /** Where the configuration is written to; undefined: nowhere. */
  readonly configuration: string | undefined;
  readonly onProgress: (progress: BackupProgress) => void;
}

export interface BackupTools {
  /** Why a backup would land in the wrong place: no directory, or no stick mounted there; undefined when all is well. */
  flawOf(directory: string): Promise<string | undefined>;
  /** A new pair, as files: `secret` is closed by the passphrase when there is one. */
  keys(passphrase: string | undefined): { readonly public: Uint8Array; readonly secret: Uint8Array };
  /** @throws AgentError "BACKUP_KEY", "DISK_FULL", … : whatever stood there before then stands */
  make(agent: BackupAgent, wish: BackupWish): Promise<BackupReport>;
  /** Reads the whole file. @throws AgentError "BACKUP_DAMAGED", "BACKUP_KEY", "BACKUP_NEWER", "FILE_UNREADABLE" */
  check(file: string, lock: BackupLock): Promise<BackupCheckReport>;
  /** Checks the whole file first: a damaged one changes nothing. @throws as {@link check}, and what the agent throws */
  restore(agent: BackupAgent, wish: RestoreWish): Promise<RestoreReport>;
}

/** What the configuration says that a node has: a look at the hardware judges by it. */
export interface HardwareWish {
  /** A chip is configured, or may be: then its overlay is looked for. */
  readonly tpm: "chip" | "software" | "none" | "auto";
  /** Absolute. */
  readonly statePath: string;
  /** The radio's device URI, or `auto`. */
  readonly modem: string;
}

export interface BundleWish {
  readonly out: string;
  readonly statePath: string;
  readonly configPath: string | undefined;
  readonly version: string;
  /** JSON texts of the agent by their names, without secrets; those that could not be had are left out. */
  readonly reports: Readonly<Record<string, string>>;
  readonly journalLines: number;
}

export interface BundleReport {
  readonly file: string;
  readonly bytes: number;
  readonly entries: readonly { readonly name: string; readonly bytes: number; readonly source: string }[];
  readonly missing: readonly { readonly name: string; readonly reason: string }[];
}

export interface RetireWish {
  readonly node: string;
  readonly author: string;
  /** The agent's process; undefined when none was seen. */
  readonly pid: number | undefined;
  readonly statePath: string;
  /** Empty when there is none. */
  readonly groupKeyFile: string;
  /** Whatever else is sealed in that chip is lost, too. */
  readonly clearTpm: boolean;
}

export interface RetireReport {
  readonly node: string;
  /** To be revoked; empty when it could not be learnt. */
  readonly author: string;
  readonly wiped: readonly string[];
  readonly failed: readonly { readonly what: string; readonly reason: string }[];
}

/** What the node's configuration says of upkeep. */
export interface UpkeepSettings {
  /** The node's name. */
  readonly node: string;
  readonly groupKeyFile: string;
  readonly backup: { readonly directory: string; readonly keyFile: string; readonly keep: number };
  readonly hardware: HardwareWish;
}

export interface UpkeepTools {
  /** @throws AgentError "CONFIG_INVALID", "CONFIG_MISSING" */
  settings(): Promise<UpkeepSettings>;
  readonly backup: BackupTools;
  /** Looks, and changes nothing. A configuration that can't be read is no obstacle. */
  hardware(): Promise<readonly Check[]>;
  /** Never rejects: what could not be wiped is in the report. */
  retire(wish: RetireWish): Promise<RetireReport>;
  bundle(wish: BundleWish): Promise<BundleReport>;
  /**
   * Sets the machine's clock, where that is right. @param report the agent's; undefined without one
   * @throws AgentError "NOT_ROOT", "CLOCK_STUCK"
   */
  applyTime(report: TimeReport | undefined): Promise<ClockApplied>;
}
