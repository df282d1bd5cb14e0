/** Words on trust: who is believed, how often they are said, how long they are kept. @module */
import { describe, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { signedTrust } from "../../src/exchange/trust-words.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { SimVillage } from "../../src/sim/sim-village.ts";
import { line } from "../../src/sim/topology.ts";
import type { Trust } from "../../src/wire/trust.ts";
import { introductionOf } from "../fakes/introduction.ts";
import { openLoneNode, type LoneNode } from "../fakes/lone-node.ts";
import { seeded } from "../fakes/seeded.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const authorNumber = (number: number) => authorFromSeed(seeded(500 + number).random.bytes(32));
const friend = authorNumber(1);
const subject = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function wordOf(author: typeof friend, number: number, rest: Partial<Trust> = {}): Trust {
  const words = { author: author.id, number, kind: "attestation" as const, subject, reason: 20, atS: 0, ...rest };
  return { type: "trust", ...words, signature: author.sign(signedTrust(words)) };
}

const counter = ({ node }: LoneNode, name: string): number => node.exchange.counters()[name] ?? 0;
const said = (rig: LoneNode): readonly Trust[] => rig.said().filter((message) => message.type === "trust");

async function openKnowing(seed: string, authors = [friend], store = openMemoryStore()): Promise<LoneNode> {
  const rig = await openLoneNode(seed, { store });
  for (const [i, author] of authors.entries()) await rig.hear(50 + i, introductionOf(author));
  return rig;
}

describe("a word that is heard", () => {
  test("is kept and said once more when its author's log is here and its signature holds", async () => {
    await using rig = await openKnowing("heard");
    await rig.hear(5, wordOf(friend, 1));
    await rig.clock.advance(HOUR_MS);
    expect(rig.node.exchange.trust.list()).toEqual([
      { author: toHex(friend.id), subject: toHex(subject), kind: "attestation", reason: "drift", atS: 0, open: true },
    ]);
    expect(said(rig)).toEqual([wordOf(friend, 1)]);
    expect(counter(rig, "trust_new")).toBe(1);
  });

  test("is not said again when two others have said it meanwhile", async () => {
    await using rig = await openKnowing("enough");
    for (const radio of [5, 6, 7]) await rig.hear(radio, wordOf(friend, 1));
    await rig.clock.advance(HOUR_MS);
    expect(said(rig)).toEqual([]);
    expect(counter(rig, "trust_known")).toBe(2);
  });

  test("is refused, counted and not passed on: of a stranger, forged in any field, replayed, too old", async () => {
    await using rig = await openKnowing("refused");
    await rig.hear(5, wordOf(authorNumber(9), 1));
    expect(counter(rig, "trust_unknown_author")).toBe(1);
    const good = wordOf(friend, 1);
    const forgeries: readonly Trust[] = [
      { ...good, number: 2 },
      { ...good, kind: "recovered" },
      { ...good, subject: undefined },
      { ...good, subject: friend.id.slice().fill(9) },
      { ...good, reason: 19 },
      { ...good, atS: 1 },
      { ...good, signature: good.signature.slice().fill(0) },
    ];
    for (const forged of forgeries) await rig.hear(5, forged);
    expect(counter(rig, "trust_forged")).toBe(forgeries.length);
    const nowS = Math.floor(rig.clock.nowMs() / 1000);
    await rig.hear(5, wordOf(friend, 3, { atS: nowS - 8 * 86_400 }));
    expect(counter(rig, "trust_stale")).toBe(1);
    await rig.hear(5, good);
    await rig.hear(5, { ...good, signature: friend.sign(new Uint8Array(4)) });
    expect(counter(rig, "trust_forged")).toBe(forgeries.length + 1);
    await rig.clock.advance(HOUR_MS);
    expect(said(rig)).toEqual([good]);
    expect(counter(rig, "failures")).toBe(0);
  });

  test("is one of three an hour, however many its author signs; eight of one and 64 of all are kept", async () => {
    const authors = Array.from({ length: 30 }, (_, i) => authorNumber(i));
    await using rig = await openKnowing("storm", authors);
    for (let hour = 0; hour < 6; hour++) {
      for (const [i, author] of authors.entries()) {
        for (let n = 1; n <= 6; n++) await rig.hear(5 + i, wordOf(author, hour * 6 + n));
      }
      await rig.clock.advance(HOUR_MS);
    }
    expect(counter(rig, "trust_over_limit")).toBeGreaterThanOrEqual(6 * 30 * 3 - 30);
    const kept = rig.node.exchange.trust.list();
    expect(kept.length).toBeLessThanOrEqual(64);
    expect(said(rig).length).toBeLessThanOrEqual(7 * 12);
    expect(counter(rig, "failures")).toBe(0);
  });

  test("of a number that was forgotten again is stale, and outlasts a restart otherwise", async () => {
    const store = openMemoryStore();
    {
      await using rig = await openKnowing("first life", [friend], store);
      for (let number = 1; number <= 10; number++) {
        await rig.hear(5, wordOf(friend, number));
        await rig.clock.advance(HOUR_MS / 2);
      }
      expect(rig.node.exchange.trust.list().length).toBe(8);
      await rig.hear(5, wordOf(friend, 1));
      expect(counter(rig, "trust_stale")).toBe(1);
    }
    await using again = await openKnowing("second life", [friend], store);
    await again.clock.advance(1_000);
    expect(again.node.exchange.trust.list().length).toBe(8);
    await again.hear(5, wordOf(friend, 10));
    expect(counter(again, "trust_known")).toBe(1);
    await again.hear(5, wordOf(friend, 2));
    expect(counter(again, "trust_stale")).toBe(1);
  });
});

describe("a word of this node", () => {
  test("is said three times when nobody is heard to have it, and told once an hour, until all is well again", async () => {
    await using rig = await openKnowing("own");
    const { trust } = rig.node.exchange;
    expect(await trust.raise({ kind: "recovered" })).toBe("known");
    expect(await trust.raise({ kind: "entropy" })).toBe("said");
    expect(await trust.raise({ kind: "entropy" })).toBe("known");
    await rig.clock.advance(HOUR_MS / 2);
    expect(said(rig).length).toBe(3);
    expect(await trust.raise({ kind: "recovered" })).toBe("said");
    expect(trust.list().map(({ kind, open }) => [kind, open])).toEqual([
      ["recovered", false],
      ["entropy", false],
    ]);
    expect(await trust.raise({ kind: "entropy" })).toBe("said");
    expect(await trust.raise({ kind: "selftest" })).toBe("over-limit");
    expect(counter(rig, "trust_unsaid")).toBe(1);
  });

  test("ends its saying when another says it, and takes rising numbers through a restart", async () => {
    const store = openMemoryStore();
    const numbers: number[] = [];
    for (let life = 0; life < 3; life++) {
      await using rig = await openKnowing("numbers", [friend], store);
      await rig.clock.advance(1_000);
      await rig.node.exchange.trust.raise({ kind: life % 2 === 0 ? "entropy" : "recovered" });
      await rig.clock.runUntil(() => said(rig).length > 0, HOUR_MS);
      const [word] = said(rig);
      await rig.hear(50, word!);
      await rig.clock.advance(HOUR_MS);
      expect(said(rig).length).toBe(1);
      numbers.push(word!.number);
    }
    expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  });

  test("of another waits, and is not said when somebody else has said it", async () => {
    await using rig = await openKnowing("waits");
    const { trust } = rig.node.exchange;
    const event = { kind: "attestation", subject: toHex(subject), reason: "drift" } as const;
    expect(await trust.raise(event)).toBe("waits");
    await rig.hear(5, wordOf(friend, 1));
    for (const radio of [6, 7]) await rig.hear(radio, wordOf(friend, 1));
    await rig.clock.advance(HOUR_MS / 2);
    expect(said(rig)).toEqual([]);
    expect(trust.list().length).toBe(1);
  });
});

test("a word goes four houses far at 30 % loss, mostly, and then there is silence", async () => {
  const cell = { preset: "LongFast", region: "US", hopLimit: 3, share: 0.5 } as const;
  await using village = await SimVillage.open({ seed: 5, count: 4, links: line(4, 0.3), ...cell });
  await village.bringInStep();
  village.start();
  await village.clock.advance(HOUR_MS);
  await village.nodes[0]!.exchange.trust.raise({ kind: "selftest" });
  const knowing = (): number => village.nodes.filter(({ exchange }) => exchange.trust.list().length === 1).length;
  expect(await village.runUntil(() => knowing() === 4, HOUR_MS)).toBe(true);
  await village.clock.advance(HOUR_MS);
  const packets = village.counts()["trust"]!.packets;
  expect(packets).toBeLessThan(40);
  await village.clock.advance(DAY_MS);
  village.check();
  expect(village.counts()["trust"]!.packets).toBe(packets);
});

test("a word of another that was not said again for a week is open no more", async () => {
  await using rig = await openKnowing("a week");
  const atS = Math.floor(rig.clock.nowMs() / 1000);
  await rig.hear(5, wordOf(friend, 1, { atS }));
  await rig.clock.advance(6 * DAY_MS);
  expect(rig.node.exchange.trust.list()).toMatchObject([{ open: true }]);
  await rig.clock.advance(2 * DAY_MS);
  expect(rig.node.exchange.trust.list()).toMatchObject([{ open: false }]);
});

describe("in a village with an authority", () => {
  const gate = {
    admits: (id: string) => (id === toHex(friend.id) ? ("always" as const) : ("if-room" as const)),
    admitsAny: () => "always" as const,
    take: () => Promise.resolve(),
  };

  test("strangers push no member's word out, and leave the members room to have theirs said again", async () => {
    await using rig = await openLoneNode("pushed", { store: openMemoryStore(), gate });
    await rig.hear(50, introductionOf(friend));
    await rig.hear(50, wordOf(friend, 1));
    for (let i = 2; i < 26; i++) {
      const stranger = authorNumber(i);
      await rig.hear(100 + i, introductionOf(stranger));
      for (let number = 1; number <= 3; number++) await rig.hear(100 + i, wordOf(stranger, number));
    }
    await rig.hear(50, wordOf(friend, 2, { reason: 19 }));
    await rig.clock.advance(HOUR_MS / 2);
    const kept = rig.node.exchange.trust.list();
    expect(kept.length).toBe(64);
    expect(kept.filter(({ author }) => author === toHex(friend.id)).length).toBe(2);
    expect(said(rig).length).toBe(2 + 6);
    expect(said(rig).filter(({ author }) => toHex(author) === toHex(friend.id)).length).toBe(2);
  });
});

test("a node that starts anew knows what it said before it speaks, though its clock was never set", async () => {
  const store = openMemoryStore();
  const heard: (readonly [string, number])[] = [];
  for (const kind of ["entropy", "recovered", "entropy"] as const) {
    const rig = await openLoneNode("starts", { store });
    rig.clock.nowMs = () => 0;
    // As the boot does it: before the exchange has read what is on the disk.
    const raised = rig.node.exchange.trust.raise({ kind });
    await rig.clock.advance(HOUR_MS / 2);
    expect(await raised).toBe("said");
    heard.push(
      ...said(rig)
        .slice(0, 1)
        .map(({ kind: of, number }) => [of, number] as const),
    );
    await rig[Symbol.asyncDispose]();
  }
  expect(heard).toEqual([
    ["entropy", 1],
    ["recovered", 2],
    ["entropy", 3],
  ]);
});

test("a clock that once stood in 2100 leaves numbers for the words that follow", async () => {
  const store = openMemoryStore();
  const numbers: number[] = [];
  for (const year of [2100, 2026, 1970, 2026]) {
    await using rig = await openKnowing("2100", [friend], store);
    rig.clock.nowMs = () => Date.UTC(year, 1, 1);
    await rig.clock.advance(1_000);
    await rig.node.exchange.trust.raise({ kind: numbers.length % 2 === 0 ? "entropy" : "recovered" });
    await rig.clock.runUntil(() => said(rig).length > 0, HOUR_MS);
    numbers.push(...said(rig).map(({ number }) => number));
  }
  expect(numbers.length).toBe(4);
  expect(numbers).toEqual([...new Set(numbers)].toSorted((a, b) => a - b));
  expect(numbers.at(-1)).toBeLessThan(2 ** 30);
});
