/** A file is wanted by its name, or by author and number, before the entry that tells of it has come. */
import { describe, expect, test } from "vitest";
import { unpackText } from "../../../src/codec/short-text.ts";
import { sha256 } from "../../../src/dag/cid.ts";
import { symbolAt } from "../../../src/erasure/cauchy.ts";
import { reportOf } from "../../../src/exchange/files/inquiries.ts";
import { toHex } from "../../../src/kernel/bytes.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import { fullMesh } from "../../../src/sim/topology.ts";
import type { Get } from "../../../src/wire/get.ts";
import { freshShard } from "../../dag/shards.ts";
import { beaconOf } from "../../fakes/beacon.ts";
import { openLoneNode, type LoneNode } from "../../fakes/lone-node.ts";
import { openNode, openVillage } from "../../fakes/village.ts";

const MINUTE_MS = 60_000;
const content = seededRandom("inquiries").bytes(900);

/** A neighbour whose log is not here, and the node that has heard of it. */
async function openBehind(rig: LoneNode) {
  await using other = await freshShard(5);
  await other.shard.putFile("tide.csv", content);
  const { id } = other.shard.author;
  const { entries, signature } = await other.shard.entries(id, 1, 100);
  await rig.hear(9, beaconOf(id, [{ author: id, count: 2 }]));
  return {
    author: toHex(id),
    entryComes: () => rig.node.shard.merge(id, 1, entries, signature),
    piecesCome: async () => {
      for (let index = 0; index < 5; index++) {
        const symbol = symbolAt(content, 180, index);
        const prefix = sha256(content).subarray(0, 4);
        await rig.hear(9, {
          type: "coded",
          prefix,
          streamBytes: 900,
          check: undefined,
          index,
          left: 4 - index,
          symbol,
        });
      }
    },
  };
}

const getsOf = (rig: LoneNode): readonly Get[] => rig.said().filter((message) => message.type === "get");

describe("a node that knows of entries that it lacks", () => {
  test("asks for a file by its name, keeps what comes, and has the file once the signed entry is here", async () => {
    await using rig = await openLoneNode("by name");
    const { entryComes, piecesCome } = await openBehind(rig);
    const inquiry = rig.node.exchange.inquire("tide.csv");
    await rig.clock.advance(10_000);
    const [get, ...more] = getsOf(rig);
    expect(more).toEqual([]);
    const name = get?.target.kind === "name" ? unpackText(get.target.packed, 200) : undefined;
    expect(name).toEqual({ ok: true, value: "tide.csv" });
    await piecesCome();
    await rig.clock.advance(30 * MINUTE_MS);
    expect(reportOf(inquiry!)).toMatchObject({
      state: "waiting",
      detail: expect.stringContaining("pieces came"),
      asked: 1,
    });
    expect(rig.node.shard.stats().bytes).toBe(0);
    await entryComes();
    await rig.clock.advance(5_000);
    expect(inquiry!.state).toMatchObject({ kind: "found", row: { name: "tide.csv" } });
    expect(inquiry!.state.kind === "found" && inquiry!.state.transfer?.report().state).toBe("done");
    expect(getsOf(rig).length).toBe(1);
  });

  test("asks for a file by its author and number", async () => {
    await using rig = await openLoneNode("by entry");
    const { author } = await openBehind(rig);
    rig.node.exchange.inquire(`${author}/2`);
    await rig.clock.advance(10_000);
    expect(getsOf(rig).map(({ target }) => target)).toMatchObject([{ kind: "entry", seq: 2 }]);
  });

  test("gives up after five questions that nobody answered, and asks again when told to", async () => {
    await using rig = await openLoneNode("in vain");
    await openBehind(rig);
    const inquiry = rig.node.exchange.inquire("tide.csv");
    expect(rig.node.exchange.inquire("tide.csv")).toBe(inquiry);
    await rig.clock.runUntil(() => inquiry!.state.kind === "failed", 120 * MINUTE_MS);
    expect(reportOf(inquiry!)).toMatchObject({ state: "failed", detail: expect.stringContaining("5 questions") });
    expect(getsOf(rig).length).toBe(5);
  });

  test("asks for eight at a time, and for no words that name nothing", async () => {
    await using rig = await openLoneNode("many");
    await openBehind(rig);
    for (const text of ["", "x".repeat(201), "ann/2", "a/b"]) expect(rig.node.exchange.inquire(text)).toBeUndefined();
    const asked = Array.from({ length: 12 }, (_, i) => rig.node.exchange.inquire(`${i}.txt`));
    expect(asked.filter((inquiry) => inquiry !== undefined)).toHaveLength(8);
  });
});

test("a node in step asks nobody for a name that nobody announced", async () => {
  await using rig = await openLoneNode("in step");
  expect(rig.node.exchange.inquire("tide.csv")).toBeUndefined();
});

test("a newcomer has a file by its name while it still learns what the village holds", async () => {
  await using village = await openVillage(41, fullMesh(2), [0]);
  const [holder] = village.nodes;
  for (let i = 0; i < 60; i++) await holder!.shard.putFile(`${i}.bin`, seededRandom(`${i}`).bytes(300));
  await holder!.put("tide.csv", content);
  await village.clock.advance(10 * MINUTE_MS);
  const newcomer = await openNode(village.clock, village.ether, 1, "newcomer");
  const stop = new AbortController();
  const life = newcomer.run(stop.signal);
  let inquiry = newcomer.exchange.inquire("tide.csv");
  await village.clock.runUntil(() => (inquiry ??= newcomer.exchange.inquire("tide.csv")) !== undefined, 60 * MINUTE_MS);
  expect(newcomer.shard.stats().files).toBe(0);
  await village.clock.runUntil(
    () => inquiry!.state.kind === "found" && inquiry!.state.transfer?.ended !== false,
    120 * MINUTE_MS,
  );
  expect(inquiry).toMatchObject({ state: { kind: "found" }, answered: true });
  const [row] = await newcomer.shard.resolve("tide.csv");
  expect(row?.held).toBe(true);
  stop.abort();
  await village.clock.advance(1);
  await life;
});
