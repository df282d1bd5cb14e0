/** Looking names and blocks up in indexes gives what looking at everything would give. */
import { describe, expect, test } from "vitest";
import { digestOf } from "../../src/dag/cid.ts";
import { HeldDigests } from "../../src/dag/held-digests.ts";
import { blockKey, TITLES_KEY, titleRange } from "../../src/dag/keys.ts";
import { seeded } from "../fakes/seeded.ts";
import { freshShard } from "./shards.ts";

const { random } = seeded(4);

describe("the index of names", () => {
  test("is made at the opening of a store that an earlier version wrote without one", async () => {
    const { shard, store } = await freshShard(1);
    await shard.putFile("tides.txt", random.bytes(700));
    await store.tamper(TITLES_KEY, undefined);
    for await (const key of store.keys(titleRange("tides.txt"))) await store.tamper(key, undefined);
    expect(await shard.resolve("tides.txt")).toEqual([]);

    const { shard: again } = await freshShard(1, store);
    expect(await again.resolve("tides.txt")).toMatchObject([{ name: "tides.txt", seq: 2, held: true }]);
  });

  test("has a file once, however often its author puts it", async () => {
    const { shard } = await freshShard(1);
    for (let i = 0; i < 3; i++) await shard.putFile("tides.txt", random.bytes(700));
    expect(await shard.resolve("tides.txt")).toMatchObject([{ seq: 4 }]);
  });
});

describe("the names of held blocks", () => {
  test("are found by their beginnings, and no others are", async () => {
    const { shard, store } = await freshShard(1);
    const puts = [];
    for (let i = 0; i < 70; i++) puts.push(await shard.putFile(`${i}.bin`, random.bytes(700)));
    // Room for none: it grows as they come.
    const names = await HeldDigests.read(store, 0);
    for (const { cid } of puts) {
      const digest = digestOf(cid);
      expect(names.beginningWith(digest.subarray(0, 16), 4)).toEqual([digest]);
      const other = new Uint8Array(digest.subarray(0, 16));
      other[15] = (other[15] ?? 0) ^ 1;
      expect(names.beginningWith(other, 4)).toEqual([]);
    }
    expect(names.beginningWith(new Uint8Array(), 100)).toHaveLength(70);
  });

  test("tell in a list what each file would tell alone, a lost block included", async () => {
    const { shard, store } = await freshShard(1);
    for (let i = 0; i < 70; i++) await shard.putFile(`${i}.bin`, random.bytes(700));
    const [lost] = await shard.resolve("7.bin");
    if (lost?.cid === undefined) throw new Error("a file that was put is not here");
    await store.tamper(blockKey(digestOf(lost.cid)), undefined);
    const list = await Array.fromAsync(shard.files());
    expect(list.filter(({ held }) => !held).map(({ name }) => name)).toEqual(["7.bin"]);
    for (const row of list) expect([row]).toEqual(await shard.resolve(row.name));
  });
});
