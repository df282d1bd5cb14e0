/** Which files are fetched when; and what is kept and carried that nobody here asked for. */
import { describe, expect, test } from "vitest";
import { refOf } from "../../../src/dag/block-ref.ts";
import { DEFAULT_POLICY, judge, type FilesPolicy } from "../../../src/exchange/files/policy.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { fullMesh } from "../../../src/sim/topology.ts";
import { openVillage } from "../../fakes/village.ts";

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const random = seededRandom("policy");

/** Some day at that local time. */
function at(hour: number, minute = 0): number {
  return new Date(2026, 2, 4, hour, minute).getTime();
}

describe("the policy", () => {
  const night: FilesPolicy = {
    ...DEFAULT_POLICY,
    largeBytes: 1_000,
    maxAirBytes: 20_000,
    hours: { from: 21, until: 6 },
  };

  test("lets small files be fetched at any hour, large ones in theirs, over midnight too", () => {
    for (const hour of [0, 5, 12, 20, 21, 23]) expect(judge(1_000, false, night, at(hour))).toEqual({ kind: "now" });
    for (const hour of [0, 5, 21, 23]) expect(judge(1_001, false, night, at(hour))).toEqual({ kind: "now" });
    for (const hour of [6, 12, 20]) {
      expect(judge(1_001, false, night, at(hour, 30))).toMatchObject({ kind: "defer", untilMs: at(21) });
    }
    const day: FilesPolicy = { ...night, hours: { from: 8, until: 18 } };
    expect(judge(5_000, false, day, at(8))).toEqual({ kind: "now" });
    expect(judge(5_000, false, day, at(18))).toMatchObject({ untilMs: at(8) + 24 * HOUR_MS });
    expect(judge(5_000, false, day, at(3, 59))).toMatchObject({ untilMs: at(8) });
  });

  test("lets what is urgent through at any hour, but not what is too large for the air", () => {
    expect(judge(20_000, true, night, at(12))).toEqual({ kind: "now" });
    expect(judge(20_001, true, night, at(23))).toMatchObject({ kind: "defer", untilMs: undefined });
  });
});

describe("a transfer whose time is not now", () => {
  test("asks nothing until then, counts what it overhears, and is fetched when its hour comes", async () => {
    const start = new Date(Date.UTC(2026, 0, 1));
    const from = (start.getHours() + 3) % 24;
    const policy = { ...DEFAULT_POLICY, largeBytes: 100, hours: { from, until: (from + 6) % 24 } };
    await using village = await openVillage(21, fullMesh(2), [0, 1], (index) => (index === 1 ? { policy } : {}));
    const [holder, asker] = village.nodes;
    await holder!.put("large.bin", random.bytes(2_000));
    await village.clock.runUntil(() => asker!.shard.stats().files === 1, 60 * MINUTE_MS);
    const [row] = await asker!.shard.resolve("large.bin");
    const transfer = await asker!.exchange.fetch(row!);
    expect(transfer?.report()).toMatchObject({ state: "deferred", detail: expect.stringContaining("fetched from") });
    await village.clock.advance(HOUR_MS);
    expect(transfer?.requests).toBe(0);
    await village.clock.runUntil(() => transfer?.ended === true, 4 * HOUR_MS);
    expect(transfer?.report().state).toBe("done");
  });

  test("is fetched at once when somebody says that it is urgent", async () => {
    const policy = { ...DEFAULT_POLICY, largeBytes: 100, hours: { from: 0, until: 0 } };
    await using village = await openVillage(22, fullMesh(2), [0, 1], (index) => (index === 1 ? { policy } : {}));
    const [holder, asker] = village.nodes;
    await holder!.put("large.bin", random.bytes(2_000));
    await village.clock.runUntil(() => asker!.shard.stats().files === 1, 60 * MINUTE_MS);
    const [row] = await asker!.shard.resolve("large.bin");
    const transfer = await asker!.exchange.fetch(row!);
    expect(transfer?.report().state).toBe("deferred");
    expect(await asker!.exchange.fetch(row!, { urgent: true })).toBe(transfer);
    await village.clock.runUntil(() => transfer?.ended === true, HOUR_MS);
    expect(transfer?.report().state).toBe("done");
  });
});

describe("files that nobody here asked for", () => {
  test("are kept when they were overheard whole", async () => {
    await using village = await openVillage(23, fullMesh(3), [0, 1, 2]);
    const [holder, asker, listener] = village.nodes;
    const content = random.bytes(1_500);
    const { cid } = await holder!.put("notice.bin", content);
    await village.clock.runUntil(
      () => [asker!, listener!].every(({ shard }) => shard.stats().files === 1),
      60 * MINUTE_MS,
    );
    const [row] = await asker!.shard.resolve("notice.bin");
    const transfer = await asker!.exchange.fetch(row!);
    await village.clock.runUntil(() => transfer?.ended === true, HOUR_MS);
    await village.clock.advance(10_000);
    expect(await listener!.shard.readFile(refOf(cid))).toEqual(content);
    expect(listener!.exchange.counters()["blocks_overheard"]).toBe(1);
  });

  test("are not kept where the policy leaves no room for them", async () => {
    const policy = { ...DEFAULT_POLICY, cacheBytes: 0 };
    await using village = await openVillage(24, fullMesh(3), [0, 1, 2], (index) => (index === 2 ? { policy } : {}));
    const [holder, asker, listener] = village.nodes;
    const { cid } = await holder!.put("notice.bin", random.bytes(1_500));
    await village.clock.runUntil(
      () => [asker!, listener!].every(({ shard }) => shard.stats().files === 1),
      60 * MINUTE_MS,
    );
    const [row] = await asker!.shard.resolve("notice.bin");
    const transfer = await asker!.exchange.fetch(row!);
    await village.clock.runUntil(() => transfer?.ended === true, HOUR_MS);
    expect(await listener!.shard.hasBlock(refOf(cid))).toBe(false);
  });

  test("are fetched while the channel is idle, the newest small ones, by a node that carries", async () => {
    const policy = { ...DEFAULT_POLICY, carryBytes: 5_000, largeBytes: 1_000 };
    await using village = await openVillage(25, fullMesh(2), [0, 1], (index) => (index === 1 ? { policy } : {}));
    const [author, carrier] = village.nodes;
    const sizes = [900, 800, 3_000, 700];
    const cids = [];
    for (const [i, bytes] of sizes.entries()) cids.push((await author!.put(`${i}.bin`, random.bytes(bytes))).cid);
    await village.clock.advance(3 * HOUR_MS);
    const held = await Promise.all(cids.map((cid) => carrier!.shard.hasBlock(refOf(cid))));
    expect(held).toEqual([true, true, false, true]);
    expect(carrier!.exchange.counters()["files_carried"]).toBe(3);
  });
});
