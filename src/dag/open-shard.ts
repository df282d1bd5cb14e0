/**
 * Opens the shard over a store, and joins its parts.
 * @module
 */
import { copyBytes, toHex } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { AUTHOR_ID_BYTES, SEED_BYTES, type Author } from "./author.ts";
import { Blocks } from "./blocks.ts";
import { Catalogue } from "./catalogue.ts";
import type { Cid } from "./cid.ts";
import type { AuthorRecord } from "./records.ts";
import { Ledger } from "./ledger.ts";
import { type Run, readRun, verifyRecords } from "./log-reader.ts";
import { MAX_FILE_BYTES, splitFile } from "./manifest.ts";
import { merge, updateFlaw } from "./merge.ts";
import { PendingEntries } from "./pending.ts";
import { announce, demandName, nameOf, openAuthor, tailIsSound } from "./publish.ts";
import type { AuthorRow, FileRow, LogRow, MergeVerdict, Shard, ShardOptions, ShardStats } from "./shard.ts";

/**
 * Creates this node's author and its log at first opening. What it costs does not grow with the length of the logs.
 * The store stays the caller's: whoever opened it closes it, after the last call here.
 * @throws AgentError "NAME_INVALID" (the node's name), "STORE_NEWER", "STORE_CORRUPT", and what the store throws
 */
export async function openShard(store: Store, options: ShardOptions): Promise<Shard> {
  const log = options.log.named("shard");
  const ledger = await Ledger.open(store);
  const author = await openAuthor(ledger, options.nodeName, () => options.random.bytes(SEED_BYTES));
  const sound = await tailIsSound(ledger, author);
  if (!sound) log.error("the end of this node's own log is damaged; files can be read, not put");
  return new StoredShard(store, ledger, author, sound);
}

class StoredShard implements Shard {
  readonly author: Author;
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #blocks: Blocks;
  readonly #catalogue: Catalogue;
  readonly #pending = new PendingEntries();
  readonly #self: string;
  readonly #sound: boolean;

  constructor(store: Store, ledger: Ledger, author: Author, sound: boolean) {
    this.author = author;
    this.#store = store;
    this.#ledger = ledger;
    this.#blocks = new Blocks(store, ledger);
    this.#self = nameOf(author).hex;
    this.#catalogue = new Catalogue(store, ledger, this.#blocks, this.#self);
    this.#sound = sound;
  }

  async putFile(name: string, content: Uint8Array): Promise<{ readonly cid: Cid; readonly seq: number }> {
    const properName = demandName(name);
    if (content.length > MAX_FILE_BYTES) {
      throw new AgentError("FILE_TOO_LARGE", `a file has at most ${MAX_FILE_BYTES} bytes, this one ${content.length}`, {
        fix: "split it, or make it smaller: a radio needs hours for a megabyte",
      });
    }
    if (!this.#sound) {
      throw new AgentError("LOG_DAMAGED", "the end of this node's own log is damaged on disk", {
        fix: "run `caye doctor`; a longer log would contradict what neighbours hold",
      });
    }
    const { root, blocks } = splitFile(content);
    const seq = await this.#ledger.commit(async (draft) => {
      await this.#blocks.add(draft, blocks);
      return announce(draft, this.author, properName, root, content.length);
    });
    this.#blocks.arrived(blocks);
    return { cid: root, seq };
  }

  readFile(cid: Cid): Promise<Uint8Array | undefined> {
    return this.#blocks.readFile(cid);
  }

  getBlock(cid: Cid): Promise<Uint8Array | undefined> {
    return this.#blocks.get(cid);
  }

  hasBlock(cid: Cid): Promise<boolean> {
    return this.#blocks.has(cid);
  }

  putBlock(bytes: Uint8Array, cid: Cid): Promise<void> {
    return this.#blocks.put(bytes, cid);
  }

  findBlockByPrefix(prefix: Uint8Array): Promise<Cid | undefined> {
    return this.#blocks.findByPrefix(prefix);
  }

  missingBlocks(cid: Cid): Promise<readonly Cid[]> {
    return this.#blocks.missing(cid);
  }

  files(): AsyncIterable<FileRow> {
    return this.#catalogue.files();
  }

  resolve(nameOrCid: string): Promise<readonly FileRow[]> {
    return this.#catalogue.resolve(nameOrCid);
  }

  vector(): readonly { readonly author: Uint8Array; readonly count: number }[] {
    return [...this.#records()].flatMap(({ id, record }) =>
      record.quarantined ? [] : [{ author: id, count: record.count }],
    );
  }

  authors(): readonly AuthorRow[] {
    return [...this.#ledger.committed.authors].map(([id, { name, count, quarantined }]) => ({
      id,
      name,
      count,
      quarantined,
    }));
  }

  async entries(author: Uint8Array, first: number, count: number): Promise<Run> {
    const id = toHex(author);
    const record = this.#ledger.committed.author(id);
    if (record === undefined) return { entries: [], signature: undefined };
    return readRun(this.#store, author, record, { first, count }, id === this.#self ? this.author : undefined);
  }

  async merge(
    author: Uint8Array,
    first: number,
    entries: readonly Uint8Array[],
    signature: Uint8Array | undefined,
  ): Promise<MergeVerdict> {
    if (author.length !== AUTHOR_ID_BYTES) return { kind: "refused", reason: "author id of a wrong length" };
    const name = { bytes: copyBytes(author), hex: toHex(author) };
    const update = {
      author: name,
      first,
      entries: entries.map(copyBytes),
      signature: signature === undefined ? undefined : copyBytes(signature),
    };
    const flaw = updateFlaw(update);
    if (flaw !== undefined) return { kind: "refused", reason: flaw };
    const verdict = await this.#ledger.commit((draft) => merge(draft, this.#store, this.#pending, update));
    // Only now: had the disk failed, what waits would still be needed.
    if (verdict.kind === "merged") this.#pending.settle(name.hex, verdict.count);
    return verdict;
  }

  async verifyLog(author: Uint8Array): Promise<{ readonly count: number; readonly verified: number }> {
    const record = this.#ledger.committed.author(toHex(author));
    if (record === undefined) return { count: 0, verified: 0 };
    return { count: record.count, verified: await verifyRecords(this.#store, author, record) };
  }

  log(limit: number): Promise<readonly LogRow[]> {
    return this.#catalogue.log(limit);
  }

  stats(): ShardStats {
    const { committed } = this.#ledger;
    const { blocks, bytes, files } = committed.totals();
    const { size: pending, dropped: pendingDropped } = this.#pending;
    return { blocks, bytes, files, authors: committed.authorCount(), pending, pendingDropped };
  }

  *#records(): Generator<{ readonly id: Uint8Array; readonly record: AuthorRecord }> {
    for (const [id, record] of this.#ledger.committed.authors) yield { id: nameBytes(id), record };
  }
}

function nameBytes(id: string): Uint8Array {
  return new Uint8Array(Buffer.from(id, "hex"));
}
