/** Transfers on disk, and symbols that nobody asked for: what has come once need not come again. */
import { describe, expect, test } from "vitest";
import { prefixOf, refOf } from "../../../src/dag/block-ref.ts";
import { cidOf } from "../../../src/dag/cid.ts";
import { openMemoryStore } from "../../../src/drivers/memory-store.ts";
import { symbolAt } from "../../../src/erasure/cauchy.ts";
import { Keeper } from "../../../src/exchange/files/keeper.ts";
import { decodeKept, encodeKept, type KeptRecord } from "../../../src/exchange/files/kept-record.ts";
import { Overheard } from "../../../src/exchange/files/overheard.ts";
import { Transfer } from "../../../src/exchange/files/transfer.ts";
import { WantedBlock } from "../../../src/exchange/files/wanted-block.ts";
import { AgentError } from "../../../src/kernel/errors.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import type { Coded } from "../../../src/wire/coded.ts";
import { openNode, openVillage } from "../../fakes/village.ts";
import { fullMesh } from "../../../src/sim/topology.ts";
import { openStranger } from "../../fakes/stranger.ts";
import { FaultyStore } from "../../fakes/store.ts";
import { silentLog } from "../../fakes/log.ts";

const random = seededRandom("keeping");
const content = random.bytes(3_000);
const cid = cidOf("raw", content);
const target = { codec: "raw", prefix: prefixOf(cid.multihash.digest), cid, name: "été.bin", bytes: 3_000 } as const;
const K = 14;
const MINUTE_MS = 60_000;

function symbol(index: number, left = 0): Coded {
  const prefix = target.prefix.subarray(0, 4);
  const truth = symbolAt(content, 215, index);
  return { type: "coded", prefix, streamBytes: 3_000, check: undefined, index, left, symbol: truth };
}

function transferOf(symbols: number): Transfer {
  const transfer = new Transfer(target);
  const block = new WantedBlock(refOf(cid), 3_000);
  for (let index = 0; index < symbols; index++) block.hear(symbol(index), 7);
  transfer.want(block);
  return transfer;
}

describe("a record of a transfer", () => {
  const records: KeptRecord[] = [
    { target, active: true, block: refOf(cid), symbols: undefined },
    {
      target: { ...target, cid: undefined, author: "3f9a1c20b4d5e6f7" },
      active: false,
      block: { codec: "dag-cbor", digest: target.prefix },
      symbols: {
        cut: { streamBytes: 3_000, check: 9, symbolBytes: 215 },
        pieces: [{ index: 255, from: 0xffff_ffff, symbol: random.bytes(215) }],
      },
    },
  ];

  test("comes back from its bytes", () => {
    for (const record of records) expect(decodeKept(encodeKept(record))).toEqual({ ok: true, value: record });
  });

  test("cut anywhere is refused with a reason", () => {
    for (const record of records) {
      const whole = encodeKept(record);
      for (let length = 0; length < whole.length; length++)
        expect(decodeKept(whole.subarray(0, length)).ok).toBe(false);
    }
  });
});

describe("a keeper", () => {
  test("writes a few symbols at a time, and gives back what it wrote", async () => {
    const store = new FaultyStore();
    const keeper = new Keeper(store, silentLog);
    const transfer = transferOf(10);
    for (let i = 0; i < 10; i++) await keeper.noteSymbol(transfer);
    expect(store.writes).toBe(1);
    await keeper.flush(transfer);
    await keeper.flush(transfer);
    expect(store.writes).toBe(2);
    const [record, ...more] = await new Keeper(store, silentLog).load();
    expect(more).toEqual([]);
    expect(record).toMatchObject({ target, active: true });
    expect(record?.symbols?.pieces.length).toBe(10);
    await keeper.drop(transfer);
    expect(await new Keeper(store, silentLog).load()).toEqual([]);
  });

  test("keeps at most 32: the oldest that were given up make room", async () => {
    const store = openMemoryStore();
    const keeper = new Keeper(store, silentLog);
    for (let i = 0; i < 40; i++) {
      const transfer = new Transfer({ ...target, cid: undefined, prefix: random.bytes(16) });
      transfer.want(new WantedBlock(transfer.root, undefined));
      transfer.state = { kind: "failed", detail: "" };
      await keeper.save(transfer);
    }
    expect((await new Keeper(store, silentLog).load()).length).toBe(32);
  });

  test("goes on without a disk that is full", async () => {
    const store = new FaultyStore();
    store.failure = new AgentError("DISK_FULL", "no space");
    const keeper = new Keeper(store, silentLog);
    await keeper.save(transferOf(3));
    store.failure = undefined;
    await keeper.save(transferOf(3));
    expect((await new Keeper(store, silentLog).load()).length).toBe(1);
  });
});

describe("what was overheard", () => {
  test("is kept once for each number and radio, and taken as it came", () => {
    const overheard = new Overheard();
    for (const from of [1, 2, 1]) overheard.note({ coded: symbol(3), from, atMs: 5 });
    expect(overheard.take(target.prefix.subarray(0, 4)).map(({ from }) => from)).toEqual([1, 2]);
    expect(overheard.take(target.prefix.subarray(0, 4))).toEqual([]);
    expect(overheard.bytes).toBe(0);
  });

  test("takes at most 256 KB, and 32 KB of one block", () => {
    const overheard = new Overheard();
    for (let i = 0; i < 20_000; i++) {
      const prefix = Uint8Array.of(i % 40, 1, 2, 3);
      overheard.note({ coded: { ...symbol(i % 256), prefix }, from: i % 1_000, atMs: i });
    }
    expect(overheard.bytes).toBeLessThanOrEqual(262_144);
    for (let i = 0; i < 5_000; i++) overheard.note({ coded: symbol(i % 256), from: i, atMs: i });
    expect(overheard.of(target.prefix.subarray(0, 4)).length * 215).toBeLessThan(32_768);
  });

  test("counts when the file is wanted later: only the rest is asked for", async () => {
    await using rig = await openStranger(random);
    for (let index = 0; index < 10; index++) await rig.say(symbol(index));
    await rig.clock.advance(20_000);
    const transfer = await rig.node.exchange.fetch(target);
    expect(transfer?.report()).toMatchObject({ wanted: K - 10, total: K, packets: 0 });
    await rig.clock.advance(30_000);
    const get = rig.heard.find(({ type }) => type === "get");
    expect(get).toMatchObject({ amount: { kind: "more" } });
    for (let index = 10; index < K; index++) await rig.say(symbol(index));
    await rig.clock.runUntil(() => transfer?.ended === true, 60_000);
    expect(transfer?.report()).toMatchObject({ state: "done", packets: 4 });
  });
});

test("a node that is cut off in the midst of a file goes on with it when it is back, without being asked", async () => {
  await using village = await openVillage(12, fullMesh(2), [0]);
  const [holder] = village.nodes;
  const large = random.bytes(6_000);
  const put = await holder!.put("survey.bin", large);
  const store = openMemoryStore();
  const stop = new AbortController();
  const first = await openNode(village.clock, village.ether, 1, "first life", { store });
  const life = first.run(stop.signal);
  await village.clock.runUntil(() => first.shard.stats().files === 1, 60 * MINUTE_MS);
  const [row] = await first.shard.resolve("survey.bin");
  const transfer = await first.exchange.fetch(row!);
  await village.clock.runUntil(() => transfer!.report().packets >= 20, 60 * MINUTE_MS);
  stop.abort();
  await village.clock.advance(1);
  await life;
  await village.clock.advance(6 * 60 * MINUTE_MS);

  const second = await openNode(village.clock, village.ether, 1, "second life", { store });
  const end = new AbortController();
  const again = second.run(end.signal);
  await village.clock.advance(1);
  const resumed = second.exchange.transfer(refOf(put.cid));
  expect(resumed?.report()).toMatchObject({ state: "waiting", total: 28 });
  // 16 of the 20 were on disk: two syncs of eight.
  expect(resumed?.report().wanted).toBeLessThanOrEqual(12);
  await village.clock.runUntil(() => resumed?.ended === true, 60 * MINUTE_MS);
  expect(await second.shard.readFile(refOf(put.cid))).toEqual(large);
  // Anew it takes 28 symbols at the least.
  expect(resumed?.report().packets).toBeLessThanOrEqual(16);
  end.abort();
  await village.clock.advance(1);
  await again;
});
