/** Neighbours that send false symbols: the right bytes come all the same, or the transfer ends with a sentence. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { cidOf, sha256 } from "../../src/dag/cid.ts";
import { symbolAt } from "../../src/erasure/cauchy.ts";
import { WantedBlock } from "../../src/exchange/transfer.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import type { Coded } from "../../src/wire/coded.ts";
import { freshShard } from "../dag/shards.ts";
import { openStranger, type StrangerRig } from "../fakes/stranger.ts";

const random = seededRandom("liars");
const content = random.bytes(900);
const cid = cidOf("raw", content);
const prefix = sha256(content).subarray(0, 8);

function symbol(index: number, symbolBytes = 180): Coded {
  return { type: "coded", prefix, blockBytes: 900, index, symbol: symbolAt(content, symbolBytes, index) };
}

function lie(index: number, blockBytes: number, symbolBytes: number): Coded {
  return { type: "coded", prefix, blockBytes, index, symbol: random.bytes(symbolBytes) };
}

describe("a wanted block", () => {
  test("of unknown length is had although liars named four other lengths first", () => {
    const block = new WantedBlock(cid, undefined);
    for (const bytes of [901, 902, 903, 904]) expect(block.hear(lie(0, bytes, 181)).kind).toBe("new");
    const heard = [0, 1, 2, 3, 4].map((index) => block.hear(symbol(index)));
    expect(heard.at(-1)).toEqual({ kind: "whole", bytes: content });
  });

  test("keeps the symbols of the honest while more and more lengths are named", () => {
    const block = new WantedBlock(cid, undefined);
    block.hear(symbol(0));
    block.hear(symbol(1));
    for (let bytes = 901; bytes < 1_000; bytes++) block.hear(lie(0, bytes, 200));
    expect([2, 3, 4].map((index) => block.hear(symbol(index))).at(-1)).toEqual({ kind: "whole", bytes: content });
  });

  test("is had from a sender that cuts smaller symbols, which do not mix with the others", () => {
    const block = new WantedBlock(cid, 900);
    block.hear(symbol(0));
    const heard = Array.from({ length: 9 }, (_, index) => block.hear(symbol(index, 100)));
    expect(heard.at(-1)).toEqual({ kind: "whole", bytes: content });
  });

  test("loses nothing of the honest when a liar's single symbol makes another block", () => {
    const small = content.subarray(0, 150);
    const block = new WantedBlock(cidOf("raw", small), 150);
    expect(block.hear({ ...lie(0, 150, 150), prefix: sha256(small).subarray(0, 8) })).toEqual({ kind: "poisoned" });
    const truth = { ...symbol(0), prefix: sha256(small).subarray(0, 8), blockBytes: 150, symbol: small };
    expect(block.hear(truth)).toEqual({ kind: "whole", bytes: small });
  });
});

describe("a node beside a liar", () => {
  let rig: StrangerRig;
  let gets = 0;
  const wanted = new Set<string>();
  let onGet: () => Promise<void> = () => Promise.resolve();

  beforeEach(async () => {
    gets = 0;
    wanted.clear();
    onGet = () => Promise.resolve();
    rig = await openStranger(random);
    rig.onHeard = async (message) => {
      if (message.type === "want") wanted.add(toHex(message.author));
      if (message.type !== "get") return;
      gets++;
      await onGet();
    };
  });

  afterEach(() => rig[Symbol.asyncDispose]());

  const target = { cid, name: "wanted.bin", bytes: 900 };

  test("that answers every question with false pieces, it gives up in the end, and says why", async () => {
    let index = 0;
    onGet = async () => {
      for (let i = 0; i < 5; i++) await rig.say(lie(index++ % 256, 900, 180));
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
      await rig.say(lie(index % 256, 900, 180));
      await rig.clock.advance(1_000);
    }
    expect(transfer?.report()).toMatchObject({ state: "failed", detail: expect.stringContaining("false pieces") });
    expect(gets).toBeGreaterThan(5);
    expect(gets).toBeLessThan(100);
  });

  test("that makes up authors without end, it still asks for the log of one that it knows", async () => {
    const { shard } = await freshShard(1);
    const author = shard.author.id;
    const { entries, signature } = await shard.entries(author, 1, 1);
    await rig.say({ type: "update", author, first: 1, entries, signature });
    await rig.clock.runUntil(() => rig.node.shard.stats().authors === 2, 60_000);
    for (let i = 0; i < 20; i++) {
      const vector = Array.from({ length: 16 }, () => ({ author: random.bytes(8), count: 0xffff_fff0 }));
      await rig.say({ type: "beacon", sender: random.bytes(8), partial: true, vector });
      await rig.clock.advance(1_000);
    }
    // The air loses some: as any neighbour does, it says so again.
    for (let i = 0; i < 6; i++) {
      await rig.say({ type: "beacon", sender: author, partial: true, vector: [{ author, count: 5 }] });
      await rig.clock.advance(10_000);
    }
    expect(wanted).toContain(toHex(author));
    expect(wanted.size).toBeGreaterThan(1);
  });
});
