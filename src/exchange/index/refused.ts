/**
 * Authors whose logs are not asked for, because the shard would not take them: strangers, where these are refused; who has
 * signed two histories; anybody new, when the table of authors is full.
 *
 * On the air an id is told by its beginning. Whose it is, shows the first entry only: what was refused then is remembered.
 * @module
 */
import { keepRecent } from "../../kernel/recent.ts";
import type { Shard } from "../../dag/shard.ts";

/** So long a refusal is remembered: a certificate may come, or room. */
const MEMORY_MS = 3_600_000;
const CAPACITY = 512;

export class Refused {
  readonly #shard: Pick<Shard, "accepts">;
  /** Until when, by the id in hex as it was announced; the last ones at the end. */
  readonly #until = new Map<string, number>();

  constructor(shard: Pick<Shard, "accepts">) {
    this.#shard = shard;
  }

  /** @param hex of the id, or of its beginning @param nowMs monotonic */
  accepts(hex: string, nowMs: number): boolean {
    return nowMs >= (this.#until.get(hex) ?? 0) && this.#shard.accepts(hex);
  }

  /** Now the whole id is known: if its author is refused, what was announced so is not asked for again. */
  learn(announced: string, id: string, nowMs: number): void {
    if (this.#shard.accepts(id)) return;
    keepRecent(this.#until, announced, nowMs + MEMORY_MS, CAPACITY);
  }
}
