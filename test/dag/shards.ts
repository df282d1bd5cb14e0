/** Shards for tests: in memory, each author from a seed of its own. @module */
import { openShard } from "../../src/dag/open-shard.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { FaultyStore } from "../fakes/store.ts";
import { silentLog } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

export interface TestShard extends AsyncDisposable {
  readonly shard: Shard;
  readonly store: FaultyStore;
}

/** @param store of an earlier shard, to open the same again */
export async function freshShard(
  seed: number,
  store = new FaultyStore(),
  nodeName = `node ${seed}`,
): Promise<TestShard> {
  const shard = await openShard(store, { random: seeded(seed).random, nodeName, log: silentLog });
  return { shard, store, [Symbol.asyncDispose]: () => Promise.resolve(store[Symbol.asyncDispose]()) };
}
