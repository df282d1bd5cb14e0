/** Checkpoints: the tree against Certificate Transparency's vectors, and what a checkpoint proves. @module */
import { describe, expect, test } from "vitest";
import { rootOf } from "../../src/dag/block-ref.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import {
  CHECKPOINT_BYTES,
  CHECKPOINT_NAME,
  decodeCheckpoint,
  isSignedBy,
  makeCheckpoint,
} from "../../src/dag/checkpoint.ts";
import type { Member } from "../../src/dag/membership.ts";
import { MerkleTree } from "../../src/dag/merkle.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { Checkpoints, EVERY_ENTRIES, EVERY_MS } from "../../src/exchange/checkpoints.ts";
import { fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { Store } from "../../src/ports/store.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import { memberOf } from "../fakes/member.ts";
import { silentLog } from "../fakes/log.ts";

describe("the Merkle tree", () => {
  // Inputs and roots of the test data of google/certificate-transparency, for RFC 6962.
  const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const roots = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ];

  test("has the roots of RFC 6962's published test data", () => {
    const tree = new MerkleTree();
    expect(toHex(tree.root())).toBe(roots[0]);
    for (const [i, input] of inputs.entries()) {
      tree.add(fromHex(input)!);
      expect([tree.count, toHex(tree.root())]).toEqual([i + 1, roots[i + 1]]);
    }
  });
});

describe("a checkpoint", () => {
  const author = authorFromSeed(new Uint8Array(32).fill(6));
  const bytes = makeCheckpoint(author, 7, new Uint8Array(32));

  test("has 3,777 bytes, and is believed for its author and key alone", () => {
    const checkpoint = decodeCheckpoint(bytes);
    if (!checkpoint.ok) throw new Error(checkpoint.reason);
    expect(bytes.length).toBe(CHECKPOINT_BYTES);
    expect(CHECKPOINT_BYTES).toBe(3777);
    const other = authorFromSeed(new Uint8Array(32).fill(7));
    expect(isSignedBy(checkpoint.value, author.id, author.mlDsa.fingerprint)).toBe(true);
    expect(isSignedBy(checkpoint.value, other.id, author.mlDsa.fingerprint)).toBe(false);
    expect(isSignedBy(checkpoint.value, author.id, other.mlDsa.fingerprint)).toBe(false);
    expect(isSignedBy({ ...checkpoint.value, count: 8 }, author.id, author.mlDsa.fingerprint)).toBe(false);
  });

  test("is refused truncated or lengthened, and not believed with any bit changed", () => {
    for (let length = 0; length < bytes.length; length += 13)
      expect(decodeCheckpoint(bytes.slice(0, length)).ok).toBe(false);
    expect(decodeCheckpoint(new Uint8Array([...bytes, 0])).ok).toBe(false);
    for (let bit = 0; bit < 8 * bytes.length; bit += 611) {
      const flipped = bytes.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const checkpoint = decodeCheckpoint(flipped);
      if (checkpoint.ok) expect(isSignedBy(checkpoint.value, author.id, author.mlDsa.fingerprint)).toBe(false);
    }
  });
});

interface Rig {
  readonly shard: Shard;
  readonly checkpoints: Checkpoints;
  readonly store: Store;
  nowMs: number;
}

async function rig(name: string, members: (own: Shard) => readonly Member[], store = openMemoryStore()): Promise<Rig> {
  const random = seededRandom(name);
  const shard = await openShard(store, { random, nodeName: name, log: silentLog });
  const made = { shard, store, nowMs: Date.UTC(2026, 4, 1) };
  const clock = { nowMs: () => made.nowMs, monotonicMs: () => 0, sleep: () => Promise.resolve() };
  const exchange = { fetch: async () => undefined, announce: () => undefined };
  const ports = {
    shard,
    membership: { members: () => members(shard) },
    exchange,
    store,
    clock,
    random,
    log: silentLog,
  };
  return Object.assign(made, { checkpoints: await Checkpoints.open(ports) });
}

async function bring(from: Rig, to: Rig): Promise<void> {
  const { entries, signature } = await from.shard.entries(from.shard.author.id, 1, 1000);
  await to.shard.merge(from.shard.author.id, 1, entries, signature);
  for (const row of await to.shard.resolve(CHECKPOINT_NAME)) {
    const block = await from.shard.getBlock(rootOf(row));
    if (block !== undefined) await to.shard.putBlock(block, rootOf(row));
  }
}

describe("a village with checkpoints", () => {
  test("makes one of a log that has grown, then after 256 entries or 30 days; a neighbour verifies it, also after a restart", async () => {
    const writer = await rig("writer", (own) => [memberOf(own)]);
    const reader = await rig("reader", () => [memberOf(writer.shard)]);
    await writer.checkpoints.look();
    expect(await writer.shard.resolve(CHECKPOINT_NAME)).toEqual([]);
    await writer.shard.putFile("a.txt", utf8("a"));
    for (let i = 0; i < 3; i++) await writer.checkpoints.look();
    expect(writer.shard.count(toHex(writer.shard.author.id))).toBe(3);
    await bring(writer, reader);
    await reader.checkpoints.look();
    const verified = [{ author: toHex(writer.shard.author.id), count: 2, verdict: "verified" }];
    expect(reader.checkpoints.list()).toEqual(verified);
    expect((await rig("reader", () => [], reader.store)).checkpoints.list()).toEqual(verified);
    await writer.shard.putFile("b.txt", utf8("b"));
    await writer.checkpoints.look();
    expect((await writer.shard.resolve(CHECKPOINT_NAME))[0]?.seq).toBe(3);
    writer.nowMs += EVERY_MS;
    await writer.checkpoints.look();
    expect((await writer.shard.resolve(CHECKPOINT_NAME))[0]?.seq).toBe(5);
    const puts = Array.from({ length: EVERY_ENTRIES }, (_, i) => writer.shard.putFile(`${i}.txt`, utf8("x")));
    await Promise.all(puts);
    await writer.checkpoints.look();
    expect((await writer.shard.resolve(CHECKPOINT_NAME))[0]?.seq).toBe(6 + EVERY_ENTRIES);
  });

  test("makes one of the log under a new key, too, however long the former one was", async () => {
    const before = await rig("writer", (own) => [memberOf(own)]);
    for (const name of ["a", "b", "c"]) await before.shard.putFile(name, utf8(name));
    await before.checkpoints.look();
    expect((await before.shard.resolve(CHECKPOINT_NAME)).map(({ seq }) => seq)).toEqual([5]);
    await before.shard.replaceAuthor();
    const after = await rig("the same writer", (own) => [memberOf(own)], before.store);
    expect(toHex(after.shard.author.id)).not.toBe(toHex(before.shard.author.id));
    await after.shard.putFile("d", utf8("d"));
    for (let i = 0; i < 3; i++) await after.checkpoints.look();
    expect((await after.shard.resolve(CHECKPOINT_NAME)).map(({ seq }) => seq)).toEqual([3, 5]);
  });

  test("finds a log that its author's ML-DSA key contradicts, and looks at none of strangers", async () => {
    const writer = await rig("writer", (own) => [memberOf(own)]);
    const [reader, stranger] = [await rig("reader", () => [memberOf(writer.shard)]), await rig("stranger", () => [])];
    await writer.shard.putFile(CHECKPOINT_NAME, makeCheckpoint(writer.shard.author, 1, new Uint8Array(32).fill(9)));
    await bring(writer, reader);
    await bring(writer, stranger);
    await reader.checkpoints.look();
    await stranger.checkpoints.look();
    expect(reader.checkpoints.list()).toMatchObject([{ count: 1, verdict: "disagrees" }]);
    expect(stranger.checkpoints.list()).toEqual([]);
  });
});
