/** Files over a simulated air: from next door and over relays, of one block and of many, and when nobody answers. */
import { describe, expect, test } from "vitest";
import { sha256 } from "../../../src/dag/cid.ts";
import { toHex } from "../../../src/kernel/bytes.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { fullMesh, line, nodeNumber } from "../../../src/sim/topology.ts";
import { fetchFile, openVillage } from "../../fakes/village.ts";

const MINUTE_MS = 60_000;

const content = (bytes: number, seed: string): Uint8Array => seededRandom(seed).bytes(bytes);

describe("a file", () => {
  test.each([
    ["next door", 1, 0],
    ["next door", 1, 0.3],
    ["three hops away", 3, 0],
    ["three hops away", 3, 0.3],
  ])("fetches 900 bytes from a node %s (%i hops), loss %d on each link, both ways", async (_, hops, loss) => {
    await using village = await openVillage(3, line(hops + 1, loss), [0, hops]);
    const [near, far] = village.nodes;
    await near!.put("near.bin", content(900, "near"));
    await far!.put("far.bin", content(900, "far"));
    await village.clock.runUntil(() => [near!, far!].every(({ shard }) => shard.stats().files === 2), 120 * MINUTE_MS);
    expect(await fetchFile(village, near!, "far.bin")).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(900, "far"))),
    });
    expect(await fetchFile(village, far!, "near.bin")).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(900, "near"))),
    });
  });

  test("fetches a file of several blocks", async () => {
    await using village = await openVillage(4, fullMesh(2, 0.1), [0, 1]);
    await village.nodes[0]!.put("map.bin", content(40_000, "map"));
    await village.clock.advance(5 * MINUTE_MS);
    expect(await fetchFile(village, village.nodes[1]!, "map.bin")).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(40_000, "map"))),
    });
  });

  test("a file that turns out too large for the radio is given up after its manifest, with the reason", async () => {
    await using village = await openVillage(8, fullMesh(2), [0, 1]);
    const [near, far] = village.nodes;
    await far!.put("large.bin", content(200_000, "large"));
    await village.clock.advance(5 * MINUTE_MS);
    const [row] = await near!.shard.resolve("large.bin");
    const transfer = await near!.exchange.fetch({ ...row!, name: "by its CID", bytes: 0 });
    await village.clock.runUntil(() => transfer!.ended, 60 * MINUTE_MS);
    expect(transfer!.report()).toMatchObject({
      state: "failed",
      detail: expect.stringContaining("too many for the radio"),
    });
  });

  test("an empty file needs no air", async () => {
    await using village = await openVillage(5, fullMesh(2), [0, 1]);
    await village.nodes[0]!.put("empty", new Uint8Array());
    await village.clock.advance(5 * MINUTE_MS);
    expect(await fetchFile(village, village.nodes[1]!, "empty")).toMatchObject({ state: "done", packets: 0 });
  });

  test("a transfer that nobody answers fails with a sentence, and a second try goes on with the symbols heard", async () => {
    await using village = await openVillage(6, fullMesh(2), [0, 1]);
    const [near, far] = village.nodes;
    await far!.put("far.bin", content(3_000, "far"));
    await village.clock.advance(5 * MINUTE_MS);
    const [row] = await near!.shard.resolve("far.bin");
    const transfer = await near!.exchange.fetch(row!);
    await village.clock.runUntil(() => transfer!.report().packets >= 5, 10 * MINUTE_MS);
    village.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 1 });
    await village.clock.runUntil(() => transfer!.ended, 24 * 60 * MINUTE_MS);
    expect(transfer!.report()).toMatchObject({ state: "failed", detail: expect.stringContaining("nobody in reach") });
    const heard = transfer!.report().packets;
    village.ether.setLink({ a: nodeNumber(0), b: nodeNumber(1), loss: 0 });
    const second = await fetchFile(village, near!, "far.bin");
    expect(second.state).toBe("done");
    expect(second.packets).toBeLessThanOrEqual(14 - heard + 1);
  });
});
