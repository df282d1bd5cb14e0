/** Whole exchanges on a simulated air under a virtual clock: what neighbours offer and ask reaches them. */
import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import { openEtherModem } from "../../src/sim/ether-modem.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import type { SimNode } from "../../src/sim/sim-node.ts";
import { fullMesh, nodeNumber } from "../../src/sim/topology.ts";
import { openNode, openVillage } from "../fakes/village.ts";
import { BROADCAST, PRIVATE_APP } from "../../src/ports/modem.ts";

const MINUTE_MS = 60_000;

async function names(node: SimNode): Promise<string[]> {
  return (await Array.fromAsync(node.shard.files())).map(({ name }) => name).toSorted();
}

describe("exchange", () => {
  test.each([0, 0.3])("brings the index of every node to all, in one cell at loss %d", async (loss) => {
    await using village = await openVillage(1, fullMesh(4, loss), [0, 1, 2, 3]);
    for (const [i, node] of village.nodes.entries()) await node.put(`file-${i}.txt`, utf8(`words of ${i}`));
    const all = ["file-0.txt", "file-1.txt", "file-2.txt", "file-3.txt"];
    const level = async (): Promise<boolean> => {
      const lists = await Promise.all(village.nodes.map(names));
      return lists.every((list) => list.join() === all.join());
    };
    for (let minute = 0; minute < 30 && !(await level()); minute++) await village.clock.advance(MINUTE_MS);
    expect(await Promise.all(village.nodes.map(names))).toEqual(village.nodes.map(() => all));
  });

  test("files that were put before a newcomer came reach it", async () => {
    await using village = await openVillage(2, fullMesh(3), [0, 1]);
    const [first] = village.nodes;
    for (let i = 0; i < 12; i++) await first!.put(`old-${i}`, utf8(`old ${i}`));
    await village.clock.advance(10 * MINUTE_MS);
    const newcomer = await openNode(village.clock, village.ether, 2, "new");
    const stop = new AbortController();
    const running = newcomer.run(stop.signal);
    await village.clock.advance(10 * MINUTE_MS);
    expect((await names(newcomer)).length).toBe(12);
    stop.abort();
    await village.clock.advance(1);
    await running;
  });

  test("garbage on our port is counted, and nothing else happens", async () => {
    await using village = await openVillage(7, fullMesh(3), [0, 1]);
    const random = seededRandom("garbage");
    const ether = village.ether;
    const stranger = openEtherModem({ ether, nodeNumber: nodeNumber(2), random, region: "US", preset: "LongFast" });
    const stop = new AbortController();
    const running = stranger.run(stop.signal);
    for (let i = 0; i < 50; i++) {
      const payload = random.bytes(1 + (i % 231));
      await stranger.send({ to: BROADCAST, port: PRIVATE_APP, payload, hopLimit: 0 }, stop.signal);
      await village.clock.advance(5_000);
    }
    stop.abort();
    await running;
    const { packets_refused: refused = 0, failures = 0 } = village.nodes[0]!.exchange.counters();
    expect(refused).toBeGreaterThan(10);
    expect(failures).toBe(0);
  });
});
