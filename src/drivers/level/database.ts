/**
 * A LevelDB directory that survives its failures: opened with repair, reopened after a write that failed.
 *
 * After a failed write LevelDB must not be written to any more: its log is then out of step, and what is appended would
 * be lost at the next opening. Reading stays sound. So the next write reopens first, once there is room for that.
 * @module
 */
import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { Level } from "level";
import { AgentError, describeError, isAgentError } from "../../kernel/errors.ts";
import type { Log } from "../../ports/log.ts";
import {
  demandUnlocked,
  diskFull,
  inUse,
  isDiskFull,
  isForbidden,
  isLocked,
  storeFailure,
  unwritable,
} from "./failures.ts";
import { holdsDatabase, lossOf, lossesIn } from "./losses.ts";
import { repair } from "./repair.ts";

export type Engine = Level<Uint8Array, Uint8Array>;
export type Operation =
  | { readonly type: "put"; readonly key: Uint8Array; readonly value: Uint8Array }
  | { readonly type: "del"; readonly key: Uint8Array };

export interface DatabaseOptions {
  readonly directory: string;
  /** True when a database has stood here before: it is then never created anew over what is left of it. */
  readonly existed: boolean;
  /** Free bytes below which nothing is written, so that LevelDB can always tidy up. */
  readonly reserveBytes: number;
  readonly log: Log;
  /** Told of data that could not be read at an opening, and is gone: one sentence each. Must not throw. */
  readonly onLoss: (what: string) => void;
}

/** What opening may write: tables of all that LevelDB held in memory, of which it keeps 4 MiB at most. */
const REOPEN_BYTES = 6 * 2 ** 20;

export class Database implements AsyncDisposable {
  readonly #options: DatabaseOptions;
  #engine: Engine | undefined;
  /** The log of the engine is out of step: reopen before the next write. */
  #suspect = false;
  #closed = false;
  #users = 0;
  #drained: (() => void) | undefined;
  #reopening: Promise<void> | undefined;

  private constructor(engine: Engine, options: DatabaseOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  /** @throws AgentError "STATE_IN_USE", "STATE_UNWRITABLE", "DISK_FULL", "STORE_IO", "STORE_CORRUPT" */
  static async open(options: DatabaseOptions): Promise<Database> {
    return new Database(await openEngine(options), options);
  }

  /** Any number of reads at a time. They wait while the engine is being reopened. */
  async read<T>(work: (engine: Engine) => Promise<T>): Promise<T> {
    const engine = await this.#borrow();
    try {
      return await work(engine);
    } catch (error) {
      throw storeFailure(error, this.#options.directory);
    } finally {
      this.#giveBack();
    }
  }

  /** All or nothing, synced. One call at a time. @param bytes what the operations weigh, about */
  async write(operations: readonly Operation[], bytes: number): Promise<void> {
    const { directory, reserveBytes } = this.#options;
    const neededBytes = reserveBytes + 2 * bytes;
    if ((await freeBytes(directory)) < neededBytes) throw diskFull(directory);
    if (this.#suspect) await this.#reopen();
    let failure = await this.#batch(operations);
    // Where its tidying once ran into a full disk, LevelDB goes on refusing, although there is room again.
    if (isDiskFull(failure) && (await freeBytes(directory)) >= neededBytes + REOPEN_BYTES) {
      await this.#reopen();
      failure = await this.#batch(operations);
    }
    if (failure === undefined) return;
    // Whether it stands on disk shows only when the log is read again: do it now, so that readers see the truth.
    if (!isDiskFull(failure)) await this.#reopen().catch(() => undefined);
    throw storeFailure(failure, directory);
  }

  /** Why it failed; undefined when it did not. Putting the same twice does no harm. */
  async #batch(operations: readonly Operation[]): Promise<unknown> {
    const engine = await this.#borrow();
    try {
      await engine.batch([...operations], { sync: true });
      return undefined;
    } catch (error) {
      this.#suspect = true;
      return error ?? new Error("LevelDB gave no reason");
    } finally {
      this.#giveBack();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#reopening?.catch(() => undefined);
    await this.#drain();
    await this.#engine?.close();
    this.#engine = undefined;
  }

  /** The engine, counted as in use: it is not closed before {@link #giveBack}. */
  async #borrow(): Promise<Engine> {
    for (;;) {
      if (this.#closed) throw new AgentError("STORE_CLOSED", "the store is closed");
      const engine = this.#engine;
      if (this.#reopening === undefined && engine !== undefined) {
        this.#users++;
        return engine;
      }
      await this.#reopen();
    }
  }

  #giveBack(): void {
    this.#users--;
    if (this.#users === 0) this.#drained?.();
  }

  #reopen(): Promise<void> {
    this.#reopening ??= this.#closeAndOpen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #closeAndOpen(): Promise<void> {
    await this.#drain();
    const old = this.#engine;
    this.#engine = undefined;
    await old?.close();
    this.#engine = await openEngine({ ...this.#options, existed: true });
    this.#suspect = false;
    this.#options.log.warn("store reopened after a failed write");
  }

  async #drain(): Promise<void> {
    while (this.#users > 0) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    this.#drained = undefined;
  }
}

async function openEngine(options: DatabaseOptions): Promise<Engine> {
  const { directory, existed, log, onLoss } = options;
  const existing = existed || (await holdsDatabase(directory));
  try {
    return await opened(options, !existing);
  } catch (error) {
    const fatal = await fatalFailure(error, directory);
    if (fatal !== undefined) throw fatal;
    if (!existing) throw storeFailure(error, directory);
    const reason = describeError(error);
    log.warn("store did not open; repairing it", { directory, reason });
    const loss = lossOf(reason);
    if (loss !== undefined) onLoss(loss);
  }
  try {
    await repair(directory);
    for (const loss of await lossesIn(directory)) onLoss(loss);
    return await opened(options, false);
  } catch (error) {
    throw (await fatalFailure(error, directory)) ?? storeFailure(error, directory);
  }
}

async function opened({ directory, onLoss }: DatabaseOptions, createIfMissing: boolean): Promise<Engine> {
  const engine = await openOnce(directory, createIfMissing);
  for (const loss of await lossesIn(directory)) onLoss(loss);
  return engine;
}

async function openOnce(directory: string, createIfMissing: boolean): Promise<Engine> {
  await demandUnlocked(directory, join(directory, "LOCK"));
  const engine: Engine = new Level<Uint8Array, Uint8Array>(directory, {
    createIfMissing,
    // What we store is encrypted: it does not compress.
    compression: false,
    keyEncoding: "view",
    valueEncoding: "view",
  });
  await engine.open();
  return engine;
}

/** What no repair can cure. */
async function fatalFailure(error: unknown, directory: string): Promise<AgentError | undefined> {
  if (isAgentError(error)) return error;
  if (isLocked(error)) return inUse(directory, join(directory, "LOCK"), error);
  if (isDiskFull(error)) return diskFull(directory, error);
  return isForbidden(error) ? unwritable(directory, error) : undefined;
}

async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory).catch((error: unknown) => {
    throw storeFailure(error, directory);
  });
  return bavail * bsize;
}
