/**
 * The disk of a simulated house: what was synced outlives every crash, what was on its way is lost, and it may be full.
 * @module
 */
import { openMemoryStore } from "../drivers/memory-store.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Clock } from "../ports/clock.ts";
import type { Change, Range, Store } from "../ports/store.ts";

/** Below and above every key. */
const ALL: Range = { from: new Uint8Array(0), until: new Uint8Array(64).fill(0xff) };

export class SimDisk {
  /** While true, nothing more is written; what is there can be read. */
  full = false;
  /** Writes that it refused because it was full. */
  refused = 0;
  readonly #clock: Clock;
  readonly #syncMs: number;
  readonly #never = new AbortController().signal;
  #rows = openMemoryStore();
  #life: object = {};

  /** @param syncMs how long a sync takes; with 0 nothing is ever on its way */
  constructor(clock: Clock, syncMs: number) {
    this.#clock = clock;
    this.#syncMs = syncMs;
  }

  /** For one life of an agent: {@link SimDisk.crash} ends it. */
  open(): Store {
    const life = {};
    this.#life = life;
    const rows = this.#rows;
    const alive = (): void => {
      if (this.#life !== life) throw new AgentError("STORE_CLOSED", "the machine has crashed");
    };
    return {
      get: (key) => rows.get(key),
      has: (key) => rows.has(key),
      entries: (range) => rows.entries(range),
      keys: (range) => rows.keys(range),
      write: async (changes) => {
        if (this.#syncMs > 0) await this.#clock.sleep(this.#syncMs, this.#never);
        alive();
        if (this.full) {
          this.refused++;
          throw new AgentError("DISK_FULL", "the simulated disk is full");
        }
        await rows.write(changes);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }

  /** What is not synced now never will be. */
  crash(): void {
    this.#life = {};
  }

  async backup(): Promise<readonly Change[]> {
    return Array.fromAsync(this.#rows.entries(ALL));
  }

  /** The disk is as it was then. Only between two lives. */
  async restore(backup: readonly Change[]): Promise<void> {
    this.#rows = openMemoryStore();
    await this.#rows.write(backup);
  }
}
