/** Neighbours that send false symbols: the right bytes come all the same, and the liar is known. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { prefixOf, rootOf } from "../../../src/dag/block-ref.ts";
import { cidOf, sha256 } from "../../../src/dag/cid.ts";
import { symbolAt } from "../../../src/erasure/cauchy.ts";
import type { SymbolVerdict } from "../../../src/exchange/files/symbols.ts";
import { WantedBlock } from "../../../src/exchange/files/wanted-block.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";
import type { Coded } from "../../../src/wire/coded.ts";
import { openLoneNode } from "../../fakes/lone-node.ts";
import { openStranger, type StrangerRig } from "../../fakes/stranger.ts";

const random = seededRandom("liars");
const content = random.bytes(900);
const prefix = sha256(content).subarray(0, 4);
const ref = { codec: "raw", digest: sha256(content).subarray(0, 16) } as const;
const [HONEST, LIAR, OTHER] = [1, 2, 3];

function symbol(index: number, symbolBytes = 180): Coded {
  const truth = symbolAt(content, symbolBytes, index);
  return { type: "coded", prefix, streamBytes: 900, check: undefined, index, left: 0, symbol: truth };
}

function lie(index: number, streamBytes = 900, symbolBytes = 180): Coded {
  const symbol = random.bytes(symbolBytes);
  return { type: "coded", prefix, streamBytes, check: undefined, index, left: 0, symbol };
}

/** Whose symbols were false more often than true, and how often. */
function liarsOf(heard: SymbolVerdict | undefined): unknown {
  if (heard?.kind !== "whole") return heard?.kind;
  expect(heard.bytes).toEqual(content);
  return [...heard.witnesses].filter(([, { lies, truths }]) => lies > truths).map(([radio, { lies }]) => [radio, lies]);
}

describe("a wanted block", () => {
  test("of unknown length is had although liars named four other lengths first", () => {
    const block = new WantedBlock(ref, undefined);
    for (const bytes of [901, 902, 903, 904]) expect(block.hear(lie(0, bytes, 181), LIAR).kind).toBe("new");
    const heard = [0, 1, 2, 3, 4].map((index) => block.hear(symbol(index), HONEST));
    expect(liarsOf(heard.at(-1))).toEqual([]);
  });

  test("keeps the symbols of the honest while more and more lengths are named", () => {
    const block = new WantedBlock(ref, undefined);
    block.hear(symbol(0), HONEST);
    block.hear(symbol(1), HONEST);
    for (let bytes = 901; bytes < 1_000; bytes++) block.hear(lie(0, bytes, 200), LIAR);
    expect(liarsOf([2, 3, 4].map((index) => block.hear(symbol(index), HONEST)).at(-1))).toEqual([]);
  });

  test("is had from a sender that cuts smaller symbols, which do not mix with the others", () => {
    const block = new WantedBlock(ref, 900);
    block.hear(symbol(0), OTHER);
    const heard = Array.from({ length: 9 }, (_, index) => block.hear(symbol(index, 100), HONEST));
    expect(liarsOf(heard.at(-1))).toEqual([]);
  });

  test("is had without the liar's symbols, as soon as the others are enough, and names the liar", () => {
    const block = new WantedBlock(ref, 900);
    for (const index of [10, 11]) block.hear(lie(index), LIAR);
    for (const index of [0, 1, 2]) block.hear(symbol(index), HONEST);
    expect(block.needed).toBe(2);
    block.hear(symbol(3), OTHER);
    expect(liarsOf(block.hear(symbol(4), HONEST))).toEqual([[LIAR, 2]]);
  });

  test("is had from the honest sender alone, when each lie comes from another radio", () => {
    const block = new WantedBlock(ref, 900);
    const heard: SymbolVerdict[] = [];
    for (let i = 0; i < 5; i++) {
      block.hear(lie(20 + i), 100 + i);
      heard.push(block.hear(symbol(i), HONEST));
    }
    const lies = [0, 1, 2, 3, 4].map((i): [number, number] => [100 + i, 1]);
    expect(liarsOf(heard.at(-1))).toEqual(lies);
  });

  test("takes a symbol whose number a liar has used before", () => {
    const block = new WantedBlock(ref, 900);
    for (const index of [0, 1, 2, 3, 4]) block.hear(lie(index), LIAR);
    expect(liarsOf([0, 1, 2, 3, 4].map((index) => block.hear(symbol(index), HONEST)).at(-1))).toEqual([[LIAR, 5]]);
  });

  test("is had although a lie came under the number of the only honest sender, who is not called a liar for it", () => {
    const block = new WantedBlock(ref, 900);
    block.hear(symbol(0), HONEST);
    block.hear(lie(200), HONEST);
    const heard = Array.from({ length: 8 }, (_, i) => block.hear(symbol(1 + i), HONEST));
    expect(liarsOf(heard.at(-1))).toEqual([]);
  });

  test("asks for all of it again when what it has is spoiled, and its sender is the only one", () => {
    const block = new WantedBlock(ref, 900);
    block.hear(lie(200), HONEST);
    for (let i = 0; i < 4; i++) block.hear(symbol(i), HONEST);
    expect(block.needed).toBe(5);
  });

  test("of which only lies come keeps no more of them than twice the block, and a few", () => {
    const block = new WantedBlock(ref, 900);
    for (let i = 0; i < 2_000; i++) block.hear(lie(i % 256), LIAR + (i % 7));
    expect(block.furthest()?.pieces().length).toBeLessThanOrEqual(2 * 5 + 40);
    const heard = Array.from({ length: 40 }, (_, index) => block.hear(symbol(index), HONEST).kind);
    expect(heard).toContain("whole");
  });
});

describe("a node whose only server's number is borrowed", () => {
  const other = seededRandom("held").bytes(900);
  const file = (bytes: Uint8Array, index: number, symbol = symbolAt(bytes, 180, index)): Coded => {
    return {
      type: "coded",
      prefix: sha256(bytes).subarray(0, 4),
      streamBytes: 900,
      check: undefined,
      index,
      left: 0,
      symbol,
    };
  };

  test("to say more lies than truths calls it a suspect, and has its file from it all the same, which clears its name", async () => {
    await using rig = await openLoneNode("borrowed");
    await rig.node.put("held.bin", other);
    await rig.hear(99, {
      type: "get",
      amount: { kind: "more", symbols: 1 },
      target: { kind: "prefix", prefix: sha256(other).subarray(0, 4) },
    });
    await rig.clock.advance(10_000);
    // The liar lies about a block that the node holds, under the number of the server.
    for (let i = 0; i < 3; i++) await rig.hear(HONEST, file(other, i, random.bytes(180)));
    expect(rig.node.exchange.suspects()).toMatchObject([{ radio: HONEST, lies: 3 }]);
    const cid = cidOf("raw", content);
    const target = { codec: "raw", prefix: prefixOf(cid.multihash.digest), cid, name: "w", bytes: 900 } as const;
    const transfer = await rig.node.exchange.fetch(target);
    for (let i = 0; i < 5; i++) await rig.hear(HONEST, symbol(i));
    expect(transfer?.report().state).toBe("done");
    expect(rig.node.exchange.suspects()).toEqual([]);
  });

  test("in the midst of a transfer uses what came before as well", () => {
    const block = new WantedBlock(ref, 900);
    for (let i = 0; i < 3; i++) block.hear(symbol(i), HONEST);
    block.hear(lie(20), LIAR);
    expect(block.hearApart(symbol(3), HONEST).kind).toBe("new");
    expect(liarsOf(block.hearApart(symbol(4), HONEST))).toEqual([]);
  });
});

describe("a node beside a liar", () => {
  let rig: StrangerRig;
  let gets = 0;
  let onGet: () => Promise<void> = () => Promise.resolve();

  beforeEach(async () => {
    gets = 0;
    onGet = () => Promise.resolve();
    rig = await openStranger(random);
    rig.onHeard = async (message) => {
      if (message.type !== "get") return;
      gets++;
      await onGet();
    };
  });

  afterEach(() => rig[Symbol.asyncDispose]());

  const cid = cidOf("raw", content);
  const target = { codec: "raw", prefix: prefixOf(cid.multihash.digest), cid, name: "wanted.bin", bytes: 900 } as const;

  test("that answers every question with false pieces, it gives up in the end, and says why", async () => {
    let index = 0;
    onGet = async () => {
      for (let i = 0; i < 5; i++) await rig.say(lie(index++ % 256));
    };
    const transfer = await rig.node.exchange.fetch(target);
    await rig.clock.runUntil(() => transfer?.ended === true, 24 * 3_600_000);
    expect(transfer?.report()).toMatchObject({ state: "failed", detail: expect.stringContaining("false pieces") });
    expect(gets).toBeLessThan(100);
  });

  test("that drips false pieces without end, it goes on asking, and gives up in the end", async () => {
    const transfer = await rig.node.exchange.fetch(target);
    const ended = (): boolean => transfer?.ended !== false;
    for (let index = 0; !ended() && index < 50_000; index++) {
      await rig.say(lie(index % 256));
      await rig.clock.advance(1_000);
    }
    expect(transfer?.report()).toMatchObject({ state: "failed", detail: expect.stringContaining("false pieces") });
    expect(gets).toBeGreaterThan(5);
    expect(gets).toBeLessThan(100);
  });

  test("has its file from an honest neighbour all the same, and ignores the liar from then on", async () => {
    const other = await rig.neighbour();
    await other.put("wanted.bin", content);
    await rig.clock.runUntil(() => rig.node.shard.stats().files === 1, 30 * 60_000);
    const [row] = await rig.node.shard.resolve("wanted.bin");
    const transfer = await rig.node.exchange.fetch(row!);
    for (let i = 0; i < 6; i++) {
      await rig.say(lie(i, 900 + i, 180 + (i % 3)));
      await rig.say(lie(200 + i));
      await rig.clock.advance(1_000);
    }
    await rig.clock.runUntil(() => transfer!.ended, 300 * 60_000);
    expect(transfer!.report().state).toBe("done");
    expect(await rig.node.shard.readFile(rootOf(row!))).toEqual(content);
    expect(rig.node.exchange.suspects()).toHaveLength(1);
    await rig.clock.advance(61 * 60_000);
    expect(rig.node.exchange.suspects()).toHaveLength(0);
  });

  test("is not silenced by false symbols of a block that it holds: it answers as before, and knows the liar", async () => {
    await rig.node.put("held.bin", content);
    // What it says of its new entry must not meet a lie on the air.
    await rig.clock.advance(60_000);
    const get = { type: "get", amount: { kind: "more", symbols: 5 }, target: { kind: "prefix", prefix } } as const;
    await rig.say(get);
    await rig.clock.advance(5_000);
    const coded = (): number => rig.heard.filter(({ type }) => type === "coded").length;
    expect(coded()).toBe(5);
    for (let i = 0; i < 8; i++) await rig.say({ ...lie(i), left: 255 });
    await rig.say(get);
    await rig.clock.advance(10_000);
    expect(coded()).toBe(10);
    expect(rig.node.exchange.suspects()).toMatchObject([{ lies: 8 }]);
  });
});
