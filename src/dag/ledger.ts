/**
 * The one writer of the shard: takes pieces of work in turn, and puts what they change on disk together.
 *
 * A piece of work reads and changes through a draft. Work that fails leaves no trace; when the disk fails, all that was
 * to be written together fails, and the state is read anew, since only the disk knows what stands on it.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { Committed, Draft } from "./draft.ts";
import { TOTALS_KEY, authorRange } from "./keys.ts";
import { type AuthorRecord, type Totals, decodeAuthorRecord, decodeTotals } from "./records.ts";
import { Roster } from "./roster.ts";

const MAX_WAITING = 1024;
const MAX_GROUP = 256;
const MAX_GROUP_BYTES = 2 ** 20;
const NO_TOTALS: Totals = { blocks: 0, bytes: 0, files: 0, arrivals: 0 };

interface Job {
  /** Does the work on a draft; the function that it returns serves the caller once the draft is on disk. */
  readonly work: (group: Draft) => Promise<() => void>;
  /** The disk failed. */
  readonly fail: (error: unknown) => void;
}

export class Ledger {
  readonly #store: Store;
  readonly #waiting: Job[] = [];
  #committed: Committed;
  /** A write failed: what is in memory may not be what is on disk. */
  #stale = false;
  #running = false;

  private constructor(committed: Committed) {
    this.#committed = committed;
    this.#store = committed.store;
  }

  /** Reads authors and totals: one record an author, whatever the length of the logs. */
  static async open(store: Store): Promise<Ledger> {
    return new Ledger(await load(store));
  }

  /** What is on disk. Not to be kept: it changes with each commit, and is replaced after a failure of the disk. */
  get committed(): Committed {
    return this.#committed;
  }

  /**
   * The result of the work, once all that it changed is on disk.
   * @throws AgentError "SHARD_BUSY"; and what the work or the store throws
   */
  commit<T>(work: (draft: Draft) => Promise<T>): Promise<T> {
    if (this.#waiting.length >= MAX_WAITING) {
      const fix = "try again in a moment";
      return Promise.reject(new AgentError("SHARD_BUSY", "more changes wait for the disk than may", { fix }));
    }
    return new Promise<T>((resolve, reject) => {
      const served = async (group: Draft): Promise<() => void> => {
        const draft = new Draft(group);
        try {
          const result = await work(draft);
          draft.applyTo(group);
          return () => resolve(result);
        } catch (error) {
          reject(error);
          return () => undefined;
        }
      };
      this.#waiting.push({ work: served, fail: reject });
      if (!this.#running) {
        this.#running = true;
        void this.#run();
      }
    });
  }

  /** Never rejects: every failure goes to those who wait for it. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      try {
        await this.#refresh();
      } catch (error) {
        this.#waiting.shift()?.fail(error);
        continue;
      }
      await this.#runGroup();
    }
    this.#running = false;
  }

  async #refresh(): Promise<void> {
    if (!this.#stale) return;
    this.#committed = await load(this.#store);
    this.#stale = false;
  }

  async #runGroup(): Promise<void> {
    const group = new Draft(this.#committed);
    const jobs: Job[] = [];
    const serve: (() => void)[] = [];
    while (jobs.length < MAX_GROUP && group.bytes < MAX_GROUP_BYTES) {
      const job = this.#waiting.shift();
      if (job === undefined) break;
      jobs.push(job);
      serve.push(await job.work(group));
    }
    try {
      await this.#write(group);
      for (const done of serve) done();
    } catch (error) {
      for (const job of jobs) job.fail(error);
    }
  }

  async #write(group: Draft): Promise<void> {
    const changes = group.changes();
    if (changes.length === 0) return;
    this.#stale = true;
    await this.#store.write(changes);
    group.settleIn(this.#committed);
    this.#stale = false;
  }
}

async function load(store: Store): Promise<Committed> {
  const authors = new Map<string, AuthorRecord>();
  for await (const { key, value } of store.entries(authorRange())) {
    authors.set(toHex(key.subarray(1)), decodeAuthorRecord(value));
  }
  const totals = await store.get(TOTALS_KEY);
  return new Committed(store, new Roster(authors), totals === undefined ? NO_TOTALS : decodeTotals(totals));
}
