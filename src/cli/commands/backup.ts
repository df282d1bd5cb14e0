/** `caye backup …` and `caye restore`: all that a node holds, closed to a key, and back. @module */
import { fromUtf8 } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type {
  BackupAgent,
  BackupContents,
  BackupKind,
  BackupLock,
  BackupProgress,
  BackupReport,
  BackupVerdict,
} from "../../kernel/upkeep.ts";
import { findAgent, shape } from "../agent-client.ts";
import type { CliIo } from "../io.ts";
import { placeFor, readLocal, save } from "../local-files.ts";
import { CLEAR_LINE } from "../progress.ts";
import { formatBytes, printable, shellWord, table } from "../text.ts";

const PROGRESS_EVERY_MS = 1_000;
const MAX_CONFIG_BYTES = 1_048_576;
const isContents = shape<BackupContents>("node", "author", "items");
const isVerdict = shape<BackupVerdict>("verdict", "detail");

interface LockOptions {
  readonly key?: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export interface BackupOptions extends LockOptions {
  readonly out?: string;
  readonly keep?: number;
  readonly skipAbsent?: boolean;
}

export interface RestoreOptions extends LockOptions {
  readonly configOut?: string;
  readonly enrolments?: boolean;
  readonly announce?: boolean;
}

export interface KeysOptions {
  readonly out: string;
  readonly passphraseFile?: string;
  readonly json?: boolean;
}

export async function backup(io: CliIo, options: BackupOptions): Promise<void> {
  const tools = await io.upkeepTools();
  const settings = (await tools.settings()).backup;
  const out = io.resolve(options.out ?? demandPlace(settings.directory));
  const flaw = options.out === undefined ? await tools.backup.flawOf(out) : undefined;
  if (flaw !== undefined && options.skipAbsent === true) return skipped(io, flaw, options);
  if (flaw !== undefined) throw new AgentError("BACKUP_PLACE", flaw, { fix: "mount the stick, or: --out FILE|DIR" });
  const key = options.key ?? (options.passphraseFile === undefined ? settings.keyFile || undefined : undefined);
  const lock = await lockOf(io, { ...options, ...(key !== undefined && { key }) });
  const agent = await backupAgent(io);
  const progress = progressOf(io, "saved");
  const configuration = await ownConfiguration(io);
  const keep = options.keep ?? settings.keep;
  const report = await tools.backup.make(agent, { out, lock, keep, configuration, onProgress: progress.show });
  progress.end();
  io.stdout(options.json === true ? `${JSON.stringify(report, null, 2)}\n` : saved(report));
}

export async function backupKeys(io: CliIo, { out, passphraseFile, json }: KeysOptions): Promise<void> {
  const passphrase = passphraseFile === undefined ? undefined : await passphraseIn(io, passphraseFile);
  const files = (await io.upkeepTools()).backup.keys(passphrase);
  const place = (name: string, mode: number) =>
    placeFor(io, { name, output: name, command: undefined }).then((found) => ({ ...found, mode }));
  const secret = await save(io, await place(`${out}.secret`, 0o600), files.secret);
  const open = await save(io, await place(`${out}.pub`, 0o644), files.public);
  if (json === true) return io.stdout(`${JSON.stringify({ public: open, secret }, null, 2)}\n`);
  io.stdout(
    `${open}: bring it to the nodes, for example as /etc/caye/backup.pub.\n` +
      `${secret}: opens every backup that is closed to it. Keep it away from the nodes, and a copy elsewhere.\n`,
  );
}

export async function backupCheck(io: CliIo, file: string, options: LockOptions): Promise<void> {
  const tools = await io.upkeepTools();
  const report = await tools.backup.check(io.resolve(file), await lockOf(io, options));
  if (options.json === true) return io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  const when = report.at_s === 0 ? "by a clock that was not set" : new Date(1000 * report.at_s).toISOString();
  io.stdout(
    `Whole: ${formatBytes(report.bytes)}, of ${printable(report.node)} (${report.author}), ${when}, Caye ${printable(report.version)}.\n` +
      `${kinds(report.items)}${report.configuration ? "With its configuration.\n" : ""}`,
  );
}

export async function restore(io: CliIo, file: string, options: RestoreOptions): Promise<void> {
  const tools = await io.upkeepTools();
  const lock = await lockOf(io, options);
  const agent = await backupAgent(io);
  const progress = progressOf(io, "taken in");
  const report = await tools.backup.restore(agent, {
    file: io.resolve(file),
    lock,
    enrolments: options.enrolments === true,
    announce: options.announce === true,
    configuration: options.configOut === undefined ? undefined : io.resolve(options.configOut),
    onProgress: progress.show,
  });
  progress.end();
  const lost = report.refused.filter(({ kind }) => kind !== "enrolment");
  if (lost.length > 0) io.setExitCode(1);
  if (options.json === true) return io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  const rows = report.refused.map(({ kind, id, detail }) => [kind, id, detail]);
  io.stdout(
    `Taken in from ${report.from}, by ${report.author}:\n${kinds(report.taken)}Here already:\n${kinds(report.known)}` +
      (rows.length === 0 ? "" : `Not taken:\n${table(rows)}`) +
      (report.configuration === "" ? "" : `The configuration of then: ${shellWord(report.configuration)}\n`),
  );
}

async function backupAgent(io: CliIo): Promise<BackupAgent> {
  const agent = await findAgent(io);
  const query = (item: Readonly<Record<string, string | undefined>>): string => {
    const known = Object.entries(item).filter((pair): pair is [string, string] => pair[1] !== undefined);
    return new URLSearchParams(known).toString();
  };
  return {
    contents: () => agent.getSecret("/v1/backup", isContents),
    item: async (item) => {
      try {
        return await agent.bytes(`/v1/backup/item?${query({ ...item })}`);
      } catch (error) {
        if (error instanceof AgentError && error.code === "NOT_FOUND") return undefined;
        throw error;
      }
    },
    take: (item, bytes) => agent.post(`/v1/backup/item?${query({ ...item })}`, new Uint8Array(bytes), isVerdict),
  };
}

async function lockOf(io: CliIo, { key, passphraseFile }: LockOptions): Promise<BackupLock> {
  const passphrase = passphraseFile === undefined ? undefined : await passphraseIn(io, passphraseFile);
  if (key !== undefined) return { kind: "key", file: await readLocal(io, key, 16_384), passphrase };
  if (passphrase !== undefined) return { kind: "passphrase", passphrase };
  throw new AgentError("USAGE", "a backup is closed to a key, or by a passphrase: none is named", {
    fix: "--key FILE (caye backup keys makes one), or --passphrase-file FILE, or [backup] key_file in the configuration",
  });
}

async function passphraseIn(io: CliIo, file: string): Promise<string> {
  const text = fromUtf8(await readLocal(io, file, 4_096))?.replace(/\r?\n$/, "") ?? "";
  if (text.length >= 12 && !text.includes("\n")) return text;
  throw new AgentError("PASSPHRASE_WEAK", `${file} holds no passphrase: one line of 12 characters at least`, {
    fix: "six words that nobody would guess together are a good one",
  });
}

/** As it lies on the disk; undefined where the agent has none of its own. */
async function ownConfiguration(io: CliIo): Promise<Uint8Array | undefined> {
  const path = io.env["CAYE_CONFIG"] ?? "";
  return path === "" ? undefined : readLocal(io, path, MAX_CONFIG_BYTES);
}

function demandPlace(directory: string): string {
  if (directory !== "") return directory;
  throw new AgentError("USAGE", "nothing says where the backup goes", {
    fix: "--out FILE|DIR, or [backup] directory in the configuration",
  });
}

function skipped(io: CliIo, reason: string, { json }: BackupOptions): void {
  io.stdout(json === true ? `${JSON.stringify({ skipped: reason }, null, 2)}\n` : `No backup this time: ${reason}.\n`);
}

interface Shown {
  readonly show: (progress: BackupProgress) => void;
  readonly end: () => void;
}

/** A line a second; on a terminal one that overwrites itself. */
function progressOf(io: CliIo, verb: string): Shown {
  let shownMs = io.monotonicMs();
  const end = (): void => void (io.isTty && io.stderr(CLEAR_LINE));
  return {
    show: ({ done, total, bytes }) => {
      if (io.monotonicMs() - shownMs < PROGRESS_EVERY_MS) return;
      shownMs = io.monotonicMs();
      const line = `${done} of ${total} ${verb}, ${formatBytes(bytes)}`;
      io.stderr(io.isTty ? `${CLEAR_LINE}${line}` : `${line}\n`);
    },
    end,
  };
}

function saved({ file, bytes, items, removed }: BackupReport): string {
  const gone = removed.length === 0 ? "" : `Removed, as they were older: ${removed.map(printable).join(", ")}\n`;
  return `${shellWord(file)}: ${formatBytes(bytes)}\n${kinds(items)}${gone}`;
}

function kinds(items: Readonly<Record<BackupKind, number>>): string {
  const { statement, log, alert, enrolment, file } = items;
  const parts = [`${statement} statements`, `${log} logs`, `${alert} alerts`, `${enrolment} records of chips`];
  return `  ${parts.join(", ")}, ${file} files\n`;
}
