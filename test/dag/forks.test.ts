/** Evidence of a fork: found by one node, sent to others, believed only when it proves what it says. */
import { describe, expect, test } from "vitest";
import { type ForkProof, decodeFork, encodeFork, forkFlaw } from "../../src/dag/fork.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { type Bytes, copyBytes, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { seeded } from "../fakes/seeded.ts";
import { Scribe } from "./scribe.ts";
import { freshShard } from "./shards.ts";

/** One author, two histories that differ from position 5 on. */
const ONE = new Scribe(2, 8);
const TWO = new Scribe(2, 3);
for (let i = 0; i < 5; i++) TWO.add(`other ${i}`);

/** What a node keeps that was told both. */
async function found(ours: readonly [number, number][], theirs: readonly [number, number]): Promise<Bytes> {
  const { shard } = await freshShard(1);
  for (const [first, last] of ours) await shard.merge(...ONE.update(first, last));
  expect(await shard.merge(...TWO.update(...theirs))).toMatchObject({ kind: "fork", seq: 5 });
  const [fork, ...more] = await Array.fromAsync(shard.forks());
  expect([fork?.author, more]).toEqual([ONE.id, []]);
  const proof = decodeFork(fork?.evidence ?? new Uint8Array());
  expect(proof).toMatchObject({ ok: true, value: { seq: fork?.seq } });
  expect(proof.ok && forkFlaw(proof.value)).toBeUndefined();
  return fork?.evidence ?? new Uint8Array();
}

async function knowing(): Promise<Shard> {
  const { shard } = await freshShard(3);
  await shard.merge(...ONE.update(1, 2));
  return shard;
}

describe("evidence", () => {
  test("fits one packet when both histories were signed at one position", async () => {
    expect((await found([[1, 6]], [3, 6])).length).toBeLessThanOrEqual(228);
    expect(
      (
        await found(
          [
            [1, 5],
            [6, 7],
          ],
          [3, 5],
        )
      ).length,
    ).toBeLessThanOrEqual(228);
  });

  test("brings only the entries between the nearest two signatures", async () => {
    const further = (from: number, until: number): number =>
      ONE.entries.slice(from, until).reduce((sum, { length }) => sum + 1 + length, 0);
    expect((await found([[1, 8]], [3, 6])).length).toBe(227 + further(6, 8));
    expect(
      (
        await found(
          [
            [1, 5],
            [6, 9],
          ],
          [3, 6],
        )
      ).length,
    ).toBe(227 + 1 + (TWO.entries[5]?.length ?? 0));
  });

  test("is the same whoever found it", async () => {
    const mine = await found([[1, 6]], [3, 6]);
    const { shard } = await freshShard(1);
    await shard.merge(...TWO.update(1, 6));
    await shard.merge(...ONE.update(4, 6));
    expect((await Array.fromAsync(shard.forks()))[0]?.evidence).toEqual(mine);
  });

  test("convinces a node that saw one history only, once and for good", async () => {
    const evidence = await found([[1, 6]], [3, 6]);
    const shard = await knowing();
    expect(shard.inQuarantine(toHex(ONE.id))).toBe(false);
    expect(await shard.acceptFork(evidence)).toEqual({ kind: "proven", author: ONE.id, seq: 6 });
    expect(shard.inQuarantine(toHex(ONE.id))).toBe(true);
    // Nor would anything more be taken, by whatever beginning of the id it is announced.
    expect([toHex(ONE.id), toHex(ONE.id).slice(0, 8)].map((start) => shard.accepts(start))).toEqual([false, false]);
    expect(shard.count(toHex(ONE.id))).toBe(0);
    expect(shard.vector()).toHaveLength(1);
    expect(await shard.merge(...ONE.update(3, 6))).toEqual({ kind: "refused", reason: "author in quarantine" });
    expect(await shard.acceptFork(evidence)).toEqual({ kind: "known" });
    expect(await Array.fromAsync(shard.forks())).toEqual([{ author: ONE.id, seq: 6, evidence }]);
  });

  test("against somebody who is not known changes nothing", async () => {
    const { shard, store } = await freshShard(3);
    const { writes } = store;
    expect(await shard.acceptFork(await found([[1, 6]], [3, 6]))).toEqual({ kind: "stranger" });
    expect([store.writes, shard.authors().length]).toEqual([writes, 1]);
  });

  test("can be told again when the disk was full", async () => {
    const { shard, store } = await freshShard(3);
    await shard.merge(...ONE.update(1, 2));
    const evidence = await found([[1, 6]], [3, 6]);
    store.failure = new AgentError("DISK_FULL", "no space is left");
    await expect(shard.acceptFork(evidence)).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(shard.count(toHex(ONE.id))).toBe(2);
    store.failure = undefined;
    expect(await shard.acceptFork(evidence)).toMatchObject({ kind: "proven" });
  });
});

describe("what proves nothing", () => {
  const signed = (scribe: Scribe, seq: number) => ({
    head: scribe.head(seq),
    further: [],
    signature: scribe.signature(seq),
  });
  const proof: ForkProof = { publicKey: ONE.author.publicKey, seq: 6, branches: [signed(ONE, 6), signed(TWO, 6)] };

  test.each<[string, ForkProof]>([
    ["one history twice, cut at another place", { ...proof, branches: [signed(ONE, 6), signed(ONE, 7)] }],
    ["a signature over another position", { ...proof, seq: 7 }],
    ["another author's key", { ...proof, publicKey: new Scribe(3, 0).author.publicKey }],
    ["somebody else's history", { ...proof, branches: [signed(ONE, 6), signed(new Scribe(3, 8), 6)] }],
    [
      "entries that don't lead to what was signed",
      { ...proof, branches: [signed(ONE, 6), { ...signed(TWO, 6), further: [utf8("x")] }] },
    ],
  ])("%s is refused, and nobody is put in quarantine", async (_, lie) => {
    const shard = await knowing();
    expect(await shard.acceptFork(encodeFork(lie))).toMatchObject({ kind: expect.stringMatching(/refused|stranger/) });
    expect(shard.vector()).toHaveLength(2);
  });

  test("one head twice can't even be written", () => {
    expect(() => encodeFork({ ...proof, branches: [signed(ONE, 6), signed(ONE, 6)] })).toThrow(RangeError);
  });

  test("no changed bit and no cut of evidence is believed, and nothing throws", async () => {
    const shard = await knowing();
    const evidence = await found([[1, 8]], [3, 6]);
    const { below, random } = seeded(8);
    for (let length = 0; length < evidence.length; length++) {
      expect((await shard.acceptFork(evidence.subarray(0, length))).kind, String(length)).toBe("refused");
    }
    for (let round = 0; round < 400; round++) {
      const changed = copyBytes(evidence);
      const at = below(changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << below(8));
      expect((await shard.acceptFork(changed)).kind, `byte ${at}`).toBe("refused");
    }
    for (let round = 0; round < 10_000; round++) {
      expect(decodeFork(random.bytes(below(300))).ok).toBe(false);
    }
    expect(await shard.acceptFork(evidence)).toMatchObject({ kind: "proven" });
  });
});
