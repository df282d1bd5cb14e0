/** Serving: who answers, how much, and what happens to what the radio never sends. */
import { afterEach, describe, expect, test } from "vitest";
import { refOf } from "../../../src/dag/block-ref.ts";
import { cidOf } from "../../../src/dag/cid.ts";
import { symbolAt } from "../../../src/erasure/cauchy.ts";
import { Agenda } from "../../../src/exchange/agenda.ts";
import { Air } from "../../../src/exchange/air.ts";
import { Serve } from "../../../src/exchange/files/serve.ts";
import { Members, NeighboursBudget } from "../../../src/exchange/neighbours-budget.ts";
import { Suspects } from "../../../src/exchange/files/suspects.ts";
import { utf8 } from "../../../src/kernel/bytes.ts";
import { PRESETS } from "../../../src/radio/airtime.ts";
import type { Frame } from "../../../src/radio/frame.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { VirtualClock } from "../../../src/sim/virtual-clock.ts";
import { packText } from "../../../src/codec/short-text.ts";
import { decodeMessage } from "../../../src/wire/codec.ts";
import type { Coded } from "../../../src/wire/coded.ts";
import type { Get, GetTarget } from "../../../src/wire/get.ts";
import { silentLog } from "../../fakes/log.ts";
import { freshShard, type TestShard } from "../../dag/shards.ts";

const random = seededRandom("serve");
const block = random.bytes(900);
const digest = cidOf("raw", block).multihash.digest;
const prefix = digest.subarray(0, 4);
const MINUTE_MS = 60_000;

interface Rig {
  readonly clock: VirtualClock;
  readonly serve: Serve;
  readonly suspects: Suspects;
  readonly members: Members;
  readonly queued: Frame[];
  readonly said: Coded[];
  readonly counts: Map<string, number>;
  /** When true, the radio sends what it takes. */
  sends: boolean;
}

const cleanup: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of cleanup.splice(0)) await close();
});

/** A node that holds the block; as its author, or as one who fetched it. */
async function openRig(role: "author" | "holder", put = true): Promise<Rig & TestShard> {
  const clock = new VirtualClock();
  const owned = await freshShard(1);
  if (role === "author" && put) await owned.shard.putFile("tide.csv", block);
  if (role === "holder") await owned.shard.putBlock(block, refOf(cidOf("raw", block)));
  const queued: Frame[] = [];
  const said: Coded[] = [];
  const counts = new Map<string, number>();
  const queue = {
    offer: (frame: Frame) => {
      queued.push(frame);
      const message = decodeMessage(frame.payload);
      if (message.ok && message.value.type === "coded") said.push(message.value);
      if (rig.sends) frame.onSent?.(2_000_000);
      return "queued" as const;
    },
    cancel: () => undefined,
  };
  const settings = () => ({ modulation: PRESETS.LongFast, hopLimit: 3 });
  const air = new Air(queue, settings, () => clock.monotonicMs());
  const failures: unknown[] = [];
  const agenda = new Agenda({ clock, capacity: 100, onFailure: (error) => failures.push(error) });
  const suspects = new Suspects();
  const count = (event: string): void => void counts.set(event, (counts.get(event) ?? 0) + 1);
  const parts = { air, agenda, clock, random, log: silentLog, count };
  const members = new Members();
  const budget = new NeighboursBudget(members, () => 1_000, 1 / 4);
  const shard = { shard: owned.shard, suspects, budget };
  const serve = new Serve({ ...parts, ...shard, audience: () => 4, lossRatio: () => 0.3 });
  const rig = { ...owned, clock, serve, suspects, members, queued, said, counts, sends: true };
  const stop = new AbortController();
  const running = agenda.run(stop.signal);
  cleanup.push(async () => {
    stop.abort();
    await clock.advance(1);
    await running;
    expect(failures).toEqual([]);
  });
  return rig;
}

const more = (symbols: number, target: GetTarget = { kind: "prefix", prefix }): Get => ({
  type: "get",
  amount: { kind: "more", symbols },
  target,
});
const from = (radio: number) => ({ from: radio, hops: 0 });

function symbol(index: number, left = 0): Coded {
  const truth = symbolAt(block, 180, index);
  return { type: "coded", prefix, streamBytes: 900, check: undefined, index, left, symbol: truth };
}

describe("a file's author", () => {
  test("answers at once with so many symbols, each a new one that tells how many follow", async () => {
    const rig = await openRig("author");
    await rig.serve.onGet(more(3), from(1));
    await rig.clock.advance(10_000);
    expect(rig.said.map(({ index, left }) => [index, left])).toEqual([
      [0, 2],
      [1, 1],
      [2, 0],
    ]);
    await rig.serve.onGet(more(2), from(1));
    await rig.clock.advance(10_000);
    expect(rig.said.slice(3)).toEqual([symbol(3, 1), symbol(4, 0)]);
  });

  test("sends for a whole block more the more is lost, and the more listen", async () => {
    const burst = async (lossSixteenths: number, listeners: number): Promise<number> => {
      const rig = await openRig("author");
      const amount = { kind: "whole", lossSixteenths, listeners } as const;
      await rig.serve.onGet({ ...more(1), amount }, from(1));
      await rig.clock.advance(10_000);
      return rig.said.length;
    };
    expect(await burst(0, 0)).toBe(5);
    expect(await burst(5, 0)).toBeGreaterThan(5);
    expect(await burst(5, 10)).toBeGreaterThan(await burst(5, 0));
    expect(await burst(15, 15)).toBeLessThanOrEqual(4 * 5 + 4);
  });

  test("finds what is meant by a name, by an entry, and by a whole hash", async () => {
    const rig = await openRig("author");
    const author = rig.shard.author.id.subarray(0, 4);
    const targets: GetTarget[] = [
      { kind: "name", packed: packText("tide.csv") },
      { kind: "entry", author, seq: 2 },
      { kind: "prefix", prefix: digest },
    ];
    for (const target of targets) await rig.serve.onGet(more(2, target), from(1));
    await rig.clock.advance(10_000);
    expect(rig.counts.get("gets_answered")).toBe(3);
    const before = rig.said.length;
    const wrong: GetTarget[] = [
      { kind: "name", packed: packText("tides.csv") },
      { kind: "name", packed: random.bytes(30) },
      { kind: "entry", author, seq: 99 },
      { kind: "prefix", prefix: Uint8Array.of(...prefix, 1 ^ (digest[4] ?? 0)) },
    ];
    for (const target of wrong) await rig.serve.onGet(more(2, target), from(1));
    await rig.clock.advance(MINUTE_MS);
    expect(rig.said.length).toBe(before);
  });

  test("sends a text packed, in fewer and shorter packets", async () => {
    const rig = await openRig("author", false);
    const words = "Boats leave the harbour at six, at noon and at four; the clinic is open until two. ";
    const text = utf8(words.repeat(8));
    const { cid } = await rig.shard.putFile("notice.txt", text);
    const name = { kind: "prefix", prefix: cid.multihash.digest.subarray(0, 4) } as const;
    await rig.serve.onGet(more(1, name), from(1));
    await rig.clock.advance(10_000);
    expect(rig.said[0]?.check).toBeDefined();
    expect(rig.said[0]?.streamBytes).toBeLessThan(text.length / 2);
  });
});

describe("another holder", () => {
  test("waits for the author, and is silent when the author answers", async () => {
    const rig = await openRig("holder");
    await rig.serve.onGet(more(5), from(1));
    await rig.clock.advance(1_000);
    expect(rig.said).toEqual([]);
    for (let left = 4; left >= 0; left--) rig.serve.onCoded(symbol(4 - left, left), from(2));
    await rig.clock.advance(10 * MINUTE_MS);
    expect(rig.said).toEqual([]);
  });

  test("answers when nobody does, with other symbols than the author's first", async () => {
    const rig = await openRig("holder");
    await rig.serve.onGet(more(3), from(1));
    await rig.clock.advance(MINUTE_MS);
    expect(rig.said.length).toBe(3);
    expect(Math.min(...rig.said.map(({ index }) => index))).toBeGreaterThanOrEqual(5);
  });

  test("leaves two questions to whoever has answered before, then answers itself", async () => {
    const rig = await openRig("holder");
    rig.serve.onCoded(symbol(0), from(2));
    for (let question = 1; question <= 2; question++) {
      await rig.serve.onGet(more(3), from(1));
      await rig.clock.advance(MINUTE_MS);
      expect(rig.said).toEqual([]);
    }
    await rig.serve.onGet(more(3), from(1));
    await rig.clock.advance(MINUTE_MS);
    expect(rig.said.length).toBe(3);
  });

  test("does not repeat a symbol that another has said", async () => {
    const rig = await openRig("author");
    await rig.serve.onGet(more(1), from(1));
    await rig.clock.advance(10_000);
    for (const index of [1, 2, 5]) rig.serve.onCoded(symbol(index), from(2));
    for (let question = 0; question < 3; question++) await rig.serve.onGet(more(3), from(1));
    await rig.clock.advance(MINUTE_MS);
    expect(rig.said.map(({ index }) => index)).toEqual([0, 3, 4, 6]);
  });

  test("is not silenced by a false symbol, nor does that use up its number", async () => {
    const rig = await openRig("author");
    await rig.serve.onGet(more(1), from(1));
    await rig.clock.advance(10_000);
    rig.sends = false;
    await rig.serve.onGet(more(2), from(1));
    rig.serve.onCoded({ ...symbol(1, 255), symbol: random.bytes(180) }, from(9));
    rig.sends = true;
    await rig.clock.advance(10_000);
    expect(rig.said.map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(rig.suspects.list(rig.clock.monotonicMs())).toMatchObject([{ radio: 9, lies: 1 }]);
  });
});

test("who mostly tells the truth is not suspected for lies under its number, until they are more than its truths", async () => {
  const rig = await openRig("author");
  await rig.serve.onGet(more(1), from(1));
  await rig.clock.advance(10_000);
  const suspects = (): readonly unknown[] => rig.suspects.list(rig.clock.monotonicMs());
  const lie = (index: number): Coded => ({ ...symbol(index), symbol: random.bytes(180) });
  for (let index = 0; index < 5; index++) rig.serve.onCoded(symbol(index), from(2));
  for (let index = 0; index < 5; index++) rig.serve.onCoded(lie(index), from(2));
  expect(suspects()).toEqual([]);
  rig.serve.onCoded(lie(5), from(2));
  expect(suspects()).toMatchObject([{ radio: 2, lies: 6 }]);
  // It is seen to tell the truth again.
  rig.serve.onCoded(symbol(6), from(2));
  expect(suspects()).toEqual([]);
});

describe("what questions may cost", () => {
  test("a block costs a bounded number of packets in an hour, whoever asks, and some again in the next", async () => {
    const rig = await openRig("author");
    for (let asker = 0; asker < 300; asker++) {
      rig.members.note(asker, `author ${asker}`, 0);
      await rig.serve.onGet(more(255), from(asker));
      await rig.clock.advance(10_000);
    }
    // 5 symbols are the file: 12 times that, and 24.
    expect(rig.said.length).toBe(12 * 5 + 24);
    expect(rig.counts.get("gets_refused_budget")).toBeGreaterThan(0);
    await rig.clock.advance(60 * MINUTE_MS);
    await rig.serve.onGet(more(5), from(1));
    await rig.clock.advance(10_000);
    expect(rig.said.length).toBe(12 * 5 + 24 + 5);
  });

  test("radios that are nobody's have half of a block's hour together; a member has the rest", async () => {
    const rig = await openRig("author");
    rig.members.note(1_000, "author", 0);
    for (let made = 0; made < 300; made++) {
      await rig.serve.onGet(more(255), from(made));
      await rig.clock.advance(10_000);
    }
    expect(rig.said.length).toBe(6 * 5 + 12);
    await rig.serve.onGet(more(5), from(1_000));
    await rig.clock.advance(10_000);
    expect(rig.said.length).toBe(6 * 5 + 12 + 5);
  });

  test("who asks for everything uses up its own hour, and nobody else's", async () => {
    const rig = await openRig("author", false);
    const names: GetTarget[] = [];
    for (let i = 0; i < 40; i++) {
      const { cid } = await rig.shard.putFile(`${i}.bin`, random.bytes(2_000));
      names.push({ kind: "prefix", prefix: cid.multihash.digest.subarray(0, 4) });
    }
    for (const radio of [66, 7]) rig.members.note(radio, `author ${radio}`, 0);
    for (const target of names) {
      await rig.serve.onGet(more(255, target), from(66));
      await rig.clock.advance(1_000);
    }
    expect(rig.said.length).toBe(600);
    await rig.serve.onGet(more(4, names.at(-1)), from(7));
    await rig.clock.advance(10_000);
    expect(rig.said.length).toBe(604);
  });
});

test("a symbol that the queue took and never sent ends its stream, and the next request begins it anew", async () => {
  const rig = await openRig("author");
  rig.sends = false;
  await rig.serve.onGet(more(5), from(1));
  await rig.clock.advance(10_000);
  expect(rig.queued.length).toBe(1);
  expect(rig.queued[0]?.expiresAtMs).toBeDefined();
  await rig.serve.onGet(more(5), from(1));
  await rig.clock.advance(1_000);
  expect(rig.queued.length).toBe(1);

  await rig.clock.advance(10 * MINUTE_MS);
  expect(rig.queued.length).toBe(1);
  await rig.serve.onGet(more(5), from(1));
  await rig.clock.advance(10_000);
  expect(rig.queued.length).toBe(2);
  rig.queued[1]?.onSent?.(1_000_000);
  await rig.clock.advance(10_000);
  expect(rig.queued.length).toBe(3);
});
