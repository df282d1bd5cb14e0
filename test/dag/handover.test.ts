/** One author goes on as another: what both keys have signed, what comes after it, and power that fails meanwhile. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { MAX_ENTRY_BYTES } from "../../src/dag/entry.ts";
import { decodeHandover, encodeHandover, isAgreed } from "../../src/dag/handover.ts";
import { entryKey, SEED_KEY } from "../../src/dag/keys.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import { ownAuthorId } from "../../src/dag/own-author-id.ts";
import type { HandoverRow, Shard } from "../../src/dag/shard.ts";
import { type Bytes, concatBytes, fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { silentLog } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";
import { FaultyStore } from "../fakes/store.ts";
import golden from "../vectors/dag/handover.json" with { type: "json" };
import { Scribe } from "./scribe.ts";
import { freshShard } from "./shards.ts";

const bytes = (hex: string): Bytes => fromHex(hex) ?? new Uint8Array();
const rowsOf = (shard: Shard): Promise<HandoverRow[]> => Array.fromAsync(shard.handovers());
const namesOf = async (shard: Shard): Promise<string[]> =>
  (await Array.fromAsync(shard.files())).map(({ author, name }) => `${author.slice(0, 4)}/${name}`).sort();

/** A log that its author hands over, and who goes on. */
class Leaver extends Scribe {
  readonly heir = new Scribe(900, 1);

  handOver(entry = encodeHandover(this.author.publicKey, this.heir.author)): this {
    this.entries.push(entry);
    return this;
  }

  get link(): HandoverRow {
    const seq = this.entries.findIndex(([first]) => first === 0xc4) + 1;
    const ignored = this.entries.length - seq;
    return { from: toHex(this.id), to: toHex(this.heir.id), seq, ignored, contested: false };
  }
}

describe("a handover", () => {
  test("has its golden bytes, and is believed by who reads them", async () => {
    const [old, heir] = [authorFromSeed(bytes(golden.seed)), authorFromSeed(bytes(golden.successorSeed))];
    const entry = encodeHandover(old.publicKey, heir);
    expect(toHex(entry)).toBe(golden.entries[1]);
    expect(entry.length).toBeLessThanOrEqual(MAX_ENTRY_BYTES);
    const { shard } = await freshShard(1);
    expect(await shard.merge(old.id, 1, golden.entries.map(bytes), bytes(golden.signature))).toMatchObject({
      kind: "merged",
    });
    const { successor: to } = golden;
    expect(await rowsOf(shard)).toEqual([{ from: toHex(old.id), to, seq: 2, ignored: 0, contested: false }]);
    expect(await shard.log(2)).toMatchObject([
      { kind: "handover", seq: 2, name: to, head: bytes(golden.head) },
      { kind: "author", seq: 1 },
    ]);
  });

  test("of other bytes is none, or nobody agreed to it", () => {
    const old = bytes(golden.entries[0] ?? "").slice(1, 33);
    const entry = bytes(golden.entries[1] ?? "");
    const isSound = (candidate: Uint8Array): boolean => {
      const read = decodeHandover(candidate);
      return read.ok && isAgreed(read.value, old);
    };
    expect(isSound(entry)).toBe(true);
    for (let bit = 0; bit < 8 * entry.length; bit++) {
      expect(isSound(entry.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)))).toBe(false);
    }
    for (let length = 0; length < entry.length; length++) {
      expect(decodeHandover(entry.subarray(0, length)).ok).toBe(false);
    }
    expect(decodeHandover(concatBytes(entry, Uint8Array.of(0))).ok).toBe(false);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 250 }), (noise) => {
        expect(isSound(noise)).toBe(false);
        const read = decodeHandover(concatBytes(Uint8Array.of(0xc4), noise));
        expect(read.ok).toBe(noise.length === 96);
        if (read.ok) expect(isAgreed(read.value, old)).toBe(false);
      }),
    );
  });

  const [heir, third] = [new Scribe(900, 0).author, new Scribe(901, 0).author];
  test.each([
    [
      "that nobody agreed to",
      (old: Uint8Array) => concatBytes(encodeHandover(old, heir).subarray(0, 33), new Uint8Array(64)),
    ],
    [
      "that another agreed to",
      (old: Uint8Array) => concatBytes(Uint8Array.of(0xc4), heir.publicKey, encodeHandover(old, third).subarray(33)),
    ],
    ["from another log", () => encodeHandover(third.publicKey, heir)],
    ["to itself", () => encodeHandover(new Scribe(2, 0).author.publicKey, new Scribe(2, 0).author)],
    ["cut short", (old: Uint8Array) => encodeHandover(old, heir).subarray(0, 96)],
    ["with a byte too many", (old: Uint8Array) => concatBytes(encodeHandover(old, heir), Uint8Array.of(0))],
  ])("%s means nothing, and the log goes on", async (_, entryFor) => {
    const { shard } = await freshShard(1);
    const leaver = new Leaver(2, 1);
    leaver.handOver(new Uint8Array(entryFor(leaver.author.publicKey)));
    leaver.add("after");
    expect(await shard.merge(...leaver.update(1, 4))).toEqual({ kind: "merged", count: 4 });
    expect(await rowsOf(shard)).toEqual([]);
    expect(await shard.log(2)).toMatchObject([
      { kind: "file", name: "after" },
      { kind: "other", name: "" },
    ]);
  });

  test("ends a log: what comes after it is held and passed on, and means nothing, however it arrives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.subarray([2, 3, 4, 5, 6, 7]), fc.boolean(), async (cuts, heirFirst) => {
        const { shard } = await freshShard(1);
        const leaver = new Leaver(2, 2).handOver();
        leaver.add("late");
        leaver.add("file 0");
        leaver.handOver(encodeHandover(leaver.author.publicKey, third));
        leaver.entries.push(leaver.entries[0] ?? new Uint8Array());
        if (heirFirst) await shard.merge(...leaver.heir.update(1, 2));
        let first = 1;
        for (const last of [...cuts, leaver.entries.length].filter((cut, i, all) => all.indexOf(cut) === i)) {
          if (last < first) continue;
          expect(await shard.merge(...leaver.update(first, last))).toEqual({ kind: "merged", count: last });
          first = last + 1;
        }
        if (!heirFirst) await shard.merge(...leaver.heir.update(1, 2));
        expect(await rowsOf(shard)).toEqual([{ ...leaver.link, seq: 4, ignored: 4 }]);
        const start = toHex(leaver.id).slice(0, 4);
        expect((await namesOf(shard)).filter((name) => name.startsWith(start))).toEqual([
          `${start}/file 0`,
          `${start}/file 1`,
        ]);
        expect(await shard.resolve(`${toHex(leaver.id)}/5`)).toEqual([]);
        expect(await shard.resolve("late")).toEqual([]);
        const firsts = await shard.resolve("file 0");
        expect(firsts.map(({ author, seq }) => [author, seq])).toContainEqual([toHex(leaver.id), 2]);
        expect((await shard.log(9)).filter(({ kind }) => kind === "ignored")).toHaveLength(4);
        expect((await shard.entries(leaver.id, 1, 9)).entries).toEqual(leaver.entries);
        expect(await shard.verifyLog(leaver.id)).toEqual({ count: 8, verified: 8 });
      }),
      { numRuns: 30 },
    );
  });

  test("that stands beside another history of the same log is contested", async () => {
    const { shard } = await freshShard(1);
    const leaver = new Leaver(2, 2).handOver();
    await shard.merge(...leaver.update(1, 4));
    const thief = new Leaver(2, 2).handOver(encodeHandover(leaver.author.publicKey, third));
    expect(await shard.merge(...thief.update(1, 4))).toMatchObject({ kind: "fork", seq: 4 });
    expect(await rowsOf(shard)).toEqual([{ ...leaver.link, contested: true }]);
  });
});

/** A node with two files whose author is to be replaced at the next opening. */
async function leaving(store = new FaultyStore()): Promise<{ readonly store: FaultyStore; readonly old: Shard }> {
  const { shard: old } = await freshShard(1, store, "clinic");
  await old.putFile("a", utf8("a"));
  await old.putFile("large", seeded(8).random.bytes(9_000));
  await old.replaceAuthor();
  expect(await old.isAuthorReplaced()).toBe(true);
  return { store, old };
}

const reopen = async (store: FaultyStore, seed = 7): Promise<Shard> => (await freshShard(seed, store, "clinic")).shard;

async function valuesOf(store: FaultyStore): Promise<readonly string[]> {
  const all = { from: new Uint8Array(), until: Uint8Array.of(0xff) };
  return (await Array.fromAsync(store.entries(all))).map(({ value }) => toHex(value));
}

describe("a new author's key", () => {
  test("begins a new log; the old one ends with its name, is held whole, and its files stay", async () => {
    const { store, old } = await leaving();
    const seed = toHex((await store.get(SEED_KEY)) ?? new Uint8Array()).slice(2);
    expect(seed).toHaveLength(64);
    const { writes } = store;
    const shard = await reopen(store);
    expect(store.writes).toBe(writes + 1);
    const [from, to] = [toHex(old.author.id), toHex(shard.author.id)];
    expect(from).not.toBe(to);
    expect(await rowsOf(shard)).toEqual([{ from, to, seq: 4, ignored: 0, contested: false }]);
    expect(await shard.isAuthorReplaced()).toBe(false);
    for (const value of await valuesOf(store)) expect(value).not.toContain(seed);
    await shard.putFile("new", utf8("new"));
    expect(await namesOf(shard)).toEqual(
      [`${from.slice(0, 4)}/a`, `${from.slice(0, 4)}/large`, `${to.slice(0, 4)}/new`].sort(),
    );
    expect(await shard.verifyLog(old.author.id)).toEqual({ count: 4, verified: 4 });
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: 2, verified: 2 });
    const again = await reopen(store, 8);
    expect(again.author.id).toEqual(shard.author.id);
    expect(await rowsOf(again)).toHaveLength(1);
    // A neighbour takes both logs as they are handed out, and sees the same.
    const { shard: neighbour } = await freshShard(3);
    for (const id of [shard.author.id, old.author.id]) {
      const run = await again.entries(id, 1, 99);
      expect(await neighbour.merge(id, 1, run.entries, run.signature)).toMatchObject({ kind: "merged" });
    }
    expect(await rowsOf(neighbour)).toEqual(await rowsOf(shard));
    expect(await namesOf(neighbour)).toEqual(await namesOf(shard));
  });

  test("is the one that the boot names the node by, whichever opens first", async () => {
    for (const early of [true, false]) {
      const { store, old } = await leaving();
      const options = { nodeName: "clinic", random: seeded(7).random, log: silentLog };
      const before = early ? await ownAuthorId(store, options) : undefined;
      const shard = await reopen(store, early ? 99 : 7);
      expect(await ownAuthorId(store, options)).toEqual(shard.author.id);
      if (before !== undefined) expect(before).toEqual(shard.author.id);
      expect(toHex(shard.author.id)).not.toBe(toHex(old.author.id));
      expect(await rowsOf(shard)).toHaveLength(1);
    }
  });

  test.each([
    ["did not reach the disk", false],
    ["reached the disk all the same", true],
  ])("whose write failed, and %s: old state or new, never between", async (_, persistFailed) => {
    const { store, old } = await leaving();
    store.failure = new AgentError("DISK_FULL", "no space is left");
    store.persistFailed = persistFailed;
    await expect(reopen(store, 7)).rejects.toMatchObject({ code: "DISK_FULL" });
    store.failure = undefined;
    const drawn = authorFromSeed(seeded(persistFailed ? 7 : 11).random.bytes(32));
    const shard = await reopen(store, 11);
    expect(shard.author.id).toEqual(drawn.id);
    const row = { from: toHex(old.author.id), to: toHex(shard.author.id), seq: 4, ignored: 0, contested: false };
    expect(await rowsOf(shard)).toEqual([row]);
    expect(shard.authors().map(({ count }) => count)).toEqual(expect.arrayContaining([4, 1]));
    expect(shard.authors()).toHaveLength(2);
    for (const { id, count } of shard.authors()) {
      expect(await shard.verifyLog(bytes(id))).toEqual({ count, verified: count });
    }
  });

  test("goes on without a word where the old log must not grow: damaged, or forked", async () => {
    const damaged = await leaving();
    await damaged.store.tamper(entryKey(damaged.old.author.id, 3), undefined);
    const forked = await leaving();
    const twin = (await freshShard(1, undefined, "clinic")).shard;
    await twin.putFile("b", utf8("b"));
    const run = await twin.entries(twin.author.id, 1, 9);
    expect(await forked.old.merge(twin.author.id, 1, run.entries, run.signature)).toMatchObject({ kind: "fork" });
    for (const { store, old } of [damaged, forked]) {
      const shard = await reopen(store);
      expect(toHex(shard.author.id)).not.toBe(toHex(old.author.id));
      expect(await rowsOf(shard)).toEqual([]);
      expect((await shard.putFile("c", utf8("c"))).seq).toBe(2);
    }
  });

  test("is found out by an old backup, which then stops writing, and has a way on", async () => {
    const { store, old } = await leaving();
    const shard = await reopen(store);
    const backup = (await freshShard(1, undefined, "clinic")).shard;
    await backup.putFile("a", utf8("a"));
    const run = await shard.entries(old.author.id, 1, 99);
    expect(await backup.merge(old.author.id, 1, run.entries, run.signature)).toEqual({ kind: "merged", count: 4 });
    await expect(backup.putFile("b", utf8("b"))).rejects.toMatchObject({
      code: "AUTHOR_REPLACED",
      fix: expect.stringContaining("caye rotate author-key"),
    });
    await expect(backup.putStatement(Uint8Array.of(0xc2))).rejects.toMatchObject({ code: "AUTHOR_REPLACED" });
    expect((await backup.entries(old.author.id, 1, 99)).entries).toHaveLength(4);
  });

  test("after that is an author of its own, also under another name", async () => {
    const { store, old } = await leaving();
    const shard = await reopen(store);
    const run = await shard.entries(old.author.id, 1, 99);
    const backup = await freshShard(1, undefined, "clinic");
    await backup.shard.merge(old.author.id, 1, run.entries, run.signature);
    const renamed = await openShard(backup.store, { random: seeded(1).random, nodeName: "other", log: silentLog });
    expect(renamed.author.id).toEqual(old.author.id);
    expect(renamed.count(toHex(old.author.id))).toBe(4);
    await renamed.replaceAuthor();
    const third = await openShard(backup.store, { random: seeded(12).random, nodeName: "other", log: silentLog });
    expect((await third.putFile("d", utf8("d"))).seq).toBe(2);
    expect(await rowsOf(third)).toEqual(await rowsOf(shard));
  });
});
