/**
 * The store port over LevelDB: synced group commits, values encrypted and bound to their keys.
 *
 * In the directory: `STORE`, the marker (see `header.ts`), and `db/`, LevelDB's own files. Keys in the database begin
 * with a byte of ours: 0 the header, 1 a value of the port.
 * @module
 */
import { join } from "node:path";
import { type Bytes, concatBytes, copyBytes } from "../../kernel/bytes.ts";
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Change, Range, Rekeying, Store } from "../../ports/store.ts";
import { ensureDirectory } from "../directories.ts";
import { SEAL_BYTES, ValueCipher } from "./cipher.ts";
import { Database } from "./database.ts";
import { isForbidden, storeFailure, unwritable } from "./failures.ts";
import { holdsDatabase } from "./losses.ts";
import { GroupCommit } from "./group-commit.ts";
import {
  type Header,
  decodeHeader,
  demandFormat,
  encodeHeader,
  isSameHeader,
  readMarker,
  writeMarker,
} from "./header.ts";
import { type BroughtKeys, headerOf, type KeyRing, newRing, openWith, ringOf } from "./key-ring.ts";
import { behindKey, Rekey } from "./rekey.ts";
import { HEADER_KEY, plan, type Task } from "./tasks.ts";

const VALUE_KEY = 1;
/** Behind all values. */
const END_KEY = Uint8Array.of(VALUE_KEY + 1);

const LIMITS = { maxWaiting: 4096, maxWaitingBytes: 128 * 2 ** 20, maxGroupBytes: 2 ** 20 };
/** Read at once while iterating: few first, since most callers want few. */
const FIRST_PAGE = 16;
const LAST_PAGE = 256;

export interface LevelStoreOptions {
  readonly random: Random;
  readonly log: Log;
  /** A second key, 32 bytes, when the store may be on its way to it: see {@link Rekeying}. Not kept. */
  readonly next?: Uint8Array | undefined;
  /** Free bytes on the disk below which nothing is written, so that LevelDB can always tidy up. 16 MiB when left out. */
  readonly reserveBytes?: number;
  /** True when a store must be here already: should it be gone, {@link onLoss} is told, and a new one begins. */
  readonly expected?: boolean;
  /** Told of what was on disk and can't be read any more, one sentence each. Must not throw. */
  readonly onLoss?: (what: string) => void;
}

/**
 * Opens the store in a directory, and creates it when there never was one.
 * @param key 32 bytes; not kept: the caller may wipe it
 * @throws AgentError "STORE_KEY" (another key), "STORE_NEWER" (a newer format), "STATE_IN_USE" (another process),
 *   "STATE_UNWRITABLE", "DISK_FULL", "STORE_CORRUPT" (beyond repair), "STORE_IO"
 */
export async function openLevelStore(directory: string, key: Uint8Array, options: LevelStoreOptions): Promise<Store> {
  const log = options.log.named("store");
  const onLoss = (what: string): void => {
    log.error("a part of the store can't be read, and is gone", { directory, what });
    options.onLoss?.(what);
  };
  const { next, random } = options;
  const keys: BroughtKeys = {
    first: new ValueCipher(key, random),
    next: next === undefined ? undefined : new ValueCipher(next, random),
  };
  const markerPath = join(directory, "STORE");
  const databasePath = join(directory, "db");
  await using cleanup = new AsyncDisposableStack();
  try {
    await ensureDirectory(databasePath, 0o700);
    const marker = await readMarker(markerPath);
    if (typeof marker === "object") demandFormat(marker, directory);
    if (marker === "absent" && options.expected === true && !(await holdsDatabase(databasePath))) {
      onLoss("the whole store");
    }
    const database = await Database.open({
      directory: databasePath,
      existed: marker !== "absent",
      reserveBytes: options.reserveBytes ?? 16 * 2 ** 20,
      log,
      onLoss,
    });
    cleanup.use(database);
    const ring = await settleHeader(database, keys, directory, typeof marker === "object" ? marker : undefined);
    const mark = async ({ current, former }: KeyRing): Promise<void> =>
      writeMarker(markerPath, { check: current.check, former: former?.check });
    if (!isSameHeader(marker, headerOf(ring))) await mark(ring);
    cleanup.move();
    return new LevelStore(database, ring, { directory, random, mark });
  } catch (error) {
    throw !isAgentError(error) && isForbidden(error) ? unwritable(directory, error) : storeFailure(error, directory);
  }
}

/**
 * Compares the header in the database, or writes it where it is rightly missing. The marker counts only where the
 * database has none: one flipped bit in it must not look like another key.
 */
async function settleHeader(
  database: Database,
  keys: BroughtKeys,
  directory: string,
  marker: Header | undefined,
): Promise<KeyRing> {
  const key = Uint8Array.of(HEADER_KEY);
  const record = await database.read((engine) => engine.get(key) as Promise<Uint8Array | undefined>);
  const header = record === undefined ? undefined : decodeHeader(record);
  if (header !== undefined) return ringOf(header, keys, directory);
  if (marker !== undefined) ringOf(marker, keys, directory);
  const isEmpty = !(await holdsValues(database));
  if (marker === undefined && !isEmpty) {
    throw new AgentError("STORE_CORRUPT", `the store in ${directory} has lost both records of its key`, {
      fix: "move the directory away to begin a new store: neighbours hold copies of what was shared",
    });
  }
  const ring = marker === undefined ? newRing(keys, isEmpty) : lostRing(marker, keys, directory);
  await database.write([{ type: "put", key, value: encodeHeader(headerOf(ring)) }], 64);
  return ring;
}

/** The marker may be older than the header that was lost: where two keys were brought, values may be under either. */
function lostRing(marker: Header, keys: BroughtKeys, directory: string): KeyRing {
  const ring = ringOf(marker, keys, directory);
  return ring.keysInUse === "first" ? newRing(keys, false) : ring;
}

async function holdsValues(database: Database): Promise<boolean> {
  const range = { gte: Uint8Array.of(VALUE_KEY), limit: 1 };
  return (await database.read((engine) => engine.keys(range).all())).length > 0;
}

interface LevelParts {
  readonly directory: string;
  readonly random: Random;
  /** Writes the marker beside the database. */
  readonly mark: (ring: KeyRing) => Promise<void>;
}

class LevelStore implements Store {
  readonly rekeying: Rekeying;
  readonly #database: Database;
  readonly #directory: string;
  readonly #commits: GroupCommit<Task>;
  #ring: KeyRing;
  #closed = false;

  constructor(database: Database, ring: KeyRing, { directory, random, mark }: LevelParts) {
    this.#database = database;
    this.#ring = ring;
    this.#directory = directory;
    this.#commits = new GroupCommit((tasks, bytes) => this.#commit(tasks, bytes), LIMITS);
    this.rekeying = new Rekey({
      random,
      ring: () => this.#ring,
      rows: (behind, limit) => this.#rows(behind, limit),
      submit: (task, bytes) => this.#submit([task], bytes),
      onHeader: () => mark(this.#ring),
    });
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const inner = innerKey(key);
    const ring = this.#ring;
    const sealed = await this.#sealedAt(inner);
    return sealed === undefined ? undefined : this.#unseal(inner, sealed, ring);
  }

  async has(key: Uint8Array): Promise<boolean> {
    return this.#database.read((engine) => engine.has(innerKey(key)));
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (changes.length === 0 && !this.#closed) return;
    let bytes = 0;
    const tasks = changes.map(({ key, value }): Task => {
      const inner = innerKey(key);
      bytes += inner.length + (value === undefined ? 0 : value.length + SEAL_BYTES);
      // A copy, as it is sealed only when its turn has come.
      return value === undefined
        ? { kind: "delete", key: inner }
        : { kind: "put", key: inner, value: copyBytes(value) };
    });
    await this.#submit(tasks, bytes);
  }

  async *entries(range: Range): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const pages = this.#pages(range, async (page) => {
      const ring = this.#ring;
      const rows = await this.#database.read((engine) => engine.iterator(page).all());
      return rows.map(([key, sealed]): [Uint8Array, Uint8Array, KeyRing] => [key, sealed, ring]);
    });
    for await (const [inner, sealed, ring] of pages) {
      yield { key: inner.subarray(1), value: this.#unseal(inner, sealed, ring) };
    }
  }

  async *keys(range: Range): AsyncGenerator<Uint8Array> {
    const pages = this.#pages(range, async (page) => {
      const keys = await this.#database.read((engine) => engine.keys(page).all());
      return keys.map((key): [Uint8Array] => [key]);
    });
    for await (const [inner] of pages) yield inner.subarray(1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#commits.idle();
    await this.#database[Symbol.asyncDispose]();
  }

  /** Page by page, so that no iterator of the engine stays open while the consumer is busy, or when it walks away. */
  async *#pages<R extends readonly [Uint8Array, ...unknown[]]>(
    range: Range,
    readPage: (page: Page) => Promise<readonly R[]>,
  ): AsyncGenerator<R> {
    let gte = innerKey(range.from);
    let lt = innerKey(range.until);
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    let size = FIRST_PAGE;
    const reverse = range.reverse === true;
    while (left > 0) {
      const limit = Math.min(size, left);
      const rows = await readPage({ gte, lt, reverse, limit });
      yield* rows;
      const last = rows.at(-1);
      if (last === undefined || rows.length < limit) return;
      if (reverse) lt = copyBytes(last[0]);
      else gte = behindKey(last[0]);
      left -= rows.length;
      size = Math.min(size * 2, LAST_PAGE);
    }
  }

  async #submit(tasks: readonly Task[], bytes: number): Promise<void> {
    if (this.#closed) throw new AgentError("STORE_CLOSED", "the store is closed");
    await this.#commits.submit(tasks, bytes);
  }

  /** One call at a time. */
  async #commit(tasks: readonly Task[], bytes: number): Promise<void> {
    const { operations, ring } = await plan(tasks, this.#ring, (key) => this.#sealedAt(key));
    if (operations.length > 0) await this.#database.write(operations, bytes);
    this.#ring = ring;
  }

  #sealedAt(inner: Bytes): Promise<Uint8Array | undefined> {
    return this.#database.read((engine) => engine.get(inner) as Promise<Uint8Array | undefined>);
  }

  #rows(behind: Uint8Array | undefined, limit: number): Promise<readonly (readonly [Uint8Array, Uint8Array])[]> {
    const gte = behind === undefined ? Uint8Array.of(VALUE_KEY) : behindKey(behind);
    return this.#database.read((engine) => engine.iterator({ gte, lt: END_KEY, limit }).all());
  }

  /** @param ring as it was before the value was read: by now it may be another one */
  #unseal(inner: Uint8Array, sealed: Uint8Array, ring: KeyRing): Uint8Array {
    const value = openWith(ring, inner, sealed) ?? openWith(this.#ring, inner, sealed);
    if (value !== undefined) return value;
    throw new AgentError("STORE_CORRUPT", `a value in ${this.#directory} is not what was written`, {
      fix: "run `caye doctor`; if the card is old, replace it: neighbours hold copies",
    });
  }
}

interface Page {
  readonly gte: Uint8Array;
  readonly lt: Uint8Array;
  readonly reverse: boolean;
  readonly limit: number;
}

function innerKey(key: Uint8Array): Bytes {
  return concatBytes(Uint8Array.of(VALUE_KEY), key);
}
