/** What this node holds that can be taken in again, for backups; and taking it in. @module */
import { decodeAlertRecord, encodeAlertRecord } from "../alert/records.ts";
import { wallMs } from "../alert/held-alert.ts";
import type { BackupView } from "../api/backup.ts";
import { refOf } from "../dag/block-ref.ts";
import { decodeCar } from "../dag/car.ts";
import { parseCid } from "../dag/cid.ts";
import { decodeLogArchive, exportLog, importLog } from "../dag/log-archive.ts";
import { fromHex, toHex } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { BackupContents, BackupItem, BackupKind, BackupVerdict } from "../kernel/upkeep.ts";
import { exportArchive, importArchive } from "./archives.ts";
import type { DeskParts, OpenParts } from "./parts.ts";

const KNOWN: BackupVerdict = { verdict: "known", detail: "" };
const NEW: BackupVerdict = { verdict: "new", detail: "" };

export class BackupDesk implements BackupView {
  readonly #parts: DeskParts;
  readonly #open: () => OpenParts;

  /** @param open throws AgentError "QUARANTINE" while data and radio are shut */
  constructor(parts: DeskParts, open: () => OpenParts) {
    this.#parts = parts;
    this.#open = open;
  }

  async contents(): Promise<BackupContents> {
    const { shard, alerts, membership, attestations } = this.#open();
    const own = toHex(shard.author.id);
    const logs = shard.authors().filter(({ quarantined, count }) => !quarantined && count > 0);
    return {
      node: this.#parts.nodeName,
      author: own,
      version: this.#parts.version,
      at_s: Math.floor(wallMs(this.#parts.clock) / 1000),
      items: [
        ...itemsOf("statement", [...(membership?.statements().keys() ?? [])]),
        ...itemsOf(
          "log",
          logs.map(({ id }) => id),
        ),
        ...itemsOf(
          "alert",
          alerts.list().map(({ authorHex, number }) => `${authorHex}-${number}`),
        ),
        ...itemsOf("enrolment", attestations?.list().map(({ author }) => author) ?? []),
        ...(await this.#files(own)),
      ],
    };
  }

  async item({ kind, id }: BackupItem): Promise<Uint8Array | undefined> {
    return GIVE[kind](this.#open(), id);
  }

  async take({ kind, id, name }: BackupItem, bytes: Uint8Array): Promise<BackupVerdict> {
    return TAKE[kind](this.#open(), bytes, { id, name });
  }

  /** Each content once; under the name that this node gave it, where it did. */
  async #files(own: string): Promise<readonly BackupItem[]> {
    const items = new Map<string, BackupItem>();
    for await (const { cid, held, author, name } of this.#open().shard.files()) {
      const id = cid?.toString();
      if (id === undefined || !held || items.has(id)) continue;
      items.set(id, { kind: "file", id, ...(author === own && name !== "" && { name }) });
    }
    return [...items.values()];
  }
}

type Give = (open: OpenParts, id: string) => Promise<Uint8Array | undefined>;
type Named = Pick<BackupItem, "id" | "name">;
type Take = (open: OpenParts, bytes: Uint8Array, named: Named) => Promise<BackupVerdict>;

const GIVE: Readonly<Record<BackupKind, Give>> = {
  statement: async ({ membership }, id) => membership?.statements().get(id),
  log: async ({ shard }, id) => {
    const author = fromHex(id);
    return author && exportLog(shard, author, shard.count(id));
  },
  alert: async ({ alerts }, id) => {
    const held = alerts.find(id);
    const { heardAtMs = 0, acknowledgedAtMs } = held ?? {};
    return held && encodeAlertRecord({ alert: held, heardAtMs, acknowledgedAtMs });
  },
  enrolment: async ({ attestations }, id) => attestations?.file(id),
  file: (open, id) => exportArchive(open, id).catch(unlessGone),
};

const TAKE: Readonly<Record<BackupKind, Take>> = {
  statement: takeStatement,
  log: takeLog,
  alert: takeAlert,
  enrolment: async ({ attestations }, bytes) => {
    const added = await attestations?.add(bytes);
    return added?.ok === true ? NEW : refusal(added?.reason ?? "no chips of neighbours are judged here");
  },
  file: takeFile,
};

async function takeStatement({ membership, shard, exchange }: OpenParts, entry: Uint8Array): Promise<BackupVerdict> {
  if (membership === undefined) return refusal("the configuration names no authority");
  const verdict = await membership.take(entry);
  if (verdict === "known" || verdict === "stale") return KNOWN;
  if (verdict !== "new") return refusal(verdict === "forged" ? "not signed by this village's authority" : verdict);
  await shard.putStatement(entry);
  exchange.announce();
  return NEW;
}

async function takeLog({ shard }: OpenParts, bytes: Uint8Array): Promise<BackupVerdict> {
  const log = decodeLogArchive(bytes);
  if (!log.ok) return refusal(log.reason);
  const { author, runs } = log.value;
  const id = toHex(author);
  if (id === toHex(shard.author.id)) {
    const count = runs.reduce((sum, { entries }) => sum + entries.length, 0);
    if (count <= shard.count(id)) return KNOWN;
    return refusal("this node writes that log, and holds less of it: an old copy? caye rotate author-key, then again");
  }
  const outcome = await importLog(shard, log.value);
  return outcome.kind === "refused" ? refusal(outcome.reason) : { verdict: outcome.kind, detail: "" };
}

async function takeAlert({ alerts }: OpenParts, bytes: Uint8Array): Promise<BackupVerdict> {
  const record = decodeAlertRecord(bytes);
  if (record === undefined) return refusal("no alert");
  const { verdict } = await alerts.take(record.alert);
  if (verdict === "new" || verdict === "future") return NEW;
  // What is over is not to come back.
  return verdict === "known" || verdict === "stale" || verdict === "expired" ? KNOWN : refusal(verdict);
}

async function takeFile(open: OpenParts, bytes: Uint8Array, { id, name }: Named): Promise<BackupVerdict> {
  const car = decodeCar(bytes);
  if (!car.ok) return refusal(car.reason);
  const root = parseCid(id);
  if (root === undefined || !root.equals(car.value.root)) return refusal("another file than it says");
  const missing = await open.shard.missingBlocks(refOf(root));
  if (missing.length === 0 && name === undefined) return KNOWN;
  try {
    await importArchive(open, bytes, name);
  } catch (error) {
    if (isAgentError(error, "CAR_INVALID") || isAgentError(error, "NAME_INVALID")) return refusal(error.message);
    throw error;
  }
  return NEW;
}

function itemsOf(kind: BackupKind, ids: readonly string[]): readonly BackupItem[] {
  return ids.map((id) => ({ kind, id }));
}

/** Damaged or lost since the list was made: the rest of the backup is worth having. */
function unlessGone(error: unknown): undefined {
  if (["FILE_MISSING", "BLOCK_CORRUPT", "MANIFEST_BAD"].some((code) => isAgentError(error, code))) return undefined;
  throw error;
}

function refusal(detail: string): BackupVerdict {
  return { verdict: "refused", detail };
}
