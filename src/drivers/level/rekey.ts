/**
 * Moves a store's values from one key to another, a few at a time, while the store serves.
 *
 * First from where the header says that the last run stopped, to the end; then once more over all, since LevelDB may
 * have fallen back to older values where its files were damaged. Only when that second look finds nothing under the
 * former key is it given up.
 * @module
 */
import { type Bytes, concatBytes, copyBytes } from "../../kernel/bytes.ts";
import type { Random } from "../../ports/random.ts";
import type { KeysInUse, Rekeying, RekeyStep } from "../../ports/store.ts";
import { ValueCipher } from "./cipher.ts";
import type { KeyRing } from "./key-ring.ts";
import type { Task } from "./tasks.ts";

/** Looked at in one step: a step must not hold up the writes of others. */
const STEP_ROWS = 64;

type Row = readonly [key: Uint8Array, sealed: Uint8Array];

export interface RekeyParts {
  readonly random: Random;
  readonly ring: () => KeyRing;
  /** Sealed values behind a key of the database (or from the first on), in order. */
  readonly rows: (behind: Uint8Array | undefined, limit: number) => Promise<readonly Row[]>;
  /** Resolves once the task is on disk. */
  readonly submit: (task: Task, bytes: number) => Promise<void>;
  /** Called when the header on disk has changed. */
  readonly onHeader: () => Promise<void>;
}

export class Rekey implements Rekeying {
  readonly #parts: RekeyParts;
  /** How far the second look has come; undefined before it. */
  #checked: Bytes | "from the start" | undefined;
  #stepping = false;

  constructor(parts: RekeyParts) {
    this.#parts = parts;
  }

  keysInUse(): KeysInUse {
    return this.#parts.ring().keysInUse;
  }

  async begin(next: Uint8Array): Promise<void> {
    const { random, submit, onHeader } = this.#parts;
    await submit({ kind: "begin", next: new ValueCipher(next, random) }, 64);
    this.#checked = undefined;
    await onHeader();
  }

  async step(): Promise<RekeyStep> {
    if (this.#stepping) throw new RangeError("one step at a time");
    this.#stepping = true;
    try {
      return await this.#step();
    } finally {
      this.#stepping = false;
    }
  }

  async #step(): Promise<RekeyStep> {
    const ring = this.#parts.ring();
    const { former, current, cursor } = ring;
    if (former === undefined) return { looked: 0, moved: 0, done: true };
    const checking = this.#checked !== undefined;
    const behind = checking ? this.#checked : cursor.length === 0 ? undefined : cursor;
    const rows = await this.#parts.rows(typeof behind === "string" ? undefined : behind, STEP_ROWS);
    const last = rows.at(-1);
    if (last === undefined) return this.#turn();
    const stale = rows.filter(([key, sealed]) => isUnder(former, current, key, sealed));
    const reached = copyBytes(last[0]);
    if (stale.length > 0 || !checking) {
      const keys = stale.map(([key]) => copyBytes(key));
      const bytes = stale.reduce((sum, [key, sealed]) => sum + key.length + sealed.length, reached.length + 64);
      await this.#parts.submit({ kind: "move", keys, cursor: checking ? undefined : reached }, bytes);
    }
    // What was moved during the second look is looked at a third time: another run over all follows.
    if (checking) this.#checked = stale.length === 0 ? reached : "from the start";
    return { looked: rows.length, moved: stale.length, done: false };
  }

  /** At the end of a run. */
  async #turn(): Promise<RekeyStep> {
    if (this.#checked === undefined) {
      this.#checked = "from the start";
      return { looked: 0, moved: 0, done: false };
    }
    await this.#parts.submit({ kind: "end" }, 64);
    this.#checked = undefined;
    await this.#parts.onHeader();
    return { looked: 0, moved: 0, done: true };
  }
}

/** What opens under neither key was damaged before, and stays what it is. */
function isUnder(former: ValueCipher, current: ValueCipher, key: Uint8Array, sealed: Uint8Array): boolean {
  return current.open(key, sealed) === undefined && former.open(key, sealed) !== undefined;
}

/** The first key of the database behind this one. */
export function behindKey(key: Uint8Array): Bytes {
  return concatBytes(key, Uint8Array.of(0));
}
