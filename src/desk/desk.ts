/**
 * Answers the agent's operators, through the API. In quarantine it tells its state, and keeps data and radio shut.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type {
  ChecksReport,
  FileRow,
  FilesReport,
  GetReport,
  ImportReport,
  LogReport,
  PutReport,
  QuoteReport,
  StatusReport,
} from "../kernel/reports.ts";
import type { AgentView, AllowReport, PlannedUpdate, StartedGet } from "../api/view.ts";
import { refOf } from "../dag/block-ref.ts";
import { parseCid } from "../dag/cid.ts";
import { MAX_AIR_BYTES } from "../exchange/files/policy.ts";
import { AlertsDesk } from "./alerts.ts";
import { AttestDesk } from "./attest-desk.ts";
import { BackupDesk } from "./backup-desk.ts";
import { BoardDesk } from "./board-desk.ts";
import { EntropyDesk } from "./entropy-desk.ts";
import { exportArchive, importArchive } from "./archives.ts";
import { checks } from "./checks.ts";
import { handoverReports } from "./handovers.ts";
import { KeysDesk } from "./keys-desk.ts";
import { authorLabel } from "./author-label.ts";
import type { DeskParts, OpenParts } from "./parts.ts";
import { statusReport } from "./status.ts";
import { TimeDesk } from "./time-desk.ts";
import { startGet, transferReport } from "./transfers.ts";
import { VillageDesk, standingOf } from "./village.ts";
import { verifiedLogs } from "./verified-logs.ts";

export class Desk implements AgentView {
  readonly alerts: AlertsDesk;
  readonly village: VillageDesk;
  readonly keys: KeysDesk;
  readonly attest: AttestDesk;
  readonly entropy: EntropyDesk;
  readonly backup: BackupDesk;
  readonly time: TimeDesk;
  readonly board: BoardDesk;
  readonly #parts: DeskParts;
  #verifying: Promise<ReadonlySet<string>> | undefined;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.alerts = new AlertsDesk(parts, () => this.#open());
    this.keys = new KeysDesk(parts.keys, () => this.#open().shard);
    this.village = new VillageDesk(parts, () => this.#open());
    this.attest = new AttestDesk(parts, () => this.#open());
    this.entropy = new EntropyDesk(parts);
    this.time = new TimeDesk(parts);
    this.backup = new BackupDesk(parts, () => this.#open());
    this.board = new BoardDesk(parts);
  }

  status(): Promise<StatusReport> {
    return Promise.resolve(statusReport(this.#parts));
  }

  async checks(): Promise<ChecksReport> {
    return { checks: await checks(this.#parts) };
  }

  async files(): Promise<FilesReport> {
    const files: FileRow[] = [];
    const { membership, shard } = this.#open();
    for await (const { name, cid, ref, prefix, bytes, author, authorName, held } of shard.files()) {
      const label = { author: authorLabel(authorName, author), ...standingOf(membership, author) };
      files.push({ name, cid: cid?.toString() ?? null, ref, prefix: toHex(prefix), bytes, ...label, held });
    }
    return { files };
  }

  async log(limit: number): Promise<LogReport> {
    const { shard } = this.#open();
    const rows = await shard.log(limit);
    const verified = await this.#verified(shard);
    return {
      authors: shard.authors().map(({ id, name, count }) => ({
        author: authorLabel(name, id),
        entries: count,
        verified: verified.has(id),
      })),
      handovers: await handoverReports(shard),
      entries: rows.map(({ author, authorName, seq, kind, name, cid, prefix, bytes, head }) => ({
        author: authorLabel(authorName, author),
        seq,
        kind,
        name,
        cid: cid?.toString() ?? null,
        prefix: prefix === undefined ? null : toHex(prefix),
        bytes,
        head: toHex(head),
      })),
    };
  }

  async put(name: string, bytes: Uint8Array): Promise<PutReport> {
    const { shard, exchange } = this.#open();
    const { cid, seq } = await shard.putFile(name, bytes);
    exchange.announce();
    return { cid: cid.toString(), name, bytes: bytes.length, seq, by_air: bytes.length <= MAX_AIR_BYTES };
  }

  async startGet(nameOrCid: string, now?: boolean): Promise<StartedGet> {
    return startGet(this.#parts, this.#open(), nameOrCid, now);
  }

  async transfer(id: string): Promise<GetReport | undefined> {
    return transferReport(this.#open(), id);
  }

  async content(cid: string): Promise<Uint8Array | undefined> {
    const { shard } = this.#open();
    const parsed = parseCid(cid);
    return parsed === undefined ? undefined : shard.readFile(refOf(parsed));
  }

  async exportCar(cid: string): Promise<Uint8Array | undefined> {
    return exportArchive(this.#open(), cid);
  }

  async importCar(archive: Uint8Array, name: string | undefined): Promise<ImportReport> {
    return importArchive(this.#open(), archive, name);
  }

  quote(nonce: Uint8Array | undefined): Promise<QuoteReport> {
    return this.#parts.trust.quote(nonce);
  }

  async allowUpdate(update: PlannedUpdate): Promise<AllowReport> {
    this.#open();
    return this.#parts.trust.allowUpdate(update);
  }

  /** Who asks while it is under way shares the answer: it reads all logs, and anybody on this machine may ask. */
  async #verified(shard: OpenParts["shard"]): Promise<ReadonlySet<string>> {
    this.#verifying ??= verifiedLogs(shard);
    try {
      return await this.#verifying;
    } finally {
      this.#verifying = undefined;
    }
  }

  #open(): OpenParts {
    const { open, quarantine } = this.#parts;
    if (open !== undefined) return open;
    throw new AgentError("QUARANTINE", `data and radio are shut: ${quarantine}`, {
      fix: "`caye doctor` says which step failed, and what to do about it.",
    });
  }
}
