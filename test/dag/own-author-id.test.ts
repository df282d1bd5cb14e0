/** The author's id before the shard is open: the one that the shard then has. */
import { expect, test } from "vitest";
import { openShard } from "../../src/dag/open-shard.ts";
import { ownAuthorId } from "../../src/dag/own-author-id.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { silentLog } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

test("is the shard's, whichever of the two comes first, and needs no random numbers again", async () => {
  const { random } = seeded(3);
  const noMore = (): never => {
    throw new Error("drawn again");
  };
  const options = { nodeName: "clinic", log: silentLog };
  for (const early of [true, false]) {
    const store = openMemoryStore();
    const before = early ? await ownAuthorId(store, { ...options, random }) : undefined;
    const shard = await openShard(store, { random, nodeName: "clinic", log: silentLog });
    const after = await ownAuthorId(store, { ...options, random: { bytes: noMore } });
    expect(toHex(after)).toBe(toHex(shard.author.id));
    if (before !== undefined) expect(after).toEqual(before);
    expect(shard.authors()).toMatchObject([{ name: "clinic", count: 1 }]);
  }
});
