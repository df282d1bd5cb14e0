/** Two villages out of reach of each other, and a node that goes from one to the other: it brings both in step. */
import { expect, test } from "vitest";
import { sha256 } from "../../../src/dag/cid.ts";
import { DEFAULT_POLICY } from "../../../src/exchange/files/policy.ts";
import { toHex } from "../../../src/kernel/bytes.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../../src/sim/topology.ts";
import { fetchFile, openVillage, type Village } from "../../fakes/village.ts";

const HOUR_MS = 3_600_000;
const LOSS = 0.15;
const [HILL, CARRIER, SHORE] = [[0, 1], 2, [3, 4]] as const;

const link = (a: number, b: number, loss: number) => ({ a: nodeNumber(a), b: nodeNumber(b), loss });
const content = (name: string, bytes: number): Uint8Array => seededRandom(name).bytes(bytes);

function move({ ether }: Village, to: readonly number[] | undefined): void {
  for (const other of [...HILL, ...SHORE]) ether.setLink(link(CARRIER, other, to?.includes(other) === true ? LOSS : 1));
}

test("index and files go over with it, both ways, although no radio of one village ever hears the other", async () => {
  const links = [link(0, 1, LOSS), link(3, 4, LOSS), link(2, 0, LOSS), link(2, 1, LOSS)];
  await using village = await openVillage(71, links, [0, 1, 2, 3, 4], (index) =>
    index === CARRIER ? { policy: { ...DEFAULT_POLICY, carryBytes: 1_000_000 } } : {},
  );
  const { clock, nodes } = village;
  const [hill, neighbour, carrier, shore, fisher] = nodes;
  const until = (what: () => boolean, hours: number): Promise<unknown> => clock.runUntil(what, hours * HOUR_MS);
  await hill!.put("clinic.txt", content("clinic.txt", 900));
  await neighbour!.put("school.bin", content("school.bin", 2_500));
  await shore!.put("tide.csv", content("tide.csv", 1_200));
  await until(() => carrier!.shard.stats().bytes >= 3_400, 6);
  expect(carrier!.shard.stats().bytes).toBe(3_400);
  move(village, undefined);
  await clock.advance(HOUR_MS);

  move(village, SHORE);
  await until(() => [shore!, fisher!].every(({ shard }) => shard.stats().files === 3), 6);
  expect([shore!, fisher!].map(({ shard }) => shard.stats().files)).toEqual([3, 3]);
  for (const [name, bytes] of [
    ["clinic.txt", 900],
    ["school.bin", 2_500],
  ] as const) {
    expect(await fetchFile(village, fisher!, name)).toMatchObject({
      state: "done",
      hash: toHex(sha256(content(name, bytes))),
    });
  }
  await until(() => carrier!.shard.stats().bytes >= 4_600, 6);
  expect(carrier!.shard.stats().bytes).toBe(4_600);

  move(village, undefined);
  await clock.advance(HOUR_MS);
  move(village, HILL);
  await until(() => [hill!, neighbour!].every(({ shard }) => shard.stats().files === 3), 6);
  expect(await fetchFile(village, neighbour!, "tide.csv")).toMatchObject({
    state: "done",
    hash: toHex(sha256(content("tide.csv", 1_200))),
  });
});
