/** From what the log tells of a file to the file: by name, CID, its beginning, or position in a log. */
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { FILE_PREFIX_BYTES, refKey, refOf, rootOf, textOfRef } from "../../src/dag/block-ref.ts";
import { type Cid, cidOf, digestOf, sha256 } from "../../src/dag/cid.ts";
import { encodeEntry, fileEntry } from "../../src/dag/entry.ts";
import { splitFile } from "../../src/dag/manifest.ts";
import type { FileRow, Shard } from "../../src/dag/shard.ts";
import { type Bytes, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { seeded } from "../fakes/seeded.ts";
import { freshShard } from "./shards.ts";

const SMALL = seeded(1).random.bytes(900);
const LARGE = seeded(2).random.bytes(40_000);

/** A node that knows of a neighbour's files by their entries alone. */
async function told(files: Readonly<Record<string, Uint8Array>>, nodeName = "clinic"): Promise<[Shard, Shard]> {
  const { shard: author } = await freshShard(5, undefined, nodeName);
  for (const [name, content] of Object.entries(files)) await author.putFile(name, content);
  const { shard } = await freshShard(1, undefined, "school");
  const run = await author.entries(author.author.id, 1, 99);
  expect(await shard.merge(author.author.id, 1, run.entries, run.signature)).toMatchObject({ kind: "merged" });
  return [shard, author];
}

async function only(shard: Shard, text: string): Promise<FileRow> {
  const rows = await shard.resolve(text);
  expect(rows, text).toHaveLength(1);
  const [row] = rows;
  if (row === undefined) throw new Error("no row");
  return row;
}

describe("an entry on air", () => {
  test("takes at most 24 bytes for a name as people give them, and holds no more of the hash than 16 bytes", () => {
    const root = refOf(cidOf("raw", SMALL));
    const entry = encodeEntry(fileEntry("boat-times.csv", root, SMALL));
    expect(entry.length).toBeLessThanOrEqual(24);
    expect([...entry.subarray(0, 2)]).toEqual([899 >> 8, 899 & 0xff]);
    expect(entry.subarray(2, 18)).toEqual(root.digest.subarray(0, FILE_PREFIX_BYTES));
  });
});

describe("a file that was told of", () => {
  test("has no CID until its first block is here, then has it", async () => {
    const [shard, author] = await told({ "a.bin": SMALL, "map.png": LARGE });
    const ref = `${toHex(author.author.id)}/2`;
    const cid = cidOf("raw", SMALL);
    const before = await only(shard, "a.bin");
    expect(before).toMatchObject({ cid: undefined, codec: "raw", bytes: 900, ref, held: false });
    expect(before.prefix).toEqual(digestOf(cid).subarray(0, 16));
    expect(await shard.missingBlocks(rootOf(before))).toEqual([rootOf(before)]);
    expect(await shard.readFile(rootOf(before))).toBeUndefined();
    expect((await shard.putBlock(SMALL, rootOf(before))).equals(cid)).toBe(true);
    const after = await only(shard, "a.bin");
    expect([after.cid?.toString(), after.held]).toEqual([cid.toString(), true]);
    expect(refKey(rootOf(after))).toBe(refKey(rootOf(before)));
    expect(await shard.readFile(rootOf(before))).toEqual(SMALL);
    expect((await shard.log(9)).find(({ name }) => name === "a.bin")?.cid?.equals(cid)).toBe(true);
  });

  test("of several blocks is fetched by its root's beginning, then by whole names", async () => {
    const [shard] = await told({ "map.png": LARGE });
    const { root, blocks } = splitFile(LARGE);
    const row = await only(shard, "map.png");
    const missing = async (): Promise<readonly string[]> => (await shard.missingBlocks(rootOf(row))).map(textOfRef);
    expect(await missing()).toEqual([textOfRef(rootOf(row))]);
    expect(textOfRef(rootOf(row))).toBe(`${root.toString().slice(0, 33)}…`);
    for (const [i, { bytes, cid }] of blocks.entries()) {
      await shard.putBlock(bytes, i === 0 ? rootOf(row) : refOf(cid));
      expect(await missing()).toEqual(blocks.slice(i + 1).map(({ cid }) => cid.toString()));
      expect(await only(shard, "map.png")).toMatchObject({ held: i === blocks.length - 1 });
    }
    expect(await shard.readFile(rootOf(row))).toEqual(LARGE);
  });

  test("takes no other bytes than those that its hash names", async () => {
    const [shard] = await told({ "a.bin": SMALL });
    const root = rootOf(await only(shard, "a.bin"));
    await expect(shard.putBlock(LARGE.subarray(0, 900), root)).rejects.toMatchObject({ code: "BLOCK_MISMATCH" });
    expect(await shard.hasBlock(root)).toBe(false);
  });

  test("rides inside its entry when it is short: everybody holds it at once, and its hash was not sent", async () => {
    const note = utf8("Boat to town 6:30 and 14:00, daily\n");
    const [shard, author] = await told({ "boat.txt": note, empty: new Uint8Array() });
    const row = await only(shard, "boat.txt");
    expect(row).toMatchObject({ bytes: note.length, held: true });
    expect(row.cid?.equals(cidOf("raw", note))).toBe(true);
    expect(await shard.readFile(rootOf(row))).toEqual(note);
    expect(await only(shard, "empty")).toMatchObject({ bytes: 0, held: true });
    expect(shard.stats()).toMatchObject({ blocks: 1, bytes: note.length, files: 2 });
    expect((await author.entries(author.author.id, 2, 1)).entries[0]?.length).toBeLessThan(32);
  });
});

describe("a text that names a file", () => {
  test("is a CID, its beginning, the beginning of the hash, or author and number", async () => {
    const [shard, author] = await told({ "a.bin": SMALL, "map.png": LARGE });
    const id = toHex(author.author.id);
    const cid = cidOf("raw", SMALL);
    const texts = [
      `${id}/2`,
      `${id.slice(0, 4)}/2`,
      "clinic/2",
      cid.toString().slice(0, 12),
      `${cid.toString().slice(0, 33)}…`,
      cid.toString().slice(0, 40),
      toHex(digestOf(cid)).slice(0, 8),
      toHex(digestOf(cid)).slice(0, 32),
      toHex(digestOf(cid)),
    ];
    for (const text of texts) expect(await only(shard, text)).toMatchObject({ name: "a.bin", cid: undefined });
    expect((await only(shard, cid.toString())).cid?.equals(cid)).toBe(true);
    await shard.putBlock(SMALL, refOf(cid));
    for (const text of texts) expect(await only(shard, text)).toMatchObject({ name: "a.bin", held: true });
    // A raw file's beginning has six characters in common with every other's.
    expect(await only(shard, cid.toString().slice(0, 7))).toMatchObject({ name: "a.bin" });
    expect(await only(shard, splitFile(LARGE).root.toString().slice(0, 9))).toMatchObject({ name: "map.png" });
  });

  test("names nothing when it is too short, too long, of another file or of no file", async () => {
    const [shard, author] = await told({ "a.bin": SMALL });
    const id = toHex(author.author.id);
    const cid = cidOf("raw", SMALL).toString();
    const other = cidOf("raw", LARGE).toString();
    const texts = [
      `${id}/1`,
      `${id}/3`,
      `${id}/0`,
      `${id}/02`,
      `${id}/4294967297`,
      `${id}/`,
      "/2",
      `${id.slice(0, 3)}/2`,
      "x/2",
      cid.slice(0, 5),
      `${cid.slice(0, 30)}q`,
      other,
      other.slice(0, 20),
      cidOf("dag-cbor", SMALL).toString(),
      toHex(digestOf(cidOf("raw", SMALL))).slice(0, 7),
      `${toHex(digestOf(cidOf("raw", SMALL))).slice(0, 32)}0a`.slice(0, 31) + "z",
      `${id}/2/2`,
      "…",
      "b".repeat(59),
      "ab".repeat(16),
    ];
    for (const text of texts) expect(await shard.resolve(text), text).toEqual([]);
  });

  test("is first of all a name, and an older version has its number still", async () => {
    const [shard, author] = await told({ deadbeef: SMALL, bafkreia: LARGE });
    expect(await only(shard, "deadbeef")).toMatchObject({ seq: 2 });
    expect(await only(shard, "bafkreia")).toMatchObject({ seq: 3 });
    await author.putFile("deadbeef", LARGE);
    const run = await author.entries(author.author.id, 4, 1);
    await shard.merge(author.author.id, 4, run.entries, run.signature);
    expect(await only(shard, "deadbeef")).toMatchObject({ seq: 4, bytes: 40_000 });
    expect(await only(shard, `${toHex(author.author.id)}/2`)).toMatchObject({ name: "deadbeef", bytes: 900 });
  });

  test("finds all whom it may mean: authors of one name, files of one beginning", async () => {
    const [shard] = await told({ "a.bin": SMALL }, "school");
    await shard.putFile("b.bin", LARGE);
    expect((await shard.resolve("school/2")).map(({ name }) => name)).toEqual(["b.bin", "a.bin"]);
    await shard.putFile("c.bin", SMALL);
    expect((await shard.resolve("bafkrei")).map(({ name }) => name)).toEqual(["c.bin", "a.bin"]);
  });
});

describe("two blocks whose hashes begin alike", () => {
  /** Two contents whose hashes share their first 3 bytes: about 2^12 tries. */
  function twins(): readonly [Bytes, Bytes] {
    const seen = new Map<string, Bytes>();
    for (let i = 0; ; i++) {
      const content = utf8(`twin ${i}`);
      const key = createHash("sha256").update(content).digest("hex").slice(0, 6);
      const before = seen.get(key);
      if (before !== undefined) return [before, content];
      seen.set(key, content);
    }
  }

  test("are told apart by as many bytes as it takes", async () => {
    const { shard } = await freshShard(1);
    const blocks = twins().map((bytes) => ({ bytes, ref: refOf(cidOf("raw", bytes)) }));
    for (const { bytes, ref } of blocks) await shard.putBlock(bytes, ref);
    for (const { bytes, ref } of blocks) {
      for (const length of [8, 16, 32]) {
        expect(await shard.findBlockByPrefix(ref.digest.subarray(0, length))).toEqual(ref);
      }
      expect(await shard.getBlock({ codec: "raw", digest: ref.digest.subarray(0, 16) })).toEqual(bytes);
    }
    expect(await shard.findBlockByPrefix(sha256(utf8("twin")).subarray(0, 3))).toBeUndefined();
  });

  test("of 16 bytes only their author can make: the first sound one is given, and a whole name never another's", async () => {
    const { shard, store } = await freshShard(1);
    // Nobody can make such twins, so the disk lies: the second is stored under a digest that is not its own.
    const content = utf8("the true one");
    const cid: Cid = cidOf("raw", content);
    await shard.putBlock(content, refOf(cid));
    const forged = Uint8Array.from(digestOf(cid), (byte, i) => (i < 16 ? byte : 0));
    await store.tamper(Uint8Array.of(0x62, ...forged), Uint8Array.of(0, 1, 2, 3));
    const half = { codec: "raw", digest: forged.subarray(0, 16) } as const;
    await expect(shard.getBlock(half)).rejects.toMatchObject({ code: "BLOCK_CORRUPT" });
    // From now on that one counts as missing.
    expect(await shard.getBlock(half)).toEqual(content);
    expect((await shard.cidOf(half))?.equals(cid)).toBe(true);
    expect(await shard.findBlockByPrefix(half.digest)).toEqual(refOf(cid));
    expect(await shard.getBlock(refOf(cid))).toEqual(content);
  });
});
