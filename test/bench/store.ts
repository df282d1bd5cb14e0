/** The shard on disk: durable puts alone and together, and reads while the index holds 100,000 entries. @module */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refOf } from "../../src/dag/block-ref.ts";
import type { Cid } from "../../src/dag/cid.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import type { Shard } from "../../src/dag/shard.ts";
import { openLevelStore } from "../../src/drivers/level/store.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { silentLog as log } from "../fakes/log.ts";
import { type Bench, type Row, quantile, round } from "./table.ts";

const ENTRIES = 100_000;
const LANES = 64;
const SIZES = [1024, 65_536] as const;
const random = systemRandom();

/** Milliseconds. Each row says what was done, how often, and how long one took. */
export const bench: Bench = {
  name: "store",
  run: async () => {
    const directory = await mkdtemp(join(tmpdir(), "caye-bench-"));
    try {
      return await measure(directory);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  },
};

async function measure(directory: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const open = () => openLevelStore(directory, new Uint8Array(32), { random, log });
  const cids = new Map<number, Cid[]>();
  {
    await using store = await open();
    const shard = await openShard(store, { random, nodeName: "bench", log });
    for (const bytes of SIZES) rows.push(await putOneByOne(shard, bytes, 200));
    for (const bytes of SIZES) rows.push(await putTogether(shard, bytes, bytes > 10_000 ? 512 : 4096));
    const held = shard.vector()[0]?.count ?? 0;
    await together(ENTRIES - held, (i) => shard.putFile(`filler ${i}`, random.bytes(24)));
    for (const bytes of SIZES) cids.set(bytes, await spread(shard, bytes));
  }
  const start = performance.now();
  await using store = await open();
  const shard = await openShard(store, { random, nodeName: "bench", log });
  rows.push({
    what: `open with ${shard.vector()[0]?.count ?? 0} entries`,
    count: 1,
    "median ms": round(performance.now() - start),
  });
  for (const bytes of SIZES) rows.push(await getAtRandom(shard, bytes, cids.get(bytes) ?? []));
  rows.push(await timed("resolve a name", 2000, (i) => shard.resolve(`filler ${(i * 7919) % 90_000}`)));
  rows.push(await timed("put 1 KB, index full", 200, (i) => shard.putFile(`late ${i}`, random.bytes(1024))));
  rows.push({ what: "resident memory after all of this", MB: round(process.memoryUsage.rss() / 2 ** 20) });
  return rows;
}

function putOneByOne(shard: Shard, bytes: number, count: number): Promise<Row> {
  return timed(`put ${label(bytes)}, durable, one by one`, count, (i) =>
    shard.putFile(`single ${bytes} ${i}`, random.bytes(bytes)),
  );
}

async function putTogether(shard: Shard, bytes: number, count: number): Promise<Row> {
  const start = performance.now();
  await together(count, (i) => shard.putFile(`group ${bytes} ${i}`, random.bytes(bytes)));
  const seconds = (performance.now() - start) / 1000;
  return { what: `put ${label(bytes)}, durable, ${LANES} at a time`, count, "per s": round(count / seconds) };
}

/** Files of that size, put among the others, to be read in any order. */
async function spread(shard: Shard, bytes: number): Promise<Cid[]> {
  const cids: Cid[] = [];
  await together(500, async (i) => {
    cids.push((await shard.putFile(`read ${bytes} ${i}`, random.bytes(bytes))).cid);
  });
  return cids;
}

function getAtRandom(shard: Shard, bytes: number, cids: readonly Cid[]): Promise<Row> {
  return timed(`get ${label(bytes)}, hashed`, 2000, async (i) => {
    const cid = cids[(i * 7919) % cids.length];
    const content = cid === undefined ? undefined : await shard.readFile(refOf(cid));
    if (content?.length !== bytes) throw new Error("a file that was put did not come back");
  });
}

async function timed(what: string, count: number, work: (i: number) => Promise<unknown>): Promise<Row> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    await work(i);
    samples.push(performance.now() - start);
  }
  const total = samples.reduce((sum, ms) => sum + ms, 0);
  return {
    what,
    count,
    "median ms": round(quantile(samples, 0.5)),
    "p99 ms": round(quantile(samples, 0.99)),
    "per s": round((1000 * count) / total),
  };
}

async function together(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

function label(bytes: number): string {
  return `${bytes / 1024} KB`;
}
