/** Who writes this node's own log, before the shard is open: for what must name the node at boot. @module */
import type { Bytes } from "../kernel/bytes.ts";
import type { Store } from "../ports/store.ts";
import { authorFromSeed, SEED_BYTES } from "./author.ts";
import { SEED_KEY } from "./keys.ts";
import { decodeSeed, encodeSeed } from "./records.ts";

/**
 * 8 bytes. At the first boot the author's seed is drawn here, and `openShard` finds it.
 * @param drawSeed 32 random bytes
 * @throws AgentError "STORE_CORRUPT", "STORE_NEWER", and what the store throws
 */
export async function ownAuthorId(store: Store, drawSeed: (bytes: number) => Bytes): Promise<Uint8Array> {
  const stored = await store.get(SEED_KEY);
  const seed = stored === undefined ? drawSeed(SEED_BYTES) : decodeSeed(stored);
  if (stored === undefined) await store.write([{ key: SEED_KEY, value: encodeSeed(seed) }]);
  const { id } = authorFromSeed(seed);
  seed.fill(0);
  return id;
}
