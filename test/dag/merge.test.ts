/** Logs of others: merged in any order, never without a signature, and two histories are proof. @module */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refOf } from "../../src/dag/block-ref.ts";
import { cidOf, digestOf } from "../../src/dag/cid.ts";
import { packText } from "../../src/codec/short-text.ts";
import { encodeEntry } from "../../src/dag/entry.ts";
import { decodeFork, forkFlaw } from "../../src/dag/fork.ts";
import { forkKey } from "../../src/dag/keys.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { concatBytes, copyBytes, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { seeded } from "../fakes/seeded.ts";
import { Scribe, fileCalled } from "./scribe.ts";
import { freshShard } from "./shards.ts";

const countOf = (shard: Shard, author: Uint8Array): number => shard.count(toHex(author));

describe("merging", () => {
  test("a signed log is taken, is on disk, and shows its files", async () => {
    const { shard, store } = await freshShard(1);
    const scribe = new Scribe(2, 3);
    const before = store.writes;
    expect(await shard.merge(...scribe.update(1, 4))).toEqual({ kind: "merged", count: 4 });
    expect(store.writes).toBe(before + 1);
    const again = (await freshShard(1, store)).shard;
    expect(countOf(again, scribe.id)).toBe(4);
    expect(await again.verifyLog(scribe.id)).toEqual({ count: 4, verified: 4 });
    expect(await again.resolve("file 1")).toMatchObject([
      { name: "file 1", author: toHex(scribe.id), authorName: "scribe 2", seq: 3, held: false },
    ]);
    expect((await again.log(2)).map((row) => row.name)).toEqual(["file 2", "file 1"]);
    expect(await again.merge(...scribe.update(1, 4))).toEqual({ kind: "known" });
    expect(await again.merge(...scribe.update(2, 3, false))).toEqual({ kind: "known" });
  });

  test("unsigned entries wait until a signature covers them", async () => {
    const { shard } = await freshShard(1);
    const scribe = new Scribe(2, 9);
    expect(await shard.merge(...scribe.update(1, 4, false))).toEqual({ kind: "pending" });
    expect(countOf(shard, scribe.id)).toBe(0);
    expect(shard.stats().pending).toBe(4);
    expect(await shard.merge(...scribe.update(5, 8, false))).toEqual({ kind: "pending" });
    expect(await shard.merge(...scribe.update(9, 10))).toEqual({ kind: "merged", count: 10 });
    expect(shard.stats().pending).toBe(0);
    expect(await shard.verifyLog(scribe.id)).toEqual({ count: 10, verified: 10 });
  });

  test("what comes too early is kept, and the gap named", async () => {
    const { shard } = await freshShard(1);
    const scribe = new Scribe(2, 9);
    expect(await shard.merge(...scribe.update(1, 2))).toEqual({ kind: "merged", count: 2 });
    expect(await shard.merge(...scribe.update(6, 10))).toEqual({ kind: "gap", count: 2 });
    expect(await shard.merge(...scribe.update(3, 5, false))).toEqual({ kind: "merged", count: 10 });
  });

  test("an update may overlap what is held", async () => {
    const { shard } = await freshShard(1);
    const scribe = new Scribe(2, 9);
    await shard.merge(...scribe.update(1, 5));
    expect(await shard.merge(...scribe.update(2, 8))).toEqual({ kind: "merged", count: 8 });
    expect(shard.stats().files).toBe(7);
  });

  test("the order in which updates come does not matter", async () => {
    const scribe = new Scribe(3, 11);
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 11 }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, fc.infiniteStream(fc.nat()), async (ends, chance) => {
        const bounds = [0, ...ends.toSorted((a, b) => a - b), 12];
        const updates = bounds.slice(1).map((end, i) => {
          const signed = end === 12 || (chance.next().value ?? 0) % 2 === 0;
          return { order: chance.next().value ?? 0, update: scribe.update((bounds[i] ?? 0) + 1, end, signed) };
        });
        const { shard } = await freshShard(1);
        const reference = (await freshShard(2)).shard;
        await reference.merge(...scribe.update(1, 12));
        for (const { update } of updates.toSorted((a, b) => a.order - b.order)) await shard.merge(...update);
        expect(countOf(shard, scribe.id)).toBe(12);
        expect((await shard.entries(scribe.id, 1, 20)).entries).toEqual(
          (await reference.entries(scribe.id, 1, 20)).entries,
        );
        expect(await shard.verifyLog(scribe.id)).toEqual({ count: 12, verified: 12 });
        expect(shard.stats()).toMatchObject({ files: 11, pending: 0 });
      }),
      { numRuns: 60 },
    );
  });

  test("two shards that tell each other all they know hold the same", async () => {
    const [a, b] = [(await freshShard(1)).shard, (await freshShard(2)).shard];
    for (let i = 0; i < 5; i++) {
      await a.putFile(`a${i}`, utf8(`a${i}`));
      await b.putFile(`b${i}`, utf8(`b${i}`));
    }
    const tell = async (from: Shard, to: Shard): Promise<void> => {
      for (const { author, count } of from.vector()) {
        for (let first = 1; first <= count;) {
          const run = await from.entries(author, first, 3);
          await to.merge(author, first, run.entries, run.signature);
          first += run.entries.length;
        }
      }
    };
    await tell(a, b);
    await tell(b, a);
    const sorted = (shard: Shard): string[] =>
      shard
        .vector()
        .map((row) => `${toHex(row.author)} ${row.count}`)
        .sort();
    expect(sorted(a)).toEqual(sorted(b));
    expect(a.stats().files).toBe(10);
  });

  test("a relay hands a log on so that every run ends where its author signed", async () => {
    const relay = (await freshShard(1)).shard;
    const scribe = new Scribe(2, 19);
    await relay.merge(...scribe.update(1, 7));
    await relay.merge(...scribe.update(8, 20));
    const first = await relay.entries(scribe.id, 1, 10);
    expect(first.entries).toHaveLength(7);
    expect(first.signature).toEqual(scribe.signature(7));
    const unsigned = await relay.entries(scribe.id, 8, 5);
    expect(unsigned).toMatchObject({ entries: { length: 5 }, signature: undefined });
    expect((await relay.entries(scribe.id, 8, 100)).signature).toEqual(scribe.signature(20));
    expect(await relay.entries(scribe.id, 21, 5)).toEqual({ entries: [], signature: undefined });
    expect(await relay.entries(scribe.id, 0, 5)).toEqual({ entries: [], signature: undefined });
    expect(await relay.entries(new Uint8Array(8), 1, 5)).toEqual({ entries: [], signature: undefined });
    const own = await relay.entries(relay.author.id, 1, 1);
    expect(own.signature).toHaveLength(64);
  });

  test("own entries that the disk lost come back from a neighbour", async () => {
    const before = await freshShard(1);
    for (const name of ["a", "b"]) await before.shard.putFile(name, utf8(name));
    const run = await before.shard.entries(before.shard.author.id, 1, 9);
    const after = (await freshShard(1)).shard;
    expect(after.vector()).toEqual([{ author: before.shard.author.id, count: 1 }]);
    expect(await after.merge(after.author.id, 1, run.entries, run.signature)).toEqual({ kind: "merged", count: 3 });
    expect((await after.putFile("c", utf8("c"))).seq).toBe(4);
    expect(await after.verifyLog(after.author.id)).toEqual({ count: 4, verified: 4 });
  });
});

describe("what strangers send", () => {
  test("is refused for every malformation, and leaves no trace", async () => {
    const { shard, store } = await freshShard(1);
    const scribe = new Scribe(2, 3);
    const other = new Scribe(3, 3);
    const [id, , entries, signature] = scribe.update(1, 4);
    const writes = store.writes;
    const bad: Parameters<Shard["merge"]>[] = [
      [id.subarray(1), 1, entries, signature],
      [id, 0, entries, signature],
      [id, 1.5, entries, signature],
      [id, 2 ** 32, entries, signature],
      [id, 1, [], signature],
      [id, 1, entries, signature?.subarray(1)],
      [id, 1, entries, new Uint8Array(64)],
      [id, 1, entries, other.signature(4)],
      [id, 1, [new Uint8Array()], undefined],
      [id, 1, other.entries, other.signature(4)],
      [id, 1, entries.slice(1), scribe.signature(4)],
      [id, 1, [...entries, ...other.entries.slice(0, 1)], signature],
      [id, 1, Array.from({ length: 2000 }, () => entries[1] ?? new Uint8Array()), undefined],
    ];
    for (const update of bad) expect(await shard.merge(...update)).toMatchObject({ kind: "refused" });
    expect(store.writes).toBe(writes);
    expect(shard.stats()).toMatchObject({ authors: 1, pending: 0 });
    expect(await shard.merge(...scribe.update(1, 4))).toEqual({ kind: "merged", count: 4 });
  });

  test("junk that waits can't spoil a signed update that needs nothing else", async () => {
    const { shard } = await freshShard(1);
    const scribe = new Scribe(2, 3);
    const liar = new Scribe(2, 3, " forged");
    await shard.merge(scribe.id, 1, [scribe.entries[0] ?? new Uint8Array(), ...liar.entries.slice(1)], undefined);
    expect(await shard.merge(...scribe.update(1, 4))).toEqual({ kind: "merged", count: 4 });
  });

  test("junk that waits under a signature is dropped, and the truth is taken afterwards", async () => {
    const { shard } = await freshShard(1);
    const scribe = new Scribe(2, 5);
    const liar = new Scribe(2, 5, " forged");
    await shard.merge(...scribe.update(1, 2));
    await shard.merge(...liar.update(3, 4, false));
    expect(await shard.merge(...scribe.update(5, 6))).toEqual({ kind: "refused", reason: "wrong signature" });
    expect(shard.stats()).toMatchObject({ pending: 0 });
    await shard.merge(...scribe.update(3, 4, false));
    expect(await shard.merge(...scribe.update(5, 6))).toEqual({ kind: "merged", count: 6 });
  });

  test("means nothing where it can't be read, and is held and passed on all the same", async () => {
    const { shard } = await freshShard(1);
    const scribe = new Scribe(2, 1);
    const other = new Scribe(3, 0).entries[0] ?? new Uint8Array();
    // Of a kind to come; with a name that is not allowed; another's introduction.
    const strange = [Uint8Array.of(0xc9, 1, 2), concatBytes(new Uint8Array(18), packText("../x")), copyBytes(other)];
    scribe.entries.push(...strange);
    scribe.add("after.txt");
    expect(await shard.merge(...scribe.update(1, 6))).toEqual({ kind: "merged", count: 6 });
    expect((await shard.log(4)).map(({ kind }) => kind)).toEqual(["file", "other", "other", "other"]);
    expect(shard.authors()).toContainEqual(expect.objectContaining({ id: toHex(scribe.id), name: "scribe 2" }));
    expect(await shard.resolve("after.txt")).toHaveLength(1);
    expect(shard.stats().files).toBe(2);
    const run = await shard.entries(scribe.id, 1, 10);
    expect(run.entries).toEqual(scribe.entries);
    expect((await shard.verifyLog(scribe.id)).verified).toBe(6);
  });

  test("fills a bounded memory only", async () => {
    const { shard } = await freshShard(1);
    for (let seed = 10; seed < 110; seed++) {
      const scribe = new Scribe(seed, 0);
      const entry = encodeEntry(fileCalled("x"));
      const many = Array.from({ length: 1000 }, () => entry);
      await shard.merge(scribe.id, 2, many, undefined);
    }
    expect(shard.stats().pending).toBeLessThanOrEqual(8192);
    expect(shard.stats().pendingDropped).toBeGreaterThan(0);
    expect(shard.stats().authors).toBe(1);
  });

  test("whatever it is, in any order, merging never throws", async () => {
    const { shard } = await freshShard(1);
    const { below, random } = seeded(77);
    const scribes = [new Scribe(2, 8), new Scribe(2, 8, "'"), new Scribe(3, 8)];
    const kinds = new Set<string>();
    for (let round = 0; round < 3000; round++) {
      const scribe = scribes[below(scribes.length)] ?? new Scribe(2, 8);
      const first = below(10);
      const last = first + below(4);
      const [id, , entries, signature] = scribe.update(Math.max(first, 1), last, false);
      const signed = below(3) === 0 && last <= 9 && last > 0 ? scribe.signature(last) : signature;
      const spoilt = entries.map((entry) => (below(8) === 0 ? random.bytes(below(60)) : entry));
      const verdict = await shard.merge(below(20) === 0 ? random.bytes(8) : id, first, spoilt, signed);
      kinds.add(verdict.kind);
    }
    expect([...kinds]).toEqual(expect.arrayContaining(["refused", "pending", "merged", "known"]));
    for (const { author } of shard.vector()) {
      const { count, verified } = await shard.verifyLog(author);
      expect(verified).toBe(count);
    }
  });
});

describe("an author who signs two histories", () => {
  test("is proven, kept as evidence, and put in quarantine", async () => {
    const { shard, store } = await freshShard(1);
    const one = new Scribe(2, 6);
    const two = new Scribe(2, 3);
    for (const name of ["file x", "file y", "file z"]) two.add(name);
    await shard.merge(...one.update(1, 6));
    const verdict = await shard.merge(...two.update(3, 7));
    expect(verdict).toEqual({ kind: "fork", seq: 5, ours: one.entries[4], theirs: two.entries[4] });
    expect(shard.vector()).toHaveLength(1);
    expect(shard.authors()).toContainEqual({ id: toHex(one.id), name: "scribe 2", count: 6, quarantined: true });
    expect(await shard.merge(...one.update(7, 7))).toEqual({ kind: "refused", reason: "author in quarantine" });

    const evidence = decodeFork((await store.get(forkKey(one.id))) ?? new Uint8Array());
    expect(evidence.ok && forkFlaw(evidence.value)).toBeUndefined();
    const again = (await freshShard(1, store)).shard;
    expect(again.vector()).toHaveLength(1);
    expect(await again.merge(...one.update(7, 7))).toMatchObject({ kind: "refused" });
  });

  test("is not proven by an entry that the author did not sign", async () => {
    const { shard } = await freshShard(1);
    const one = new Scribe(2, 6);
    const two = new Scribe(2, 6, "'");
    await shard.merge(...one.update(1, 6));
    expect(await shard.merge(...two.update(3, 5, false))).toMatchObject({ kind: "refused" });
    expect(await shard.merge(two.id, 3, two.entries.slice(2, 5), one.signature(5))).toMatchObject({ kind: "refused" });
    expect(countOf(shard, one.id)).toBe(6);
  });

  test("may be this node itself, after an old state was put back: it then stops putting", async () => {
    const old = await freshShard(1);
    await old.shard.putFile("a", utf8("a"));
    const restored = (await freshShard(1)).shard;
    await restored.putFile("b", utf8("b"));
    const run = await old.shard.entries(old.shard.author.id, 1, 9);
    expect(await restored.merge(restored.author.id, 1, run.entries, run.signature)).toMatchObject({
      kind: "fork",
      seq: 2,
    });
    await expect(restored.putFile("c", utf8("c"))).rejects.toMatchObject({
      code: "AUTHOR_FORKED",
      fix: expect.any(String),
    });
  });
});

test("a merge that the disk refuses can be repeated", async () => {
  const { shard, store } = await freshShard(1);
  const scribe = new Scribe(2, 5);
  await shard.merge(...scribe.update(1, 3, false));
  store.failure = new AgentError("DISK_FULL", "no space is left");
  await expect(shard.merge(...scribe.update(4, 6))).rejects.toMatchObject({ code: "DISK_FULL" });
  store.failure = undefined;
  expect(await shard.merge(...scribe.update(4, 6))).toEqual({ kind: "merged", count: 6 });
});

test("a full disk stops storing, not serving", async () => {
  const { shard, store } = await freshShard(1);
  const scribe = new Scribe(2, 5);
  await shard.merge(...scribe.update(1, 3));
  const large = seeded(3).random.bytes(40_000);
  const { cid } = await shard.putFile("map.png", large);
  const before = { vector: shard.vector(), authors: shard.authors(), stats: shard.stats() };
  store.failure = new AgentError("DISK_FULL", "no space is left");
  const block = utf8("a block from elsewhere");
  const ref = refOf(cidOf("raw", block));
  for (let round = 0; round < 3; round++) {
    await expect(shard.merge(...scribe.update(4, 6))).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(shard.putBlock(block, ref)).rejects.toMatchObject({ code: "DISK_FULL" });
    await expect(shard.putFile("b", utf8("b"))).rejects.toMatchObject({ code: "DISK_FULL" });
    // What changes nothing needs no room.
    expect(await shard.merge(...scribe.update(1, 3))).toEqual({ kind: "known" });
    expect({ vector: shard.vector(), authors: shard.authors() }).toEqual({
      vector: before.vector,
      authors: before.authors,
    });
    expect(await shard.readFile(refOf(cid))).toEqual(large);
    expect(await shard.findBlockByPrefix(digestOf(cid).subarray(0, 4))).toEqual(refOf(cid));
    expect(await shard.missingBlocks(ref)).toEqual([ref]);
    expect((await shard.entries(scribe.id, 1, 9)).entries).toEqual(scribe.entries.slice(0, 3));
    expect(await shard.resolve("map.png")).toMatchObject([{ held: true }]);
    expect(await shard.log(9)).toHaveLength(5);
  }
  store.failure = undefined;
  expect(await shard.merge(...scribe.update(4, 6))).toEqual({ kind: "merged", count: 6 });
  await shard.putBlock(block, ref);
  expect(await shard.getBlock(ref)).toEqual(block);
});
