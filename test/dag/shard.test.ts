/** A shard by itself: what is put is there, once, in order, and damage is never served. @module */
import { describe, expect, test } from "vitest";
import { refOf, textOfRef } from "../../src/dag/block-ref.ts";
import { cidFromDigest, cidOf, digestOf } from "../../src/dag/cid.ts";
import { authorKey, blockKey, entryKey, fileKey, signatureKey } from "../../src/dag/keys.ts";
import { splitFile } from "../../src/dag/manifest.ts";
import { encodeNode } from "../../src/dag/node.ts";
import type { FileRow, Shard } from "../../src/dag/shard.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { AgentError } from "../../src/kernel/errors.ts";
import { seeded } from "../fakes/seeded.ts";
import { freshShard } from "./shards.ts";

async function rowsOf(shard: Shard): Promise<FileRow[]> {
  const rows: FileRow[] = [];
  for await (const row of shard.files()) rows.push(row);
  return rows;
}

const large = (seed: number, length = 60_000): Uint8Array<ArrayBuffer> => seeded(seed).random.bytes(length);

describe("putting files", () => {
  test("a first opening makes an author, whose log begins with itself", async () => {
    const { shard, store } = await freshShard(1, undefined, "clinic");
    expect(shard.vector()).toEqual([{ author: shard.author.id, count: 1 }]);
    expect(await shard.log(10)).toMatchObject([{ kind: "author", name: "clinic", seq: 1, authorName: "clinic" }]);
    const again = await freshShard(99, store, "clinic");
    expect(again.shard.author.id).toEqual(shard.author.id);
    expect(again.shard.vector()).toEqual(shard.vector());
  });

  test("a new name of the node is told in the log, once", async () => {
    const { store } = await freshShard(1, undefined, "clinic");
    const { shard } = await freshShard(1, store, "clinic north");
    await freshShard(1, store, "clinic north");
    expect(await shard.log(10)).toMatchObject([
      { name: "clinic north", seq: 2 },
      { name: "clinic", seq: 1 },
    ]);
    expect(shard.authors()).toMatchObject([{ name: "clinic north", count: 2 }]);
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: 2, verified: 2 });
  });

  test("one put is one write, and survives opening again", async () => {
    const { shard, store } = await freshShard(1);
    const before = store.writes;
    const content = large(2);
    const { cid, seq } = await shard.putFile("map.png", content);
    expect(store.writes).toBe(before + 1);
    expect(seq).toBe(2);
    const again = (await freshShard(1, store)).shard;
    expect(await again.readFile(refOf(cid))).toEqual(content);
    expect(again.stats()).toEqual(shard.stats());
    expect(again.stats()).toMatchObject({ blocks: 5, files: 1, authors: 1 });
    expect(await again.verifyLog(again.author.id)).toEqual({ count: 2, verified: 2 });
  });

  test("the same again changes nothing; another content under the name is the newer version", async () => {
    const { shard, store } = await freshShard(1);
    const first = await shard.putFile("rain.csv", utf8("1"));
    const writes = store.writes;
    expect(await shard.putFile("rain.csv", utf8("1"))).toEqual(first);
    expect(store.writes).toBe(writes);
    const second = await shard.putFile("rain.csv", utf8("2"));
    expect(second.seq).toBe(3);
    expect(await rowsOf(shard)).toMatchObject([{ name: "rain.csv", seq: 3, bytes: 1, held: true }]);
    expect((await shard.putFile("rain.csv", utf8("1"))).seq).toBe(4);
    expect(shard.stats()).toMatchObject({ files: 1, blocks: 2, bytes: 2 });
    expect(await shard.readFile(refOf(second.cid))).toEqual(utf8("2"));
  });

  test("puts that come together share a write, in order", async () => {
    const { shard, store } = await freshShard(1);
    const before = store.writes;
    const puts = await Promise.all(Array.from({ length: 64 }, (_, i) => shard.putFile(`f${i % 32}`, utf8(String(i)))));
    expect(puts.map(({ seq }) => seq)).toEqual(Array.from({ length: 64 }, (_, i) => i + 2));
    expect(store.writes - before).toBeLessThanOrEqual(2);
    expect(shard.stats()).toMatchObject({ files: 32, blocks: 64 });
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: 65, verified: 65 });
  });

  test("an empty file is a file", async () => {
    const { shard } = await freshShard(1);
    const { cid } = await shard.putFile("empty", new Uint8Array());
    expect(await shard.readFile(refOf(cid))).toEqual(new Uint8Array());
    expect(await rowsOf(shard)).toMatchObject([{ bytes: 0, held: true }]);
    expect(await shard.missingBlocks(refOf(cid))).toEqual([]);
    expect(shard.stats().blocks).toBe(0);
  });

  test("names are brought to normal form, and bad ones refused with what to do", async () => {
    const { shard } = await freshShard(1);
    await shard.putFile("cafe\u0301.txt", utf8("x"));
    expect(await shard.resolve("caf\u00e9.txt")).toHaveLength(1);
    expect(await shard.resolve("cafe\u0301.txt")).toHaveLength(1);
    for (const name of ["", "../etc/passwd", ".profile", "a".repeat(65), "a\ud800"]) {
      await expect(shard.putFile(name, utf8("x"))).rejects.toMatchObject({
        code: "NAME_INVALID",
        fix: expect.any(String),
      });
    }
    await expect(shard.putFile("huge", new Uint8Array(2 ** 26 + 1))).rejects.toMatchObject({ code: "FILE_TOO_LARGE" });
    await expect(freshShard(5, undefined, "a/b")).rejects.toMatchObject({ code: "NAME_INVALID" });
  });

  test("more puts than may wait are refused, and the others are served", async () => {
    const { shard } = await freshShard(1);
    const puts = await Promise.allSettled(Array.from({ length: 1500 }, (_, i) => shard.putFile(`f${i}`, utf8("x"))));
    const done = puts.filter(({ status }) => status === "fulfilled").length;
    expect(done).toBeGreaterThanOrEqual(1024);
    expect(puts.find(({ status }) => status === "rejected")).toMatchObject({ reason: { code: "SHARD_BUSY" } });
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: done + 1, verified: done + 1 });
  });
});

describe("finding", () => {
  test("by name and by CID, and a name that is no file is nobody's", async () => {
    const { shard } = await freshShard(1);
    const { cid } = await shard.putFile("a", utf8("same"));
    await shard.putFile("b", utf8("same"));
    expect(await shard.resolve("a")).toMatchObject([{ name: "a", seq: 2 }]);
    expect((await shard.resolve(cid.toString())).map((row) => row.name)).toEqual(["a", "b"]);
    expect(await shard.resolve("c")).toEqual([]);
    expect(await shard.resolve(cidOf("raw", utf8("other")).toString())).toEqual([]);
    expect(await shard.resolve("")).toEqual([]);
    expect(await shard.resolve("x".repeat(10_000))).toEqual([]);
  });

  test("blocks by the beginning of their hash", async () => {
    const { shard } = await freshShard(1);
    const { cid } = await shard.putFile("map.png", large(2));
    expect(await shard.findBlockByPrefix(digestOf(cid).subarray(0, 8))).toEqual(refOf(cid));
    expect(await shard.findBlockByPrefix(new Uint8Array(8))).toBeUndefined();
    expect(await shard.findBlockByPrefix(new Uint8Array(8).fill(255))).toBeUndefined();
    expect(await shard.findBlockByPrefix(new Uint8Array())).toBeUndefined();
  });

  test("the log gives the latest first, as many as are asked for", async () => {
    const { shard } = await freshShard(1);
    for (const name of ["a", "b", "c"]) await shard.putFile(name, utf8(name));
    const log = await shard.log(2);
    expect(log.map((row) => row.name)).toEqual(["c", "b"]);
    expect(log[0]?.head).toHaveLength(32);
    expect(await shard.log(0)).toEqual([]);
  });
});

describe("blocks from elsewhere", () => {
  test("complete a file: its manifest first, then what that names", async () => {
    const { shard } = await freshShard(1);
    const content = large(7);
    const { root, blocks } = splitFile(content);
    const missing = async (): Promise<string[]> => (await shard.missingBlocks(refOf(root))).map(textOfRef);
    expect(await missing()).toEqual([root.toString()]);
    expect(await shard.readFile(refOf(root))).toBeUndefined();
    for (const [i, block] of blocks.entries()) {
      await shard.putBlock(block.bytes, refOf(block.cid));
      expect(await missing()).toEqual(blocks.slice(i + 1).map(({ cid }) => cid.toString()));
    }
    expect(await shard.readFile(refOf(root))).toEqual(content);
    await shard.putBlock(blocks[0]?.bytes ?? new Uint8Array(), refOf(root));
    expect(shard.stats()).toMatchObject({ blocks: blocks.length });
  });

  test("are taken only when they are what their CID names", async () => {
    const { shard } = await freshShard(1);
    const cid = cidOf("raw", utf8("a"));
    await expect(shard.putBlock(utf8("b"), refOf(cid))).rejects.toMatchObject({ code: "BLOCK_MISMATCH" });
    const huge = new Uint8Array(16_385);
    await expect(shard.putBlock(huge, refOf(cidOf("raw", huge)))).rejects.toMatchObject({ code: "BLOCK_TOO_LARGE" });
    expect(await shard.hasBlock(refOf(cid))).toBe(false);
  });

  test("a manifest that lies is no file: neither read, nor fetched, nor held", async () => {
    const { shard } = await freshShard(1);
    const [a, b] = [utf8("a"), utf8("b")];
    const bytes = encodeNode({ v: 1, bytes: 20_000, chunks: [cidOf("raw", a), cidOf("raw", b)] });
    const cid = cidOf("dag-cbor", bytes);
    await shard.putBlock(bytes, refOf(cid));
    expect(await shard.missingBlocks(refOf(cid))).toHaveLength(2);
    await shard.putBlock(a, refOf(cidOf("raw", a)));
    await shard.putBlock(b, refOf(cidOf("raw", b)));
    await expect(shard.readFile(refOf(cid))).rejects.toMatchObject({ code: "MANIFEST_BAD" });
    const node = encodeNode({ hello: 1 });
    await shard.putBlock(node, refOf(cidOf("dag-cbor", node)));
    await expect(shard.missingBlocks(refOf(cidOf("dag-cbor", node)))).rejects.toMatchObject({ code: "MANIFEST_BAD" });
  });

  test("a manifest under a manifest must have the length that its place demands", async () => {
    const { shard } = await freshShard(1);
    const leaf = encodeNode({ v: 1, bytes: 1, chunks: [cidOf("raw", utf8("a"))] });
    const leafCid = cidOf("dag-cbor", leaf);
    const root = encodeNode({ v: 1, bytes: 384 * 16_384 + 1, chunks: [leafCid, leafCid] });
    const cid = cidOf("dag-cbor", root);
    await shard.putBlock(leaf, refOf(leafCid));
    await shard.putBlock(root, refOf(cid));
    await expect(shard.missingBlocks(refOf(cid))).rejects.toMatchObject({ code: "MANIFEST_BAD" });
  });
});

describe("damage on disk", () => {
  test.each(["a value that fails authentication", "another value"])("%s is never served, and heals", async (kind) => {
    const { shard, store } = await freshShard(1);
    const content = large(3);
    const { cid } = await shard.putFile("map.png", content);
    const chunk = splitFile(content).blocks[2];
    if (chunk === undefined) throw new Error("no chunk");
    const before = shard.stats();
    const key = blockKey(digestOf(chunk.cid));
    if (kind === "another value") await store.tamper(key, Uint8Array.of(0, 1, 2, 3));
    else store.corrupt(key);
    await expect(shard.readFile(refOf(cid))).rejects.toMatchObject({ code: "BLOCK_CORRUPT", fix: expect.any(String) });
    await expect(shard.getBlock(refOf(chunk.cid))).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    expect((await shard.missingBlocks(refOf(cid))).map(textOfRef)).toEqual([chunk.cid.toString()]);
    expect(await rowsOf(shard)).toMatchObject([{ held: false }]);
    await shard.putBlock(chunk.bytes, refOf(chunk.cid));
    expect(await shard.readFile(refOf(cid))).toEqual(content);
    expect(await rowsOf(shard)).toMatchObject([{ held: true }]);
    expect(shard.stats()).toEqual(before);
  });

  test("putting the same file again heals it too", async () => {
    const { shard, store } = await freshShard(1);
    const { cid, seq } = await shard.putFile("a", utf8("a"));
    store.corrupt(blockKey(digestOf(cid)));
    expect((await shard.putFile("a", utf8("a"))).seq).toBe(seq);
    expect(await shard.readFile(refOf(cid))).toEqual(utf8("a"));
  });

  test("a missing entry of the log is noticed when it is read", async () => {
    const { shard, store } = await freshShard(1);
    for (const name of ["a", "b", "c"]) await shard.putFile(name, utf8(name));
    await store.tamper(entryKey(shard.author.id, 3), undefined);
    await expect(shard.entries(shard.author.id, 1, 10)).rejects.toMatchObject({ code: "LOG_DAMAGED" });
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: 4, verified: 2 });
  });

  test("a lost end of the own log stops putting, not reading: a second log would contradict the first", async () => {
    const { shard, store } = await freshShard(1);
    const { cid } = await shard.putFile("a", utf8("a"));
    await store.tamper(entryKey(shard.author.id, 2), undefined);
    await store.tamper(signatureKey(shard.author.id, 2), undefined);
    const again = (await freshShard(1, store)).shard;
    expect(await again.readFile(refOf(cid))).toEqual(utf8("a"));
    await expect(again.putFile("b", utf8("b"))).rejects.toMatchObject({ code: "LOG_DAMAGED" });
  });

  test("a damaged end of the own log stops putting, not opening", async () => {
    const { shard, store } = await freshShard(1);
    const { cid } = await shard.putFile("a", utf8("a"));
    store.corrupt(entryKey(shard.author.id, 2));
    const again = (await freshShard(1, store)).shard;
    expect(await again.readFile(refOf(cid))).toEqual(utf8("a"));
    await expect(again.putFile("b", utf8("b"))).rejects.toMatchObject({ code: "LOG_DAMAGED" });
  });

  test("a damaged row hides itself from the lists, not those beside it", async () => {
    const { shard, store } = await freshShard(1);
    for (const name of ["a", "b", "c", "d"]) await shard.putFile(name, utf8(name));
    store.corrupt(fileKey(shard.author.id, "b"));
    expect((await rowsOf(shard)).map(({ name }) => name)).toEqual(["a", "c", "d"]);
    store.corrupt(entryKey(shard.author.id, 4));
    expect((await shard.log(10)).map(({ seq }) => seq)).toEqual([5, 3, 2, 1]);
    expect((await shard.log(2)).map(({ seq }) => seq)).toEqual([5, 3]);
  });
});

test("a store of an earlier or a newer format is left as it is, with what to do", async () => {
  const { shard, store } = await freshShard(1);
  const key = authorKey(shard.author.id);
  const record = (await store.get(key)) ?? new Uint8Array();
  for (const [format, code] of [
    [1, "STORE_OLDER"],
    [3, "STORE_NEWER"],
  ] as const) {
    await store.tamper(
      key,
      Uint8Array.from(record, (byte, i) => (i === 0 ? format : byte)),
    );
    const { writes } = store;
    await expect(freshShard(1, store)).rejects.toMatchObject({ code, fix: expect.any(String) });
    expect(store.writes).toBe(writes);
  }
});

describe("a disk that fails", () => {
  const full = new AgentError("DISK_FULL", "no space is left");

  test("fails every put of the write, and the next one goes on where the disk stands", async () => {
    const { shard, store } = await freshShard(1);
    await shard.putFile("a", utf8("a"));
    store.failure = full;
    const failed = await Promise.allSettled([shard.putFile("b", utf8("b")), shard.putFile("c", utf8("c"))]);
    expect(failed).toMatchObject([{ reason: { code: "DISK_FULL" } }, { reason: { code: "DISK_FULL" } }]);
    expect(await rowsOf(shard)).toMatchObject([{ name: "a" }]);
    store.failure = undefined;
    expect((await shard.putFile("d", utf8("d"))).seq).toBe(3);
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: 3, verified: 3 });
    expect(shard.stats()).toMatchObject({ blocks: 2, files: 2 });
  });

  test("a write that failed and yet reached the disk is reckoned with", async () => {
    const { shard, store } = await freshShard(1);
    store.failure = full;
    store.persistFailed = true;
    await expect(shard.putFile("ghost", utf8("g"))).rejects.toMatchObject({ code: "DISK_FULL" });
    store.failure = undefined;
    expect((await shard.putFile("next", utf8("n"))).seq).toBe(3);
    expect((await rowsOf(shard)).map((row) => row.name)).toEqual(["ghost", "next"]);
    expect(await shard.verifyLog(shard.author.id)).toEqual({ count: 3, verified: 3 });
  });

  test("when it can't even be read, whoever asks is told, and nothing hangs", async () => {
    const { shard, store } = await freshShard(1);
    store.failure = full;
    await expect(shard.putFile("a", utf8("a"))).rejects.toMatchObject({ code: "DISK_FULL" });
    store.failure = undefined;
    store.readFailure = new AgentError("STORE_IO", "the disk fails");
    const failed = await Promise.allSettled([shard.putFile("b", utf8("b")), shard.putFile("c", utf8("c"))]);
    expect(failed).toMatchObject([{ reason: { code: "STORE_IO" } }, { reason: { code: "STORE_IO" } }]);
    store.readFailure = undefined;
    expect((await shard.putFile("d", utf8("d"))).seq).toBe(2);
  });
});

test("a CID with one digest under two codecs is one block", async () => {
  const { shard } = await freshShard(1);
  const content = large(9);
  const { root, blocks } = splitFile(content);
  const manifest = blocks[0]?.bytes ?? new Uint8Array();
  await shard.putFile("the manifest itself", manifest);
  expect(await shard.hasBlock(refOf(root))).toBe(true);
  expect(await shard.missingBlocks(refOf(root))).toHaveLength(4);
  expect(toHex((await shard.getBlock(refOf(cidFromDigest("raw", digestOf(root))))) ?? new Uint8Array())).toBe(
    toHex(manifest),
  );
});
