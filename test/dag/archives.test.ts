/** Archives as a stranger's stick may hold them: taken in whole, or refused with nothing stored. */
import { createWriter } from "@ipld/car/buffer-writer";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refOf } from "../../src/dag/block-ref.ts";
import { encodeCar, exportCar, importCar } from "../../src/dag/car.ts";
import { cidOf, type Cid } from "../../src/dag/cid.ts";
import { blockKey } from "../../src/dag/keys.ts";
import { joinFile } from "../../src/dag/join.ts";
import { FAN_OUT, type Block, splitFile } from "../../src/dag/manifest.ts";
import { MAX_BLOCK_BYTES, encodeNode } from "../../src/dag/node.ts";
import { concatBytes, copyBytes, equalBytes, utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";
import { freshShard } from "./shards.ts";

const LEAF_BYTES = FAN_OUT * MAX_BLOCK_BYTES;
const { random, below } = seeded(77);
/** A manifest over three chunks, and its archive. */
const CONTENT = random.bytes(40_000);
const FILE = splitFile(CONTENT);
const ARCHIVE = encodeCar(FILE);

/** Whatever was asked for, without a look at it. */
function archiveOf(roots: readonly Cid[], blocks: readonly Block[]): Uint8Array<ArrayBuffer> {
  const writer = createWriter(new ArrayBuffer(200_000), { roots: [...roots] });
  for (const block of blocks) writer.write(block);
  return copyBytes(writer.close());
}

function nodeBlock(value: unknown): Block {
  const bytes = encodeNode(value);
  return { cid: cidOf("dag-cbor", bytes), bytes };
}

function rawBlock(bytes: Uint8Array): Block {
  return { cid: cidOf("raw", bytes), bytes };
}

describe("a file of an archive", () => {
  test("is stored and announced under a name, at the next position of the own log", async () => {
    await using to = await freshShard(1);
    const imported = await importCar(to.shard, ARCHIVE, "map.png");
    const facts = { cid: FILE.root, bytes: 40_000, blocks: 4 };
    expect(imported).toEqual({ ok: true, value: { ...facts, seq: 2 } });
    expect(await to.shard.readFile(refOf(FILE.root))).toEqual(CONTENT);
    const rows = await Array.fromAsync(to.shard.files());
    expect(rows).toMatchObject([{ name: "map.png", bytes: 40_000, held: true, seq: 2 }]);
    // Once more changes nothing.
    expect(await importCar(to.shard, ARCHIVE, "map.png")).toEqual(imported);
    expect(to.shard.stats()).toMatchObject({ blocks: 4, files: 1 });
  });

  test("is stored without a name as blocks that nobody is told of, and named later", async () => {
    await using to = await freshShard(1);
    expect(await importCar(to.shard, ARCHIVE)).toMatchObject({ ok: true, value: { seq: undefined } });
    expect(await to.shard.readFile(refOf(FILE.root))).toEqual(CONTENT);
    expect(await exportCar(to.shard, FILE.root)).toEqual(ARCHIVE);
    expect(to.shard.stats()).toMatchObject({ blocks: 4, files: 0 });
    expect(await importCar(to.shard, ARCHIVE, "map.png")).toMatchObject({ ok: true, value: { seq: 2 } });
    expect(to.shard.stats()).toMatchObject({ blocks: 4, files: 1 });
  });

  test("makes a block whole again that was damaged on disk", async () => {
    await using to = await freshShard(1);
    await importCar(to.shard, ARCHIVE, "map.png");
    const chunk = FILE.blocks[2]?.cid ?? FILE.root;
    to.store.corrupt(blockKey(chunk.multihash.digest));
    await expect(to.shard.readFile(refOf(FILE.root))).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    await importCar(to.shard, ARCHIVE);
    expect(await to.shard.readFile(refOf(FILE.root))).toEqual(CONTENT);
  });

  test("that has no proper name is refused, with nothing stored", async () => {
    await using to = await freshShard(1);
    const { writes } = to.store;
    await expect(importCar(to.shard, ARCHIVE, "a/b")).rejects.toMatchObject({ code: "NAME_INVALID" });
    expect([to.store.writes, to.shard.stats().blocks]).toEqual([writes, 0]);
  });

  test("whose last chunk has the bytes of its own first manifest travels all the same", async () => {
    const leaf = random.bytes(LEAF_BYTES);
    const content = concatBytes(leaf, splitFile(leaf).blocks[0]?.bytes ?? leaf);
    await using from = await freshShard(1);
    await using to = await freshShard(2);
    const { cid } = await from.shard.putFile("strange.bin", content);
    const archive = await exportCar(from.shard, cid);
    expect(await importCar(to.shard, archive)).toMatchObject({ ok: true, value: { bytes: content.length } });
    const back = await to.shard.readFile(refOf(cid));
    expect(back !== undefined && equalBytes(back, content)).toBe(true);
    expect(equalBytes(await exportCar(to.shard, cid), archive)).toBe(true);
  });
});

describe("an archive", () => {
  const [root, ...chunks] = FILE.blocks;
  const blocks = root === undefined ? [] : [root, ...chunks];
  const links = chunks.map(({ cid }) => cid);
  const small = rawBlock(utf8("small"));
  const smallManifest = nodeBlock({ v: 1, bytes: 5, chunks: [small.cid] });
  const longManifest = nodeBlock({ v: 1, bytes: 48_000, chunks: links });
  const chunk = random.bytes(MAX_BLOCK_BYTES);
  const inner = nodeBlock({
    v: 1,
    bytes: LEAF_BYTES,
    chunks: Array.from({ length: FAN_OUT }, () => rawBlock(chunk).cid),
  });
  const bomb = nodeBlock({ v: 1, bytes: 3 * LEAF_BYTES, chunks: [inner.cid, inner.cid, inner.cid] });
  const bombOfBombs = nodeBlock({ v: 1, bytes: 3 * LEAF_BYTES, chunks: [bomb.cid, bomb.cid, bomb.cid] });
  const lie = (at: number): readonly Block[] =>
    blocks.map((block, i) => (i === at ? { cid: block.cid, bytes: block.bytes.map((byte) => byte ^ 1) } : block));
  const HUGE = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f);

  test.each<[string, Uint8Array]>([
    ["of nothing", new Uint8Array(0)],
    ["of zeros", new Uint8Array(1_000)],
    ["whose header is longer than any file", concatBytes(HUGE, ARCHIVE.subarray(1))],
    ["with a length without end", new Uint8Array(1_000).fill(0xff)],
    ["with a block longer than any file", concatBytes(ARCHIVE.subarray(0, 59), HUGE, ARCHIVE.subarray(61))],
    ["that lies about its root's hash", archiveOf([FILE.root], lie(0))],
    ["that lies about a chunk's hash", archiveOf([FILE.root], lie(2))],
    ["without its root", archiveOf([FILE.root], chunks)],
    ["with no block at all", archiveOf([FILE.root], [])],
    ["whose root comes last", archiveOf([FILE.root], [...chunks, ...blocks.slice(0, 1)])],
    ["without one of its chunks", archiveOf([FILE.root], blocks.slice(0, -1))],
    ["with a block of another file", archiveOf([FILE.root], [...blocks, small])],
    ["with a block twice", archiveOf([FILE.root], [...blocks, ...blocks.slice(-1)])],
    ["with two roots", archiveOf([FILE.root, small.cid], [...blocks, small])],
    ["with a tail", concatBytes(ARCHIVE, Uint8Array.of(0))],
    ["twice in one file", concatBytes(ARCHIVE, ARCHIVE)],
    ["whose manifest holds what fits one block", archiveOf([smallManifest.cid], [smallManifest, small])],
    ["whose manifest lies about its length", archiveOf([longManifest.cid], [longManifest, ...chunks])],
    ["whose root is no manifest", archiveOf([nodeBlock({ a: 1 }).cid], [nodeBlock({ a: 1 })])],
    ["of manifests inside manifests", archiveOf([bombOfBombs.cid], [bombOfBombs, bomb, inner, rawBlock(chunk)])],
  ])("%s is refused, with nothing stored", async (_, archive) => {
    await using to = await freshShard(1);
    const { writes } = to.store;
    for (const name of [undefined, "map.png"]) {
      expect(await importCar(to.shard, archive, name)).toMatchObject({ ok: false, reason: expect.any(String) });
    }
    expect([to.store.writes, to.shard.stats().blocks]).toEqual([writes, 0]);
  });

  test("of one chunk many times is taken in: it is a file like any other", async () => {
    await using to = await freshShard(1);
    const archive = archiveOf([bomb.cid], [bomb, inner, rawBlock(chunk)]);
    expect(await importCar(to.shard, archive)).toMatchObject({ ok: true, value: { bytes: 3 * LEAF_BYTES, blocks: 3 } });
  });

  test("that was cut short anywhere is refused", async () => {
    await using to = await freshShard(1);
    const cuts = [
      ...Array(120).keys(),
      ...Array.from({ length: 200 }, () => below(ARCHIVE.length)),
      ARCHIVE.length - 1,
    ];
    for (const length of cuts) {
      const cut = await importCar(to.shard, ARCHIVE.subarray(0, length), "map.png");
      expect(cut.ok, `${length} bytes`).toBe(false);
    }
    expect(to.shard.stats().blocks).toBe(0);
  });
});

describe("blocks put together", () => {
  test("give the file that they were cut from, in any order, whatever its length", () => {
    const edges = [0, 1, MAX_BLOCK_BYTES, MAX_BLOCK_BYTES + 1, 3 * MAX_BLOCK_BYTES];
    const length = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 0, max: 200_000 }));
    fc.assert(
      fc.property(length, (length) => {
        const content = random.bytes(length);
        const { root, blocks } = splitFile(content);
        const joined = joinFile(root, blocks.toReversed());
        expect(joined.ok && equalBytes(joined.value, content)).toBe(true);
      }),
      { numRuns: 30 },
    );
    for (const length of [LEAF_BYTES, LEAF_BYTES + 1]) {
      const content = new Uint8Array(length).fill(7);
      const { root, blocks } = splitFile(content);
      const joined = joinFile(root, blocks);
      expect(joined.ok && equalBytes(joined.value, content)).toBe(true);
    }
  });
});
