/**
 * A backup of what a running node holds, and the way back. Never a copy of a state directory: whoever restores goes on as the
 * author that he is, and takes the old log in as somebody else's, so that no log ever comes in two versions.
 *
 * What comes back is judged like what comes from a neighbour: logs and alerts by their signatures, statements by the
 * authority's, files block by block.
 * @module
 */
import { AgentError, isAgentError, systemCode } from "../kernel/errors.ts";
import {
  BACKUP_KINDS,
  type BackupAgent,
  type BackupCheckReport,
  type BackupKind,
  type BackupLock,
  type BackupReport,
  type BackupTools,
  type BackupWish,
  type RestoreReport,
  type RestoreWish,
} from "../kernel/upkeep.ts";
import type { LongFiles } from "../ports/long-file.ts";
import type { Machine } from "../ports/machine.ts";
import type { Random } from "../ports/random.ts";
import { makeKeyFiles } from "./backup-keys.ts";
import {
  type BackupHead,
  type BackupRecord,
  configurationRecord,
  endRecord,
  headRecord,
  itemRecord,
  readRecords,
} from "./backup-records.ts";
import { olderThanKept, placeFlaw, placeOf } from "./backup-rotation.ts";
import { damaged, openStream, sealStream } from "./sealed-stream.ts";

export interface BackupPorts {
  readonly files: LongFiles;
  readonly machine: Pick<Machine, "list" | "read" | "remove" | "status" | "write">;
  readonly random: Random;
}

type Counts = Record<BackupKind, number>;

export function backupTools(ports: BackupPorts): BackupTools {
  return {
    flawOf: (directory) => placeFlaw(ports.machine, directory),
    keys: (passphrase) => makeKeyFiles(ports.random, passphrase),
    make: (agent, wish) => makeBackup(ports, agent, wish),
    check: (file, lock) => checkBackup(ports, file, lock),
    restore: (agent, wish) => restoreBackup(ports, agent, wish),
  };
}

async function makeBackup(ports: BackupPorts, agent: BackupAgent, wish: BackupWish): Promise<BackupReport> {
  const contents = await agent.contents();
  const { node, author } = contents;
  const isDirectory = (await ports.machine.status(wish.out))?.kind === "directory";
  const file = isDirectory ? placeOf(wish.out, contents) : wish.out;
  const items = noItems();
  const records = async function* () {
    yield headRecord(contents);
    let count = 1;
    let bytes = 0;
    for (const [done, item] of contents.items.entries()) {
      const content = await agent.item(item);
      if (content === undefined) continue;
      bytes += content.length;
      wish.onProgress({ done, total: contents.items.length, bytes });
      yield itemRecord(item, content);
      items[item.kind] += 1;
      count += 1;
    }
    if (wish.configuration !== undefined) {
      yield configurationRecord(wish.configuration);
      count += 1;
    }
    yield endRecord(count);
  };
  const bytes = await written(ports.files.write(file, sealStream(records(), wish.lock, ports.random), 0o600), file);
  const older = isDirectory ? olderThanKept(await ports.machine.list(wish.out), author, wish.keep) : [];
  // With a clock that stands in 1970 the newest looks like the oldest.
  const removed = older.filter((name) => `${wish.out}/${name}` !== file);
  for (const name of removed) await ports.machine.remove(`${wish.out}/${name}`);
  return { file, bytes, node, author, items, removed };
}

/** Reads it to its end, so that a damaged one is never half taken in. */
async function checkBackup({ files }: BackupPorts, file: string, lock: BackupLock): Promise<BackupCheckReport> {
  const items = noItems();
  let head: BackupHead | undefined;
  let configuration = false;
  let bytes = 0;
  for await (const record of recordsIn(files, file, lock, (read) => (bytes += read))) {
    if (record.kind === "head") head = record.head;
    if (record.kind === "item") items[record.item.kind] += 1;
    configuration ||= record.kind === "configuration";
  }
  if (head === undefined) throw damaged();
  const { node, author, version, at_s } = head;
  return { node, author, version, at_s, bytes, items, configuration };
}

async function restoreBackup(ports: BackupPorts, agent: BackupAgent, wish: RestoreWish): Promise<RestoreReport> {
  const { items, author: from } = await checkBackup(ports, wish.file, wish.lock);
  const total = BACKUP_KINDS.reduce((sum, kind) => sum + items[kind], 0);
  const { author } = await agent.contents();
  const [taken, known] = [noItems(), noItems()];
  const refused: { kind: BackupKind; id: string; detail: string }[] = [];
  let [done, bytes, configuration] = [0, 0, ""];
  for await (const record of recordsIn(ports.files, wish.file, wish.lock, () => undefined)) {
    if (record.kind === "configuration" && wish.configuration !== undefined) {
      await ports.machine.write(wish.configuration, record.bytes, 0o600);
      configuration = wish.configuration;
    }
    if (record.kind !== "item") continue;
    const { kind, id } = record.item;
    wish.onProgress({ done: done++, total, bytes: (bytes += record.bytes.length) });
    if (kind === "enrolment" && !wish.enrolments) {
      refused.push({ kind, id, detail: "left out: --enrolments takes records of chips from a file that you trust" });
      continue;
    }
    const item = wish.announce ? record.item : { kind, id };
    const { verdict, detail } = await agent.take(item, record.bytes);
    if (verdict === "refused") refused.push({ kind, id, detail });
    else (verdict === "new" ? taken : known)[kind] += 1;
  }
  return { from, author, taken, known, refused, configuration };
}

async function* recordsIn(
  files: LongFiles,
  file: string,
  lock: BackupLock,
  onRead: (bytes: number) => void,
): AsyncGenerator<BackupRecord> {
  const sealed = async function* () {
    for await (const piece of files.read(file)) {
      onRead(piece.length);
      yield piece;
    }
  };
  try {
    yield* readRecords(openStream(sealed(), lock));
  } catch (cause) {
    if (isAgentError(cause) || systemCode(cause) === undefined) throw cause;
    throw new AgentError("FILE_UNREADABLE", `${file} can't be read`, { cause, fix: "check the path, and the stick" });
  }
}

async function written(bytes: Promise<number>, file: string): Promise<number> {
  try {
    return await bytes;
  } catch (cause) {
    const code = systemCode(cause);
    if (isAgentError(cause) || code === undefined) throw cause;
    if (code === "ENOSPC") {
      throw new AgentError("DISK_FULL", `there is no room for the backup ${file}`, {
        cause,
        fix: "make room there, or name another place; what was there before still stands",
      });
    }
    throw new AgentError("FILE_UNWRITABLE", `the backup ${file} could not be written`, {
      cause,
      fix: "is the stick mounted, and may this user write there?",
    });
  }
}

function noItems(): Counts {
  return { statement: 0, log: 0, alert: 0, enrolment: 0, file: 0 };
}
