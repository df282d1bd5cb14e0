/**
 * The store port over LevelDB: synced group commits, values encrypted and bound to their keys.
 *
 * In the directory: `STORE`, the marker (see `header.ts`), and `db/`, LevelDB's own files. Keys in the database begin
 * with a byte of ours: 0 the header, 1 a value of the port.
 * @module
 */
import { join } from "node:path";
import { concatBytes, copyBytes } from "../../kernel/bytes.ts";
import { AgentError, isAgentError } from "../../kernel/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { Change, Range, Store } from "../../ports/store.ts";
import { ensureDirectory } from "../directories.ts";
import { SEAL_BYTES, ValueCipher } from "./cipher.ts";
import { Database, type Operation } from "./database.ts";
import { isForbidden, storeFailure, unwritable } from "./failures.ts";
import { holdsDatabase } from "./losses.ts";
import { GroupCommit } from "./group-commit.ts";
import {
  type Header,
  decodeHeader,
  demandFormat,
  demandHeader,
  encodeHeader,
  isHeaderOf,
  readMarker,
  writeMarker,
} from "./header.ts";

const HEADER_KEY = 0;
const VALUE_KEY = 1;

const LIMITS = { maxWaiting: 4096, maxWaitingBytes: 128 * 2 ** 20, maxGroupBytes: 2 ** 20 };
/** Read at once while iterating: few first, since most callers want few. */
const FIRST_PAGE = 16;
const LAST_PAGE = 256;

export interface LevelStoreOptions {
  readonly random: Random;
  readonly log: Log;
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
  const cipher = new ValueCipher(key, options.random);
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
    await settleHeader(database, cipher, directory, typeof marker === "object" ? marker : undefined);
    if (!isHeaderOf(marker, cipher.check)) await writeMarker(markerPath, cipher.check);
    cleanup.move();
    return new LevelStore(database, cipher, directory);
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
  cipher: ValueCipher,
  directory: string,
  marker: Header | undefined,
): Promise<void> {
  const key = Uint8Array.of(HEADER_KEY);
  const record = await database.read((engine) => engine.get(key) as Promise<Uint8Array | undefined>);
  const header = record === undefined ? undefined : decodeHeader(record);
  if (header !== undefined) {
    demandHeader(header, cipher.check, directory);
    return;
  }
  if (marker !== undefined) demandHeader(marker, cipher.check, directory);
  else if (await holdsValues(database)) {
    throw new AgentError("STORE_CORRUPT", `the store in ${directory} has lost both records of its key`, {
      fix: "move the directory away to begin a new store: neighbours hold copies of what was shared",
    });
  }
  await database.write([{ type: "put", key, value: encodeHeader(cipher.check) }], 64);
}

async function holdsValues(database: Database): Promise<boolean> {
  const range = { gte: Uint8Array.of(VALUE_KEY), limit: 1 };
  return (await database.read((engine) => engine.keys(range).all())).length > 0;
}

class LevelStore implements Store {
  readonly #database: Database;
  readonly #cipher: ValueCipher;
  readonly #directory: string;
  readonly #commits: GroupCommit<Operation>;
  #closed = false;

  constructor(database: Database, cipher: ValueCipher, directory: string) {
    this.#database = database;
    this.#cipher = cipher;
    this.#directory = directory;
    this.#commits = new GroupCommit((operations, bytes) => database.write(operations, bytes), LIMITS);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    const inner = innerKey(key);
    const sealed = await this.#database.read((engine) => engine.get(inner) as Promise<Uint8Array | undefined>);
    return sealed === undefined ? undefined : this.#unseal(inner, sealed);
  }

  async has(key: Uint8Array): Promise<boolean> {
    return this.#database.read((engine) => engine.has(innerKey(key)));
  }

  async write(changes: readonly Change[]): Promise<void> {
    if (this.#closed) throw new AgentError("STORE_CLOSED", "the store is closed");
    if (changes.length === 0) return;
    let bytes = 0;
    const operations = changes.map(({ key, value }): Operation => {
      const inner = innerKey(key);
      bytes += inner.length + (value === undefined ? 0 : value.length + SEAL_BYTES);
      return value === undefined
        ? { type: "del", key: inner }
        : { type: "put", key: inner, value: this.#cipher.seal(inner, value) };
    });
    await this.#commits.submit(operations, bytes);
  }

  async *entries(range: Range): AsyncGenerator<{ readonly key: Uint8Array; readonly value: Uint8Array }> {
    const pages = this.#pages(range, async (page) => this.#database.read((engine) => engine.iterator(page).all()));
    for await (const [inner, sealed] of pages) {
      yield { key: inner.subarray(1), value: this.#unseal(inner, sealed) };
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
      else gte = concatBytes(last[0], Uint8Array.of(0));
      left -= rows.length;
      size = Math.min(size * 2, LAST_PAGE);
    }
  }

  #unseal(inner: Uint8Array, sealed: Uint8Array): Uint8Array {
    const value = this.#cipher.open(inner, sealed);
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

function innerKey(key: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(Uint8Array.of(VALUE_KEY), key);
}
