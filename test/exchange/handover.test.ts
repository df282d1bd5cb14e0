/** An author goes on under a new key, on air: neighbours keep the old log's files, get the new log's, and see the link. */
import { expect, test } from "vitest";
import { rootOf } from "../../src/dag/block-ref.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { SimVillage } from "../../src/sim/sim-village.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { seeded } from "../fakes/seeded.ts";

const HOUR_MS = 3_600_000;
const MAP = seeded(5).random.bytes(2_000);

async function open(): Promise<SimVillage> {
  const links = [
    [0, 1],
    [1, 2],
  ] as const;
  return SimVillage.open({
    seed: 31,
    count: 3,
    links: links.map(([a, b]) => ({ a: nodeNumber(a), b: nodeNumber(b), loss: 0.1 })),
    preset: "ShortFast",
    region: "US",
    hopLimit: 3,
    share: 0.5,
    closed: 1,
  });
}

const linksOf = (shard: Shard): Promise<object[]> => Array.fromAsync(shard.handovers());

test("neighbours and newcomers have both logs and the link; an old backup is told, and stops", async () => {
  await using village = await open();
  const [clinic, school, newcomer] = village.houses;
  if (clinic === undefined || school === undefined || newcomer === undefined) throw new Error("three houses");
  clinic.start();
  school.start();
  const from = toHex(clinic.agent.shard.author.id);
  await clinic.agent.put("hours.txt", utf8("Monday to Friday"));
  await clinic.agent.put("map.png", MAP);
  expect(await village.runUntil(() => school.agent.shard.count(from) === 3, HOUR_MS)).toBe(true);
  const backup = await clinic.disk.backup();

  await clinic.agent.shard.replaceAuthor();
  await clinic.stop();
  const { shard } = await clinic.open();
  clinic.start();
  const to = toHex(shard.author.id);
  await clinic.agent.put("new.txt", utf8("under the new key"));
  const known = (at: typeof school) => (): boolean =>
    at.agent.shard.count(from) === 4 && at.agent.shard.count(to) === 2;
  expect(await village.runUntil(known(school), 2 * HOUR_MS)).toBe(true);
  const link = { from, to, seq: 4, ignored: 0, contested: false };
  expect(await linksOf(school.agent.shard)).toEqual([link]);

  // Its blocks are the former author's, and are served as before.
  const [map] = await school.agent.shard.resolve("map.png");
  expect(map).toMatchObject({ author: from, held: false });
  const transfer = await school.agent.exchange.fetch(map!);
  expect(await village.runUntil(() => transfer!.ended, HOUR_MS)).toBe(true);
  expect(await school.agent.shard.readFile(rootOf(map!))).toEqual(MAP);

  await newcomer.open();
  newcomer.start();
  expect(await village.runUntil(known(newcomer), 4 * HOUR_MS)).toBe(true);
  expect(await linksOf(newcomer.agent.shard)).toEqual([link]);
  const names = (await Array.fromAsync(newcomer.agent.shard.files())).map(({ author, name }) => [author, name]);
  expect(names).toEqual(
    expect.arrayContaining([
      [from, "hours.txt"],
      [from, "map.png"],
      [to, "new.txt"],
    ]),
  );

  await clinic.stop();
  await clinic.disk.restore(backup);
  const { shard: restored } = await clinic.open();
  expect(toHex(restored.author.id)).toBe(from);
  clinic.start();
  expect(await village.runUntil(() => restored.count(from) === 4, 4 * HOUR_MS)).toBe(true);
  await expect(restored.putFile("x", utf8("x"))).rejects.toMatchObject({ code: "AUTHOR_REPLACED" });
  expect(await linksOf(restored)).toEqual([link]);
  for (const { agent } of [school, newcomer]) expect(agent.shard.inQuarantine(from)).toBe(false);
});
