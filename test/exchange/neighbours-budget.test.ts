/** What askers may cost: made-up numbers share one pool, members have their own hour. */
import { describe, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { sha256 } from "../../src/dag/cid.ts";
import { Members, NeighboursBudget } from "../../src/exchange/neighbours-budget.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import type { Message } from "../../src/wire/messages.ts";
import { introductionOf } from "../fakes/introduction.ts";
import { openLoneNode, type LoneNode } from "../fakes/lone-node.ts";

const HOUR_MS = 3_600_000;

describe("members", () => {
  test("are the first radio of each author, until it was silent for two hours", () => {
    const members = new Members();
    members.note(1, "ann", 0);
    members.note(2, "ann", HOUR_MS);
    expect([members.has(1), members.has(2)]).toEqual([true, false]);
    members.note(2, "ann", 2 * HOUR_MS);
    expect([members.has(1), members.has(2)]).toEqual([false, true]);
  });

  test("speak for one author only, however many they name", () => {
    const members = new Members();
    for (const author of ["ann", "bob", "cid"]) members.note(1, author, 0);
    members.note(2, "bob", 0);
    expect([members.has(1), members.has(2), members.size]).toEqual([true, true, 2]);
  });

  test("are bounded, the last heard ones stay", () => {
    const members = new Members();
    for (let radio = 0; radio < 2_000; radio++) members.note(radio, `author ${radio}`, radio);
    expect(members.size).toBe(512);
    expect([members.has(1_999), members.has(0)]).toEqual([true, false]);
  });
});

describe("the budget", () => {
  test("gives a quarter to all who are no members, whatever their number, while a member is about", () => {
    const members = new Members();
    members.note(9_999, "ann", 0);
    const budget = new NeighboursBudget(members, () => 400, 1 / 4);
    let spent = 0;
    for (let radio = 0; radio < 1_000; radio++) {
      const packets = Math.min(5, budget.left(radio, 0));
      budget.spend(radio, packets, 0);
      spent += packets;
    }
    expect(spent).toBe(100);
    expect(budget.left(5_000, HOUR_MS + 1)).toBe(100);
    expect(budget.left(5_000, 3 * HOUR_MS)).toBe(400);
  });

  test("lets one member have nearly all while nobody else asks, and keeps something for each when it is used up", () => {
    const members = new Members();
    for (let radio = 0; radio < 10; radio++) members.note(radio, `author ${radio}`, 0);
    const budget = new NeighboursBudget(members, () => 400, 1 / 4);
    for (let i = 0; i < 400; i++) {
      expect(budget.left(0, 0)).toBeGreaterThan(0);
      budget.spend(0, 1, 0);
    }
    expect(budget.left(0, 0)).toBe(0);
    for (let radio = 1; radio < 10; radio++) expect(budget.left(radio, 0)).toBe(24);
  });
});

describe("a node that a thousand made-up radios ask for all that it has", () => {
  const random = seededRandom("made-up");
  const member = authorFromSeed(random.bytes(32));
  const MEMBER = 0x7000;
  const files = Array.from({ length: 20 }, () => random.bytes(900));
  const getOf = (file: Uint8Array, symbols: number): Message => ({
    type: "get",
    amount: { kind: "more", symbols },
    target: { kind: "prefix", prefix: sha256(file).subarray(0, 4) },
  });
  const symbolsSaid = ({ said }: LoneNode, file: Uint8Array): number =>
    said().filter((message) => message.type === "coded" && message.prefix[0] === sha256(file)[0]).length;

  test("answers them within half of its hour, and a member has its file and its index all the same", async () => {
    await using rig = await openLoneNode("flooded");
    for (const [i, file] of files.entries()) await rig.node.put(`${i}.bin`, file);
    await rig.hear(MEMBER, introductionOf(member));
    await rig.clock.advance(60_000);
    for (let made = 0; made < 1_000; made++) {
      await rig.hear(0x9000 + made, getOf(files[made % 19] ?? files[0]!, 255));
      if (made % 3 === 0)
        await rig.hear(0x9000 + made, { type: "pull", tries: 3, bases: [], partial: false, vector: [] });
      await rig.clock.advance(1_000);
    }
    const counters = rig.node.exchange.counters();
    const refused = (counters["gets_refused_budget"] ?? 0) + (counters["gets_refused_busy"] ?? 0);
    expect(refused).toBeGreaterThan(500);
    expect(counters["wants_refused_budget"]).toBeGreaterThan(50);
    const wanted = files.at(-1) ?? new Uint8Array();
    const before = rig.said().length;
    await rig.hear(MEMBER, getOf(wanted, 7));
    // What is under way for the others is not thrown away; the member's turn comes in between.
    await rig.clock.runUntil(() => symbolsSaid(rig, wanted) >= 7, 20 * 60_000);
    expect(symbolsSaid(rig, wanted)).toBe(7);
    const pulled = (): number => rig.said().filter(({ type }) => type === "repair").length;
    const repairs = pulled();
    await rig.hear(MEMBER, { type: "pull", tries: 0, bases: [], partial: false, vector: [] });
    await rig.clock.runUntil(() => pulled() > repairs, 10 * 60_000);
    expect(pulled()).toBeGreaterThan(repairs);
    expect(before).toBeLessThan(620);
  });
});
