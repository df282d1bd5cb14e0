/** The desk: files in and out, archives, the log; and in quarantine nothing of all that. */
import { describe, expect, test } from "vitest";
import { refOf } from "../../src/dag/block-ref.ts";
import { encodeCar } from "../../src/dag/car.ts";
import { cidOf } from "../../src/dag/cid.ts";
import { splitFile } from "../../src/dag/manifest.ts";
import type { Desk } from "../../src/desk/desk.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { openDeskRig } from "../fakes/desk.ts";
import { seeded } from "../fakes/seeded.ts";

const CONTENT = seeded(4).random.bytes(40_000);
const FILE = splitFile(CONTENT);
const CID = FILE.root.toString();
const ARCHIVE = encodeCar(FILE);

test("a put file is listed, logged, and announced to the neighbours", async () => {
  await using rig = await openDeskRig();
  const id = toHex(rig.shard.author.id);
  expect(await rig.desk.put("map.png", CONTENT)).toEqual({
    cid: CID,
    name: "map.png",
    bytes: 40_000,
    seq: 2,
    by_air: true,
  });
  const author = `clinic (${id})`;
  const prefix = toHex(FILE.root.multihash.digest.subarray(0, 16));
  const row = { name: "map.png", cid: CID, prefix, bytes: 40_000, author };
  expect(await rig.desk.files()).toEqual({ files: [{ ...row, ref: `${id}/2`, held: true }] });
  const { authors, entries } = await rig.desk.log(10);
  expect(authors).toEqual([{ author, entries: 2, verified: true }]);
  expect(entries).toEqual([
    { ...row, seq: 2, kind: "file", head: expect.stringMatching(/^[0-9a-f]{64}$/) },
    {
      author,
      seq: 1,
      kind: "author",
      name: "clinic",
      cid: null,
      prefix: null,
      bytes: 0,
      head: expect.stringMatching(/^[0-9a-f]{64}$/),
    },
  ]);
  expect((await rig.desk.log(1)).entries).toHaveLength(1);
  // Without delay a packet with the news leaves.
  await rig.clock.advance(60_000);
  expect(rig.modem.sent.length).toBeGreaterThan(0);
});

test("what is no CID has no content and no archive", async () => {
  await using rig = await openDeskRig();
  for (const text of ["", "map.png", "bafy", CID.slice(0, -1), CID.toUpperCase()]) {
    expect(await rig.desk.content(text), text).toBeUndefined();
    expect(await rig.desk.exportCar(text), text).toBeUndefined();
  }
});

describe("an archive", () => {
  test("goes from one node to another, by stick", async () => {
    await using from = await openDeskRig();
    await using to = await openDeskRig();
    await from.desk.put("map.png", CONTENT);
    const archive = await from.desk.exportCar(CID);
    expect(archive).toEqual(ARCHIVE);
    const report = await to.desk.importCar(ARCHIVE, "map.png");
    expect(report).toEqual({ cid: CID, name: "map.png", bytes: 40_000, blocks: 4, seq: 2 });
    expect(await to.desk.files()).toMatchObject({ files: [{ name: "map.png", cid: CID, held: true }] });
  });

  test("without a name is kept, served by its CID, and not listed", async () => {
    await using rig = await openDeskRig();
    expect(await rig.desk.importCar(ARCHIVE, undefined)).toMatchObject({ name: "", seq: null });
    expect(await rig.desk.files()).toEqual({ files: [] });
    expect((await rig.desk.startGet(CID)).report).toMatchObject({ state: "done", bytes: 40_000 });
    expect(await rig.desk.content(CID)).toEqual(CONTENT);
  });

  test("of a file that is not all here is refused, and says to get it first", async () => {
    await using rig = await openDeskRig();
    for (const { bytes, cid } of FILE.blocks.slice(0, -1)) await rig.shard.putBlock(bytes, refOf(cid));
    const missing = { code: "FILE_MISSING", fix: expect.stringContaining(`caye get ${CID}`) };
    await expect(rig.desk.exportCar(CID)).rejects.toMatchObject(missing);
    await expect(rig.desk.exportCar(cidOf("raw", utf8("never")).toString())).rejects.toMatchObject({
      code: "FILE_MISSING",
    });
  });

  test("that is none, or lies, is refused with nothing stored", async () => {
    await using rig = await openDeskRig();
    const lying = ARCHIVE.map((byte, i) => (i === 20_000 ? byte ^ 1 : byte));
    for (const archive of [new Uint8Array(0), CONTENT, lying, ARCHIVE.subarray(0, -1), ARCHIVE.subarray(0, 20_000)]) {
      for (const name of [undefined, "map.png"]) {
        await expect(rig.desk.importCar(archive, name)).rejects.toMatchObject({ code: "CAR_INVALID" });
      }
    }
    await expect(rig.desk.importCar(ARCHIVE, "a/b")).rejects.toMatchObject({ code: "NAME_INVALID" });
    expect(rig.shard.stats()).toMatchObject({ blocks: 0, files: 0 });
  });
});

describe("in quarantine", () => {
  const CALLS: readonly (readonly [string, (desk: Desk) => Promise<unknown>])[] = [
    ["files", (desk) => desk.files()],
    ["log", (desk) => desk.log(10)],
    ["put", (desk) => desk.put("a", utf8("a"))],
    ["startGet", (desk) => desk.startGet("a")],
    ["transfer", (desk) => desk.transfer(CID)],
    ["content", (desk) => desk.content(CID)],
    ["content of what is no CID", (desk) => desk.content("x")],
    ["exportCar", (desk) => desk.exportCar(CID)],
    ["importCar", (desk) => desk.importCar(ARCHIVE, "map.png")],
    ["allowUpdate", (desk) => desk.allowUpdate({ code: "/opt/caye", config: undefined })],
  ];

  test.each(CALLS)("%s is refused with the reason, as a rejection", async (_, call) => {
    await using rig = await openDeskRig({ quarantine: "src/main.ts differs" });
    const refusal = { code: "QUARANTINE", message: "data and radio are shut: src/main.ts differs" };
    await expect(call(rig.desk)).rejects.toMatchObject({ ...refusal, fix: expect.stringContaining("caye doctor") });
  });

  test("status, checks and the quote answer", async () => {
    await using rig = await openDeskRig({ quarantine: "src/main.ts differs" });
    expect(await rig.desk.status()).toMatchObject({ state: "quarantine" });
    expect((await rig.desk.checks()).checks.length).toBeGreaterThan(3);
    // Trust itself decides on the quote: here it has none.
    await expect(rig.desk.quote(undefined)).rejects.toMatchObject({ code: "TPM_NONE" });
  });
});
