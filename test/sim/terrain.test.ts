/** Where houses lie, and what the sky over them lets through. */
import { expect, test } from "vitest";
import { PRESETS } from "../../src/radio/airtime.ts";
import { openEther } from "../../src/sim/ether.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { Sky } from "../../src/sim/sky.ts";
import { distances, roadsOf, twoVillages, type TerrainName } from "../../src/sim/terrain.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { VirtualClock } from "../../src/sim/virtual-clock.ts";

const TERRAINS: readonly TerrainName[] = ["cell", "line", "star", "scattered"];

test("every terrain but two villages joins all of its houses", () => {
  for (const terrain of TERRAINS) {
    for (let houses = 2; houses < 12; houses++) {
      const far = distances(roadsOf(terrain, houses, seededRandom(houses)), houses);
      expect(
        far.flat().every((road) => Number.isFinite(road)),
        `${terrain} of ${houses}`,
      ).toBe(true);
    }
  }
});

test("from end to end of a line of five there are four roads, and on a star never more than two", () => {
  const random = seededRandom("terrain");
  expect(distances(roadsOf("line", 5, random), 5)[0]).toEqual([0, 1, 2, 3, 4]);
  expect(Math.max(...distances(roadsOf("star", 6, random), 6).flat())).toBe(2);
});

test("two villages hear only who carries between them, and each only while it is there", () => {
  const [left, right] = [distances(twoVillages(5, 0), 5), distances(twoVillages(5, 1), 5)];
  expect(left[4]).toEqual([1, 1, Infinity, Infinity, 0]);
  expect(right[4]).toEqual([Infinity, Infinity, 1, 1, 0]);
});

test("a wall cuts what crosses it, and two walls must both fall", async () => {
  const clock = new VirtualClock();
  const ether = openEther({ clock, random: seededRandom("sky"), modulation: PRESETS.ShortFast, links: [] });
  const roads = roadsOf("cell", 3, seededRandom("sky"));
  const sky = new Sky(ether, { houses: 3, roads, lossRatio: 0 });
  sky.lay(roads);
  const heard = async (): Promise<number> => {
    const before = ether.stats().heard;
    ether
      .radio(nodeNumber(0))
      .submit({ to: 0xffff_ffff, id: before + 1, port: 256, hopLimit: 0, payload: new Uint8Array(9) });
    await clock.advance(10_000);
    return ether.stats().heard - before;
  };
  expect(await heard()).toBe(2);
  const [first, second] = [sky.wall([0]), sky.wall([0, 1])];
  expect(await heard()).toBe(0);
  first();
  expect(await heard()).toBe(1);
  second();
  expect(await heard()).toBe(2);
  await ether[Symbol.asyncDispose]();
});
