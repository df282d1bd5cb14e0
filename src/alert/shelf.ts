/**
 * The alerts on disk: what is held, which numbers are over for good, and the last number of this node's own.
 * @module
 */
import { type Bytes, toHex } from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import { keepRecent } from "../kernel/recent.ts";
import type { Log } from "../ports/log.ts";
import type { Change, Store } from "../ports/store.ts";
import type { HeldAlert } from "./held-alert.ts";
import { MAX_HELD } from "./limits.ts";
import { decodeOver, encodeOver, isOver, NOTHING_OVER, over, type OverNumbers } from "./numbers.ts";
import {
  ALERT_RANGE,
  OVER_RANGE,
  OWN_NUMBER_KEY,
  alertKey,
  decodeAlertRecord,
  decodeOwnNumber,
  encodeAlertRecord,
  encodeOwnNumber,
  overKey,
  type AlertRecord,
} from "./records.ts";

/** Authors whose numbers are remembered, the last ones. */
const MAX_AUTHORS = 256;

export class AlertShelf {
  readonly #store: Store;
  readonly #log: Log;
  readonly #over = new Map<string, OverNumbers>();
  #ownNumber = 0;

  private constructor(store: Store, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** @throws what the store throws */
  static async open(store: Store, log: Log): Promise<AlertShelf> {
    const shelf = new AlertShelf(store, log);
    shelf.#ownNumber = decodeOwnNumber(await store.get(OWN_NUMBER_KEY));
    for await (const { key, value } of store.entries(OVER_RANGE)) {
      const numbers = decodeOver(value);
      if (numbers !== undefined) shelf.#over.set(toHex(key.subarray(1)), numbers);
    }
    return shelf;
  }

  /** The last number of this node's own alerts; 0 before the first. */
  get ownNumber(): number {
    return this.#ownNumber;
  }

  isOver(authorHex: string, number: number): boolean {
    return isOver(this.#over.get(authorHex) ?? NOTHING_OVER, number);
  }

  async *records(): AsyncGenerator<AlertRecord> {
    for await (const { value } of this.#store.entries({ ...ALERT_RANGE, limit: 4 * MAX_HELD })) {
      const record = decodeAlertRecord(value);
      if (record === undefined) this.#log.warn("a stored alert can't be read");
      else yield record;
    }
  }

  /**
   * Durable, all of it or nothing.
   * @param over numbers of its author that are over from now on
   * @param own true when it is one of this node's own
   * @throws what the store throws: then nothing has changed
   */
  async put(
    held: HeldAlert,
    { over: numbers = [], own = false }: { over?: readonly number[]; own?: boolean },
  ): Promise<void> {
    const changes: Change[] = [{ key: alertKey(held), value: recordOf(held) }];
    const after = this.#with(held.authorHex, numbers);
    if (numbers.length > 0) changes.push({ key: overKey(held.author), value: encodeOver(after) });
    const raised = own && held.number > this.#ownNumber;
    if (raised) changes.push({ key: OWN_NUMBER_KEY, value: encodeOwnNumber(held.number) });
    await this.#store.write(changes);
    if (numbers.length > 0) this.#setOver(held.authorHex, after);
    if (raised) this.#ownNumber = held.number;
  }

  /**
   * Takes alerts of one author away. What the disk refuses is said in the log; in memory they are gone.
   * @param forGood their numbers never come back
   */
  async remove(alerts: readonly HeldAlert[], forGood: boolean): Promise<void> {
    const [first] = alerts;
    if (first === undefined) return;
    const changes: Change[] = alerts.map((held) => ({ key: alertKey(held), value: undefined }));
    if (forGood) {
      const after = this.#with(
        first.authorHex,
        alerts.map(({ number }) => number),
      );
      this.#setOver(first.authorHex, after);
      changes.push({ key: overKey(first.author), value: encodeOver(after) });
    }
    try {
      await this.#store.write(changes);
    } catch (error) {
      this.#log.error("an ended alert is still on disk", { alert: first.id, error: describeError(error) });
    }
  }

  #with(authorHex: string, numbers: readonly number[]): OverNumbers {
    return over(this.#over.get(authorHex) ?? NOTHING_OVER, numbers);
  }

  #setOver(authorHex: string, numbers: OverNumbers): void {
    keepRecent(this.#over, authorHex, numbers, MAX_AUTHORS);
  }
}

function recordOf({ author, publicKey, number, body, signature, heardAtMs, acknowledgedAtMs }: HeldAlert): Bytes {
  return encodeAlertRecord({ alert: { author, publicKey, number, body, signature }, heardAtMs, acknowledgedAtMs });
}
