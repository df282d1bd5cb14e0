/** Who writes this node's own log, before the shard is open: for what must name the node at boot. @module */
import type { Store } from "../ports/store.ts";
import { authorFromSeed, SEED_BYTES } from "./author.ts";
import { SEED_KEY, SUCCESSION_KEY } from "./keys.ts";
import { Ledger } from "./ledger.ts";
import { type AuthorOptions, openAuthor } from "./publish.ts";
import { decodeSeed, encodeSeed } from "./records.ts";

/**
 * 8 bytes. At the first boot the author's seed is drawn here, and `openShard` finds it. Where the author is to be replaced,
 * that is done here.
 * @throws AgentError "STORE_CORRUPT", "STORE_NEWER", and what the store throws
 */
export async function ownAuthorId(store: Store, options: AuthorOptions): Promise<Uint8Array> {
  const stored = await store.get(SEED_KEY);
  if (stored !== undefined && (await store.has(SUCCESSION_KEY))) {
    return (await openAuthor(await Ledger.open(store), options)).id;
  }
  const seed = stored === undefined ? options.random.bytes(SEED_BYTES) : decodeSeed(stored);
  if (stored === undefined) await store.write([{ key: SEED_KEY, value: encodeSeed(seed) }]);
  const { id } = authorFromSeed(seed);
  seed.fill(0);
  return id;
}
