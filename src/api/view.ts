/**
 * What the API needs of the agent. The composition root provides it; every method may throw an AgentError, whose code
 * decides the HTTP status (`failure.ts`).
 * @module
 */
import type {
  ChecksReport,
  FilesReport,
  GetReport,
  ImportReport,
  LogReport,
  PutReport,
  QuoteReport,
  StatusReport,
} from "../kernel/reports.ts";
import type { AlertsView } from "./alerts-view.ts";
import type { BackupView } from "./backup.ts";
import type { BoardView } from "./board.ts";
import type { EntropyView } from "./entropy.ts";
import type { AttestView } from "./attest.ts";
import type { KeysView } from "./keys.ts";
import type { TimeView } from "./time.ts";
import type { VillageView } from "./village.ts";

/** A transfer under way: `id` is 1 … 64 of `A–Z a–z 0–9 _ -`. */
export interface StartedGet {
  readonly id: string;
  readonly report: GetReport;
}

/** What may come next under `trust.mode = "enforce"`: paths on the node's own disk. */
export interface PlannedUpdate {
  readonly code: string | undefined;
  readonly config: string | undefined;
  /** Today's state stays accepted until the change is confirmed. */
  readonly wayBack?: boolean;
}

/** Answer to a planned update: the PCR value, in hex, that the store will open with besides today's. */
export interface AllowReport {
  readonly allowed: true;
  readonly pcr: number;
  readonly value: string;
}

/**
 * In quarantine `status`, `checks`, `quote` and approvals still answer; everything that touches data or radio throws AgentError
 * "QUARANTINE".
 */
export interface AgentView {
  readonly alerts: AlertsView;
  readonly village: VillageView;
  readonly keys: KeysView;
  readonly attest: AttestView;
  readonly entropy: EntropyView;
  readonly board: BoardView;
  readonly backup: BackupView;
  readonly time: TimeView;
  status(): Promise<StatusReport>;
  checks(): Promise<ChecksReport>;
  files(): Promise<FilesReport>;
  /** @param limit newest entries, 1 … 10,000 */
  log(limit: number): Promise<LogReport>;
  /** Resolves once the file is on disk. @throws AgentError "NAME_INVALID", "DISK_FULL", "FILE_TOO_LARGE" */
  put(name: string, bytes: Uint8Array): Promise<PutReport>;
  /** @param now no hour of the policy holds it up @throws AgentError "NOT_FOUND" when no author known here offers that name or CID */
  startGet(nameOrCid: string, now?: boolean): Promise<StartedGet>;
  /** Undefined when no such transfer is known (any more). */
  transfer(id: string): Promise<GetReport | undefined>;
  /** All bytes of a file, each block checked; undefined unless all are held. @param cid canonical CIDv1 text */
  content(cid: string): Promise<Uint8Array | undefined>;
  /**
   * The file with all of its blocks as a CARv1 archive, the same bytes each time. Undefined for what is no CID of ours.
   * @throws AgentError "FILE_MISSING" unless every block is held
   */
  exportCar(cid: string): Promise<Uint8Array | undefined>;
  /**
   * Takes in an archive; with a name the file is announced as by {@link put}. Resolves once all is on disk.
   * @throws AgentError "CAR_INVALID": nothing was stored; and what {@link put} throws
   */
  importCar(archive: Uint8Array, name: string | undefined): Promise<ImportReport>;
  /** @param nonce 16 … 32 bytes; a fresh one is drawn when undefined */
  quote(nonce: Uint8Array | undefined): Promise<QuoteReport>;
  allowUpdate(update: PlannedUpdate): Promise<AllowReport>;
}
