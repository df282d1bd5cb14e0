/** What a node takes for known of a log when others hold more of it: of its own nothing, of another's what it holds. */
import { expect, test } from "vitest";
import { IndexState } from "../../../src/exchange/index/state.ts";
import { toHex } from "../../../src/kernel/bytes.ts";
import { freshShard } from "../../dag/shards.ts";

const LONGER = { from: 0, to: 3, slots: 20 };

test("nothing of one's own log counts as known once others hold more of it: it may be another history", async () => {
  await using owned = await freshShard(1);
  await using other = await freshShard(2);
  const { author } = other.shard;
  await other.shard.putFile("tide.csv", Uint8Array.of(1));
  const { entries, signature } = await other.shard.entries(author.id, 1, 2);
  await owned.shard.merge(author.id, 1, entries, signature);
  const state = new IndexState(owned.shard);
  state.refresh(0);
  const ofOther = await state.part({ hex: toHex(author.id), ...LONGER }, 0);
  expect(ofOther.bytes.length).toBeGreaterThan(0);
  const own = await state.part({ hex: toHex(owned.shard.author.id), ...LONGER }, 0);
  expect(own).toMatchObject({ bytes: new Uint8Array(0), whole: false, wanted: true });
});
