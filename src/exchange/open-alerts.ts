/** Opens this node's alerts over its store: signatures by its author, keys of others from their logs. @module */
import { fromHex, toHex } from "../kernel/bytes.ts";
import type { Clock } from "../ports/clock.ts";
import type { Log } from "../ports/log.ts";
import type { Store } from "../ports/store.ts";
import { AlertBook } from "../alert/book.ts";
import { authorId } from "../dag/author.ts";
import { verifyEd25519 } from "../kernel/ed25519.ts";
import { decodeEntry } from "../dag/entry.ts";
import type { Shard } from "../dag/shard.ts";

export interface AlertsOptions {
  readonly store: Store;
  readonly shard: Shard;
  readonly clock: Clock;
  readonly log: Log;
  /** Whose alerts count here, besides this node's own: author ids (16 hex digits), public keys (64), "enrolled". */
  readonly authorised: readonly string[] | "everyone";
  readonly strangers: "show-unverified" | "drop";
  /** Whom the village's authority has enrolled: they count where `authorised` has the word "enrolled". */
  readonly isEnrolled?: ((authorHex: string) => boolean) | undefined;
}

/** @throws what the store throws */
export function openAlerts(options: AlertsOptions): Promise<AlertBook> {
  const { store, shard, clock, log, authorised, strangers, isEnrolled } = options;
  const enrolledCount = authorised !== "everyone" && authorised.includes("enrolled");
  const keys = (authorised === "everyone" ? [] : authorised)
    .map((text) => fromHex(text))
    .filter((bytes) => bytes !== undefined);
  const configured = new Map(keys.filter(({ length }) => length === 32).map((key) => [toHex(authorId(key)), key]));
  const trusted = new Set([...keys.filter(({ length }) => length === 8).map(toHex), ...configured.keys()]);
  return AlertBook.open({
    store,
    clock,
    log,
    self: shard.author,
    verify: verifyEd25519,
    keyOf: async (authorHex) => configured.get(authorHex) ?? (await keyFromLog(shard, authorHex)),
    isAuthorised: (authorHex) =>
      authorised === "everyone" || trusted.has(authorHex) || (enrolledCount && isEnrolled?.(authorHex) === true),
    strangers,
  });
}

/** The first entry of a log is its author's; undefined when that log is not here. */
async function keyFromLog(shard: Shard, authorHex: string): Promise<Uint8Array | undefined> {
  const id = fromHex(authorHex) ?? new Uint8Array(0);
  const [first] = (await shard.entries(id, 1, 1)).entries;
  const entry = first === undefined ? undefined : decodeEntry(first);
  if (entry?.ok !== true || entry.value.kind !== "author") return undefined;
  return toHex(authorId(entry.value.publicKey)) === authorHex ? entry.value.publicKey : undefined;
}
