/**
 * Transfers on disk: what is under way goes on after a restart, and what was given up begins where it stood.
 *
 * A few symbols share one sync. A disk that fails costs only that: the transfer goes on in memory, and serving never
 * writes.
 * @module
 */
import { refKey } from "../../dag/block-ref.ts";
import { concatBytes, utf8 } from "../../kernel/bytes.ts";
import { describeError } from "../../kernel/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Store } from "../../ports/store.ts";
import { decodeKept, encodeKept, type KeptRecord } from "./kept-record.ts";
import type { Transfer } from "./transfer.ts";

/** Begins with a byte that no kind of the shard's keys has. */
const KEPT_KEY = "~file:";
const KEPT_RANGE = { from: utf8(KEPT_KEY), until: utf8("~file;") };
/** New symbols that share one sync. */
const SYMBOLS_A_SYNC = 8;
/** Transfers on disk, 50 KB each at most; the oldest that were given up make room. */
const MAX_KEPT = 32;

type KeptStore = Pick<Store, "write" | "entries">;

export class Keeper {
  readonly #store: KeptStore | undefined;
  readonly #log: Log;
  /** By key of the root: whether it is still fetched, in the order in which it was written. */
  readonly #kept = new Map<string, boolean>();
  readonly #unsaved = new Map<string, number>();
  #failing = false;

  /** @param store undefined: nothing is kept */
  constructor(store: KeptStore | undefined, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** What earlier lives left. Records that can't be read are left out. */
  async load(): Promise<readonly KeptRecord[]> {
    const records: KeptRecord[] = [];
    if (this.#store === undefined) return records;
    try {
      for await (const { value } of this.#store.entries({ ...KEPT_RANGE, limit: MAX_KEPT })) {
        const record = decodeKept(value);
        if (!record.ok) continue;
        this.#kept.set(refKey({ codec: "raw", digest: record.value.target.prefix }), record.value.active);
        records.push(record.value);
      }
    } catch (error) {
      this.#log.warn("transfers of an earlier life can't be read", { error: describeError(error) });
    }
    return records;
  }

  /** A symbol more: on disk with the next few. */
  async noteSymbol(transfer: Transfer): Promise<void> {
    const unsaved = (this.#unsaved.get(refKey(transfer.root)) ?? 0) + 1;
    this.#unsaved.set(refKey(transfer.root), unsaved);
    if (unsaved >= SYMBOLS_A_SYNC) await this.save(transfer);
  }

  /** What has come since the last sync is on disk when it resolves, if the disk can. */
  async flush(transfer: Transfer): Promise<void> {
    if ((this.#unsaved.get(refKey(transfer.root)) ?? 0) > 0) await this.save(transfer);
  }

  async save(transfer: Transfer): Promise<void> {
    const { target, block, root, ended } = transfer;
    if (this.#store === undefined || block === undefined) return;
    const key = refKey(root);
    this.#unsaved.delete(key);
    const furthest = block.furthest();
    const symbols = furthest === undefined ? undefined : { cut: furthest.cut, pieces: furthest.pieces() };
    const value = encodeKept({ target, active: !ended, block: block.ref, symbols });
    this.#kept.delete(key);
    this.#kept.set(key, !ended);
    await this.#write([{ key: keyOf(key), value }, ...this.#tooOld()]);
  }

  /** It is whole, or will never be. */
  async drop(transfer: Transfer): Promise<void> {
    const key = refKey(transfer.root);
    this.#unsaved.delete(key);
    if (this.#kept.delete(key)) await this.#write([{ key: keyOf(key), value: undefined }]);
  }

  #tooOld(): { key: Uint8Array; value: undefined }[] {
    const old: { key: Uint8Array; value: undefined }[] = [];
    for (const [key, active] of this.#kept) {
      if (this.#kept.size <= MAX_KEPT) break;
      if (active) continue;
      this.#kept.delete(key);
      old.push({ key: keyOf(key), value: undefined });
    }
    return old;
  }

  async #write(changes: Parameters<Store["write"]>[0]): Promise<void> {
    try {
      await this.#store?.write(changes);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) this.#log.warn("a transfer is not kept on disk", { error: describeError(error) });
      this.#failing = true;
    }
  }
}

function keyOf(key: string): Uint8Array {
  return concatBytes(KEPT_RANGE.from, utf8(key));
}
