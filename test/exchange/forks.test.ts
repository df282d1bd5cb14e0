/** Forks: proof goes round, in one packet or several, and nothing else does any harm. @module */
import { describe, expect, test } from "vitest";
import { openShard } from "../../src/dag/open-shard.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { ForkSpread } from "../../src/exchange/forks.ts";
import { Agenda } from "../../src/exchange/agenda.ts";
import { Air } from "../../src/exchange/air.ts";
import { groupKey } from "../../src/exchange/sealed-box.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { decodeMessage } from "../../src/wire/codec.ts";
import type { Fork } from "../../src/wire/fork.ts";
import { Scribe } from "../dag/scribe.ts";
import { FakeClock } from "../fakes/clock.ts";
import { silentLog } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";
import { openVillage } from "../fakes/village.ts";

async function forked(shard: Shard, length = 3, further = 0): Promise<Scribe> {
  const [one, two] = [new Scribe(5, length), new Scribe(5, length + further, " again")];
  await shard.merge(...one.update(1, length + 1));
  expect(await shard.merge(...two.update(1, length + 1 + further))).toMatchObject({ kind: "fork" });
  return one;
}

async function rig() {
  const clock = new FakeClock();
  const { random } = seeded(3);
  const shard = await openShard(openMemoryStore(), { random, nodeName: "rig", log: silentLog });
  const said: Fork[] = [];
  const counts: Record<string, number> = {};
  const queue = {
    offer: ({ payload }: { payload: Uint8Array }) => {
      const message = decodeMessage(payload);
      if (message.ok && message.value.type === "fork") said.push(message.value);
      return "queued" as const;
    },
    cancel: () => undefined,
  };
  const air = new Air(
    queue,
    () => ({ modulation: PRESETS.LongFast, hopLimit: 3 }),
    () => clock.monotonicMs(),
  );
  const actions: (() => void | Promise<void>)[] = [];
  const agenda = new Agenda({ clock, capacity: 100, onFailure: () => undefined });
  agenda.set = (key, _ms, action) => (key.startsWith("forks:tell") ? actions.push(action) : 0) >= 0;
  const count = (event: string): void => void (counts[event] = (counts[event] ?? 0) + 1);
  const spread = new ForkSpread({ shard, air, agenda, clock, random, log: silentLog, count });
  const perform = async (): Promise<void> => {
    for (const action of actions.splice(0)) await action();
  };
  return { shard, spread, said, counts, perform };
}

const FROM = { from: 7, hops: 0 };

describe("one proof", () => {
  test("is told in one packet, from which a neighbour puts the author into quarantine with the same proof", async () => {
    const [teller, hearer] = [await rig(), await rig()];
    const scribe = await forked(teller.shard);
    await hearer.shard.merge(...new Scribe(5, 3).update(1, 4));
    teller.spread.look();
    await teller.perform();
    expect(teller.said.length).toBe(1);
    await hearer.spread.onFork(teller.said[0]!, FROM);
    expect(hearer.shard.inQuarantine(toHex(scribe.id))).toBe(true);
    expect(hearer.counts).toMatchObject({ forks_proven: 1 });
    const proofs = async ({ shard }: { shard: Shard }) =>
      (await Array.fromAsync(shard.forks())).map(({ evidence }) => toHex(evidence));
    expect(await proofs(hearer)).toEqual(await proofs(teller));
    await hearer.perform();
    expect(hearer.said).toEqual(teller.said);
  });

  test("of histories signed far from each other goes in pieces, which come in any order", async () => {
    const [teller, hearer] = [await rig(), await rig()];
    const scribe = await forked(teller.shard, 3, 12);
    await hearer.shard.merge(...scribe.update(1, 4));
    teller.spread.look();
    await teller.perform();
    expect(teller.said.length).toBeGreaterThan(1);
    for (const message of teller.said.toReversed()) {
      expect(hearer.shard.inQuarantine(toHex(scribe.id))).toBe(false);
      await hearer.spread.onFork(message, FROM);
    }
    expect(hearer.shard.inQuarantine(toHex(scribe.id))).toBe(true);
  });

  test("is told again to those who count on its author, four times an hour", async () => {
    const { shard, spread, said, perform } = await rig();
    const scribe = await forked(shard);
    spread.look();
    await perform();
    for (let i = 0; i < 10; i++) {
      spread.onNamed([scribe.id.subarray(0, 4), new Uint8Array(4)]);
      await perform();
    }
    expect(said.length).toBe(4);
  });
});

describe("what proves nothing", () => {
  test("changes nothing: strangers, flips, pieces that don't fit, and only so many are looked at", async () => {
    const [teller, hearer] = [await rig(), await rig()];
    const scribe = await forked(teller.shard);
    teller.spread.look();
    await teller.perform();
    const [proof] = teller.said;
    await hearer.spread.onFork(proof!, FROM);
    expect(hearer.counts).toEqual({ forks_of_strangers: 1 });
    await hearer.shard.merge(...scribe.update(1, 4));
    for (let i = 0; i < 30; i++) {
      const body = proof!.body.slice();
      body[(i * 7) % body.length]! ^= 1;
      await hearer.spread.onFork({ ...proof!, body }, FROM);
    }
    for (let i = 0; i < 30; i++) await hearer.spread.onFork({ ...proof!, piece: 0, pieces: 3 }, { from: i, hops: 0 });
    expect(hearer.shard.inQuarantine(toHex(scribe.id))).toBe(false);
    expect(hearer.counts).toEqual({ forks_of_strangers: 1, forks_refused: 8, forks_refused_budget: 22 });
    // Who lied is not heard for an hour; others are.
    await hearer.spread.onFork(proof!, { from: 8, hops: 0 });
    expect(hearer.shard.inQuarantine(toHex(scribe.id))).toBe(true);
  });
});

test.each([
  ["in the open", undefined],
  ["in a private village", [groupKey(1, new Uint8Array(32))]],
] as const)(
  "in a village of three, one of which has seen both histories, all end in quarantine with proof: %s",
  async (_, groupKeys) => {
    const links = [
      { a: nodeNumber(0), b: nodeNumber(1), loss: 0.2 },
      { a: nodeNumber(1), b: nodeNumber(2), loss: 0.2 },
    ];
    await using village = await openVillage(9, links, [0, 1, 2], () => (groupKeys === undefined ? {} : { groupKeys }));
    const [first, second, third] = village.nodes;
    const [one, two] = [new Scribe(5, 3), new Scribe(5, 3, " again")];
    await first!.shard.merge(...one.update(1, 4));
    await second!.shard.merge(...one.update(1, 4));
    await third!.shard.merge(...two.update(1, 4));
    await village.clock.advance(60_000);
    expect(await first!.shard.merge(...two.update(1, 4))).toMatchObject({ kind: "fork" });
    const id = toHex(one.id);
    for (let minute = 0; minute < 120 && !village.nodes.every(({ shard }) => shard.inQuarantine(id)); minute++) {
      await village.clock.advance(60_000);
    }
    for (const { shard } of village.nodes) {
      expect(shard.inQuarantine(id)).toBe(true);
      expect(await Array.fromAsync(shard.forks())).toHaveLength(1);
    }
  },
);
