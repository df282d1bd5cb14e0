/** Files on request: what is here is told at once, what is not is fetched over the air, and what can't be says why. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { refOf } from "../../src/dag/block-ref.ts";
import { cidOf, sha256, type Cid } from "../../src/dag/cid.ts";
import { splitFile } from "../../src/dag/manifest.ts";
import { encodeNode } from "../../src/dag/node.ts";
import { symbolAt } from "../../src/erasure/cauchy.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { SHORT_PREFIX_BYTES } from "../../src/wire/get.ts";
import { symbolBytesFor } from "../../src/wire/packing.ts";
import { freshShard } from "../dag/shards.ts";
import { type DeskRig, openDeskRig } from "../fakes/desk.ts";
import { seeded } from "../fakes/seeded.ts";
import { beaconOf } from "../fakes/beacon.ts";

let rig: DeskRig;
beforeEach(async () => {
  rig = await openDeskRig();
});
afterEach(() => rig[Symbol.asyncDispose]());

const CONTENT = seeded(9).random.bytes(900);

/** A neighbour with files, whose log is known here; its blocks are not. */
async function announce(files: Readonly<Record<string, Uint8Array>>): Promise<Uint8Array> {
  await using other = await freshShard(5);
  for (const [name, content] of Object.entries(files)) await other.shard.putFile(name, content);
  const { id } = other.shard.author;
  const { entries, signature } = await other.shard.entries(id, 1, 100);
  expect(await rig.shard.merge(id, 1, entries, signature)).toMatchObject({ kind: "merged" });
  return id;
}

/** All the source symbols of a block come in by radio. */
async function hearBlock(cid: Cid, block: Uint8Array): Promise<void> {
  const symbolBytes = symbolBytesFor(block.length);
  const prefix = sha256(block).subarray(0, SHORT_PREFIX_BYTES);
  for (let index = 0; index * symbolBytes < block.length; index++) {
    const symbol = symbolAt(block, symbolBytes, index);
    await rig.hear({ type: "coded", prefix, streamBytes: block.length, check: undefined, index, left: 0, symbol });
  }
  await rig.clock.advance(0);
  expect(await rig.shard.hasBlock(refOf(cid))).toBe(true);
}

describe("a file that is here", () => {
  test("is done at once, by its name and by its CID, at no cost on air", async () => {
    const { cid } = await rig.desk.put("storm.txt", CONTENT);
    const done = { cid, name: "storm.txt", bytes: 900, packets: 0, air_bytes: 0, state: "done" };
    for (const target of ["storm.txt", cid]) {
      const { id, report } = await rig.desk.startGet(target);
      expect([id, report]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), expect.objectContaining(done)]);
    }
    expect(await rig.desk.transfer(cid)).toMatchObject(done);
    expect(await rig.desk.content(cid)).toEqual(CONTENT);
  });

  test("is preferred to a neighbour's of the same name that is not", async () => {
    await announce({ "storm.txt": utf8("theirs") });
    await rig.desk.put("storm.txt", CONTENT);
    expect((await rig.desk.startGet("storm.txt")).report).toMatchObject({ bytes: 900, state: "done" });
  });

  test("but was never announced has its true length", async () => {
    for (const content of [CONTENT, seeded(3).random.bytes(40_000)]) {
      const { root, blocks } = splitFile(content);
      for (const { bytes, cid } of blocks) await rig.shard.putBlock(bytes, refOf(cid));
      const { report } = await rig.desk.startGet(root.toString());
      expect(report).toMatchObject({ bytes: content.length, state: "done" });
    }
  });
});

describe("a file of a neighbour", () => {
  test("is asked for over the air, and counted until it is here", async () => {
    await announce({ "storm.txt": CONTENT });
    const { id, report } = await rig.desk.startGet("storm.txt");
    expect(report).toMatchObject({ name: "storm.txt", bytes: 900, state: "waiting", packets: 0, asked: 0, missing: 1 });
    expect(report).not.toHaveProperty("holder");
    await rig.clock.advance(5_000);
    // Five symbols, at a loss of three in ten eight, and a question.
    expect((await rig.desk.transfer(id))?.estimate_ms).toBeGreaterThan(8 * 2_000);
    expect(await rig.desk.transfer(id)).toMatchObject({ state: "waiting", asked: 1 });
    await hearBlock(cidOf("raw", CONTENT), CONTENT);
    expect(await rig.desk.transfer(id)).toMatchObject({ state: "done", bytes: 900, packets: 5 });
    expect(await rig.desk.content(cidOf("raw", CONTENT).toString())).toEqual(CONTENT);
  });

  test("is said to be with a neighbour who claims to know it: its author, if that one was heard", async () => {
    const author = await announce({ "storm.txt": CONTENT });
    const vector = [{ author, count: 2 }];
    const { id } = await rig.desk.startGet("storm.txt");
    const holder = async (): Promise<string | undefined> => (await rig.desk.transfer(id))?.holder;
    await rig.hear(beaconOf(new Uint8Array(8).fill(9), [{ author, count: 1 }]));
    expect(await holder()).toBeUndefined();
    await rig.hear(beaconOf(new Uint8Array(8).fill(9), vector));
    expect(await holder()).toBe("09".repeat(4));
    await rig.hear(beaconOf(author, vector));
    expect(await holder()).toBe("node 5");
  });

  test("that nobody announced can be asked for by its CID alone, and has its length in the end", async () => {
    const cid = cidOf("raw", CONTENT);
    const { id, report } = await rig.desk.startGet(cid.toString());
    expect(report).toMatchObject({ cid: cid.toString(), bytes: 0, state: "waiting" });
    await hearBlock(cid, CONTENT);
    expect(await rig.desk.transfer(id)).toMatchObject({ state: "done", bytes: 900 });
  });

  test("is refused by radio above 64 KiB, with another way", async () => {
    await announce({ fits: new Uint8Array(65_536), large: new Uint8Array(65_537) });
    expect((await rig.desk.startGet("fits")).report.state).toBe("waiting");
    const fix = expect.stringContaining("stick");
    await expect(rig.desk.startGet("large")).rejects.toMatchObject({ code: "FILE_TOO_LARGE", fix });
  });

  test("waits its turn when eight are under way", async () => {
    const { random } = seeded(8);
    const names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
    await announce(Object.fromEntries(names.map((name) => [name, random.bytes(300)])));
    for (const name of names.slice(0, 8)) await rig.desk.startGet(name);
    await expect(rig.desk.startGet("i")).rejects.toMatchObject({ code: "TOO_MANY" });
    // Joining one that is under way is always possible.
    expect((await rig.desk.startGet("a")).report.state).toBe("waiting");
  });
});

test("a name that nobody announced is not found, nor a CID that names no file", async () => {
  const notFound = (fix: string) => ({ code: "NOT_FOUND", fix: expect.stringContaining(fix) });
  const soon = notFound("appear some minutes after the start");
  await expect(rig.desk.startGet("nothing")).rejects.toMatchObject(soon);
  await rig.clock.advance(300_000);
  await expect(rig.desk.startGet("nothing")).rejects.toMatchObject(soon);
  await rig.hear(beaconOf(new Uint8Array(8).fill(9), []));
  await expect(rig.desk.startGet("nothing")).rejects.toMatchObject(notFound("names are matched exactly"));
  const node = encodeNode({ a: 1 });
  const cid = cidOf("dag-cbor", node);
  await rig.shard.putBlock(node, refOf(cid));
  await expect(rig.desk.startGet(cid.toString())).rejects.toMatchObject({ code: "MANIFEST_BAD" });
});

test("a name that nobody announced is asked for on air while entries are known to be lacking, until its entry comes", async () => {
  await using other = await freshShard(5);
  await other.shard.putFile("tide.csv", CONTENT);
  const { id: author } = other.shard.author;
  await rig.hear(beaconOf(author, [{ author, count: 2 }]));
  const { id, report } = await rig.desk.startGet("tide.csv");
  expect(report).toMatchObject({
    name: "tide.csv",
    state: "waiting",
    asked: 0,
    detail: expect.stringContaining("by name"),
  });
  const { entries, signature } = await other.shard.entries(author, 1, 100);
  await rig.shard.merge(author, 1, entries, signature);
  await rig.clock.advance(2_000);
  expect(await rig.desk.transfer(id)).toMatchObject({ name: "tide.csv", bytes: 900, state: "waiting", missing: 1 });
  await hearBlock(cidOf("raw", CONTENT), CONTENT);
  expect(await rig.desk.transfer(id)).toMatchObject({ state: "done", bytes: 900 });
});

test("what names several files is refused with their list, and each can be named by author and number", async () => {
  const author = toHex(await announce({ "a.bin": CONTENT, "b.bin": seeded(3).random.bytes(700) }));
  await expect(rig.desk.startGet("bafkre")).rejects.toMatchObject({
    code: "NAME_AMBIGUOUS",
    fix: `Name one as it stands here:\n${[2, 3].map((seq) => `  ${author}/${seq}  ${seq === 2 ? "a" : "b"}.bin  node 5 (${author})`).join("\n")}`,
  });
  const { id, report } = await rig.desk.startGet(`${author}/2`);
  expect([id, report]).toMatchObject([
    expect.stringMatching(/^[0-9a-f]{32}$/),
    { name: "a.bin", bytes: 900, cid: null, state: "waiting" },
  ]);
  expect((await rig.desk.startGet(id)).report.name).toBe("a.bin");
});

test("a transfer that was never begun is not known, whatever its id", async () => {
  await announce({ "storm.txt": CONTENT });
  for (const id of ["", "t-1", cidOf("raw", CONTENT).toString(), cidOf("raw", utf8("x")).toString()]) {
    expect(await rig.desk.transfer(id), id).toBeUndefined();
  }
});
