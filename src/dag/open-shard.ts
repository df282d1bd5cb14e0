/**
 * Opens the shard over a store, and joins its parts.
 * @module
 */
import { copyBytes, toHex } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { addBlocks } from "./add-blocks.ts";
import { type Author, authorId } from "./author.ts";
import { type BlockRef, refOf } from "./block-ref.ts";
import { Blocks } from "./blocks.ts";
import { Catalogue } from "./catalogue.ts";
import type { Cid } from "./cid.ts";
import { fileEntry } from "./entry.ts";
import { Finder } from "./finder.ts";
import { type ForkRow, type ForkVerdict, decodeFork, forkFlaw } from "./fork.ts";
import { forkRange, SUCCESSION_KEY } from "./keys.ts";
import { Ledger } from "./ledger.ts";
import { type Run, readRun, verifyRecords } from "./log-reader.ts";
import { MAX_FILE_BYTES, splitFile } from "./manifest.ts";
import { MAX_AUTHORS, keepFork, merge, readUpdate } from "./merge.ts";
import { PendingEntries } from "./pending.ts";
import { announce, appendBytes, demandName, nameOf, openAuthor, tailIsSound } from "./publish.ts";
import { readable } from "./readable.ts";
import { isStatement } from "./statement.ts";
import { indexTitles } from "./titles.ts";
import type {
  AuthorRow,
  FileRow,
  Gate,
  HandoverRow,
  LogRow,
  MergeVerdict,
  Shard,
  ShardOptions,
  ShardStats,
  VectorRow,
} from "./shard.ts";

/**
 * Creates this node's author and its log at first opening. What it costs does not grow with the length of the logs.
 * The store stays the caller's: whoever opened it closes it, after the last call here.
 * @throws AgentError "NAME_INVALID" (the node's name), "STORE_NEWER", "STORE_OLDER", "STORE_CORRUPT", and what the
 *   store throws
 */
export async function openShard(store: Store, options: ShardOptions): Promise<Shard> {
  const log = options.log.named("shard");
  const ledger = await Ledger.open(store);
  await indexTitles(store);
  const author = await openAuthor(ledger, { ...options, log });
  const sound = await tailIsSound(ledger, author);
  if (!sound) log.error("the end of this node's own log is damaged; files can be read, not put");
  return new StoredShard(store, ledger, { author, sound, gate: options.gate });
}

interface Own {
  readonly author: Author;
  readonly sound: boolean;
  readonly gate: Gate | undefined;
}

class StoredShard implements Shard {
  readonly author: Author;
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #blocks: Blocks;
  readonly #catalogue: Catalogue;
  readonly #finder: Finder;
  readonly #pending = new PendingEntries();
  readonly #self: string;
  readonly #sound: boolean;
  readonly #gate: Gate | undefined;

  constructor(store: Store, ledger: Ledger, { author, sound, gate }: Own) {
    this.#gate = gate;
    this.author = author;
    this.#store = store;
    this.#ledger = ledger;
    this.#blocks = new Blocks(store, ledger);
    this.#self = nameOf(author).hex;
    this.#catalogue = new Catalogue(store, ledger, this.#blocks, this.#self);
    this.#finder = new Finder(store, this.#catalogue, () => ledger.committed.authors);
    this.#sound = sound;
  }

  async putFile(name: string, content: Uint8Array): Promise<{ readonly cid: Cid; readonly seq: number }> {
    const properName = demandName(name);
    if (content.length > MAX_FILE_BYTES) {
      throw new AgentError("FILE_TOO_LARGE", `a file has at most ${MAX_FILE_BYTES} bytes, this one ${content.length}`, {
        fix: "split it, or make it smaller: a radio needs hours for a megabyte",
      });
    }
    this.#demandSound();
    const { root, blocks } = splitFile(content);
    const entry = fileEntry(properName, refOf(root), content);
    const seq = await this.#ledger.commit(async (draft) => {
      await addBlocks(draft, blocks);
      return announce(draft, this.author, entry);
    });
    this.#blocks.arrived(blocks);
    return { cid: root, seq };
  }

  putStatement(entry: Uint8Array): Promise<number> {
    this.#demandSound();
    const bytes = copyBytes(entry);
    return this.#ledger.commit((draft) => appendBytes(draft, this.author, bytes));
  }

  replaceAuthor(): Promise<void> {
    return this.#ledger.commit((draft) => Promise.resolve(draft.set(SUCCESSION_KEY, new Uint8Array())));
  }

  isAuthorReplaced(): Promise<boolean> {
    return this.#store.has(SUCCESSION_KEY);
  }

  #demandSound(): void {
    if (this.#sound) return;
    throw new AgentError("LOG_DAMAGED", "the end of this node's own log is damaged on disk", {
      fix: "run `caye doctor`; a longer log would contradict what neighbours hold",
    });
  }

  readFile(root: BlockRef): Promise<Uint8Array | undefined> {
    return this.#blocks.readFile(root);
  }

  getBlock(ref: BlockRef): Promise<Uint8Array | undefined> {
    return this.#blocks.get(ref);
  }

  hasBlock(ref: BlockRef): Promise<boolean> {
    return this.#blocks.has(ref);
  }

  cidOf(ref: BlockRef): Promise<Cid | undefined> {
    return this.#blocks.cidOf(ref);
  }

  putBlock(bytes: Uint8Array, ref: BlockRef): Promise<Cid> {
    return this.#blocks.put(bytes, ref);
  }

  findBlockByPrefix(prefix: Uint8Array): Promise<BlockRef | undefined> {
    return this.#blocks.findByPrefix(prefix);
  }

  missingBlocks(root: BlockRef): Promise<readonly BlockRef[]> {
    return this.#blocks.missing(root);
  }

  files(): AsyncIterable<FileRow> {
    return this.#catalogue.files();
  }

  resolve(text: string): Promise<readonly FileRow[]> {
    return this.#finder.find(text);
  }

  filesOf(digest: Uint8Array): Promise<readonly FileRow[]> {
    return this.#finder.naming(digest);
  }

  vector(): readonly VectorRow[] {
    return this.#ledger.committed.authors.vector();
  }

  authors(): readonly AuthorRow[] {
    return this.#ledger.committed.authors.rows();
  }

  count(author: string): number {
    const record = this.#ledger.committed.author(author);
    return record === undefined || record.quarantined ? 0 : record.count;
  }

  publicKeyOf(author: string): Uint8Array | undefined {
    return this.#ledger.committed.author(author)?.publicKey;
  }

  inQuarantine(author: string): boolean {
    return this.#ledger.committed.author(author)?.quarantined === true;
  }

  isMember(author: string): boolean {
    return author === this.#self || this.#gate?.admits(author) === "always";
  }

  accepts(start: string): boolean {
    if (this.#self.startsWith(start)) return true;
    const { committed } = this.#ledger;
    const known = committed.authors.startingWith(start);
    if (known.length > 0 && known.every((record) => record.quarantined)) return false;
    const admitted = this.#gate?.admitsAny(start) ?? "if-room";
    return (
      admitted === "always" || (admitted === "if-room" && (known.length > 0 || committed.authorCount() < MAX_AUTHORS))
    );
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
    const update = readUpdate(author, first, entries, signature);
    if (!update.ok) return { kind: "refused", reason: update.reason };
    const { hex } = update.value.author;
    const admitted = hex === this.#self ? "always" : (this.#gate?.admits(hex) ?? "if-room");
    if (admitted === "never") return { kind: "refused", reason: "author not enrolled" };
    const held = this.count(hex);
    const needsRoom = admitted !== "always";
    const verdict = await this.#ledger.commit((draft) =>
      merge(draft, this.#store, this.#pending, update.value, needsRoom),
    );
    // Only now: had the disk failed, what waits would still be needed.
    if (verdict.kind === "merged") {
      this.#pending.settle(hex, verdict.count);
      await this.#passStatements(author, held + 1, verdict.count);
    }
    return verdict;
  }

  async #passStatements(author: Uint8Array, first: number, last: number): Promise<void> {
    if (this.#gate === undefined) return;
    const run = await this.entries(author, first, last - first + 1);
    for (const entry of run.entries) if (isStatement(entry)) await this.#gate.take(entry);
  }

  async verifyLog(author: Uint8Array): Promise<{ readonly count: number; readonly verified: number }> {
    const record = this.#ledger.committed.author(toHex(author));
    if (record === undefined) return { count: 0, verified: 0 };
    return { count: record.count, verified: await verifyRecords(this.#store, author, record) };
  }

  handovers(): AsyncIterable<HandoverRow> {
    return this.#catalogue.handovers();
  }

  async *forks(): AsyncGenerator<ForkRow> {
    for await (const { key, value } of readable(this.#store, forkRange())) {
      const proof = decodeFork(value);
      if (proof.ok) yield { author: copyBytes(key.subarray(1)), seq: proof.value.seq, evidence: copyBytes(value) };
    }
  }

  async acceptFork(evidence: Uint8Array): Promise<ForkVerdict> {
    const bytes = copyBytes(evidence);
    const proof = decodeFork(bytes);
    if (!proof.ok) return { kind: "refused", reason: proof.reason };
    const { publicKey, seq } = proof.value;
    const id = authorId(publicKey);
    const name = { bytes: id, hex: toHex(id) };
    // Before the signatures are looked at: evidence comes again and again.
    if (this.inQuarantine(name.hex)) return { kind: "known" };
    const flaw = forkFlaw(proof.value);
    if (flaw !== undefined) return { kind: "refused", reason: flaw };
    const verdict = await this.#ledger.commit((draft): Promise<ForkVerdict> => {
      const record = draft.author(name.hex);
      if (record === undefined) return Promise.resolve({ kind: "stranger" });
      if (record.quarantined) return Promise.resolve({ kind: "known" });
      keepFork(draft, name, record, bytes);
      return Promise.resolve({ kind: "proven", author: id, seq });
    });
    if (verdict.kind === "proven") this.#pending.forget(name.hex);
    return verdict;
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
}
