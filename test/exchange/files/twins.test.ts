/** Two files whose hashes begin alike: a short prefix finds either, and a longer one tells them apart. */
import { expect, test } from "vitest";
import { sha256 } from "../../../src/dag/cid.ts";
import { toHex, utf8 } from "../../../src/kernel/bytes.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { fullMesh } from "../../../src/sim/topology.ts";
import { fetchFile, openNode, openVillage } from "../../fakes/village.ts";

const MINUTE_MS = 60_000;

/** Found by trying: their SHA-256 begins with 3e40e27a. */
const large = (number: number): Uint8Array => {
  const bytes = seededRandom("twins").bytes(900);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, number);
  return bytes;
};
/** … with e0f6fad0. */
const small = (number: number): Uint8Array => utf8(`notice ${number}: `.padEnd(200, "abcdefghij klmno "));

test.each([
  ["of several symbols, cut alike", large(33_747), large(59_116)],
  ["of one symbol, packed", small(115_491), small(170_586)],
])("twins %s both come, from one node that holds both", async (_, first, second) => {
  expect(sha256(first).subarray(0, 4)).toEqual(sha256(second).subarray(0, 4));
  await using village = await openVillage(31, fullMesh(2), [0, 1]);
  const [holder, asker] = village.nodes;
  await holder!.put("first", first);
  await holder!.put("second", second);
  await village.clock.runUntil(() => asker!.shard.stats().files === 2, 30 * MINUTE_MS);
  for (const [name, bytes] of [
    ["first", first],
    ["second", second],
  ] as const) {
    expect(await fetchFile(village, asker!, name)).toMatchObject({ state: "done", hash: toHex(sha256(bytes)) });
  }
  expect(asker!.exchange.suspects()).toEqual([]);
});

test("twins come from two nodes that hold one each, and speak at the same time", async () => {
  const [first, second] = [large(33_747), large(59_116)];
  await using village = await openVillage(32, fullMesh(3), [0, 1]);
  await village.nodes[0]!.put("first", first);
  await village.nodes[1]!.put("second", second);
  const asker = await openNode(village.clock, village.ether, 2, "asker");
  const stop = new AbortController();
  const life = asker.run(stop.signal);
  await village.clock.runUntil(() => asker.shard.stats().files === 2, 60 * MINUTE_MS);
  expect(await fetchFile(village, asker, "first")).toMatchObject({ state: "done", hash: toHex(sha256(first)) });
  expect(await fetchFile(village, asker, "second")).toMatchObject({ state: "done", hash: toHex(sha256(second)) });
  stop.abort();
  await village.clock.advance(1);
  await life;
});
