/** The promise that matters most: what was acknowledged survives a kill at any moment. @module */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { rootOf } from "../../src/dag/block-ref.ts";
import { openShard } from "../../src/dag/open-shard.ts";
import { openLevelStore } from "../../src/drivers/level/store.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { silentLog as log } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

const ROUNDS = 20;

interface Acknowledged {
  readonly name: string;
  readonly seq: number;
  readonly cid: string;
  readonly hash: string;
}

test(
  "of all puts acknowledged before twenty kills, none is lost, and the log still verifies",
  { timeout: 120_000 },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "caye-kill-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const { below } = seeded(2026);
    const all: Acknowledged[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      // Killed after so many acknowledgements: at a moment that the writer does not choose, on a machine of any speed.
      const fresh = await putUntilKilled(directory, round, 1 + below(80), round % 2 === 0 ? 8 : 1);
      expect(fresh.length).toBeGreaterThan(0);
      all.push(...fresh);
      await check(directory, fresh);
    }
    await check(directory, all);
    expect(all.length).toBeGreaterThan(ROUNDS);
  },
);

async function putUntilKilled(directory: string, seed: number, enough: number, lanes: number): Promise<Acknowledged[]> {
  const script = join(import.meta.dirname, "put-child.ts");
  const child = spawn(process.execPath, [script, directory, String(seed), String(lanes)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let text = "";
  for await (const chunk of child.stdout.setEncoding("utf8")) {
    text += String(chunk);
    if (text.split("\n").length > enough) child.kill("SIGKILL");
  }
  const [, signal] = await exited;
  expect(signal).toBe("SIGKILL");
  // A line that is not whole was not said.
  const lines = text.slice(0, text.lastIndexOf("\n")).split("\n");
  return lines.map((line) => {
    const [name = "", seq = "", cid = "", hash = ""] = line.split(" ");
    return { name, seq: Number(seq), cid, hash };
  });
}

async function check(directory: string, acknowledged: readonly Acknowledged[]): Promise<void> {
  const random = systemRandom();
  await using store = await openLevelStore(directory, new Uint8Array(32).fill(9), { random, log });
  const shard = await openShard(store, { random, nodeName: "victim", log });
  const lost: string[] = [];
  for (const { name, seq, cid, hash } of acknowledged) {
    const [row] = await shard.resolve(name);
    const content = row === undefined ? undefined : await shard.readFile(rootOf(row));
    const found = content === undefined ? "" : createHash("sha256").update(content).digest("hex");
    if (row?.seq !== seq || row.cid?.toString() !== cid || found !== hash) lost.push(name);
  }
  expect(lost).toEqual([]);
  const { count, verified } = await shard.verifyLog(shard.author.id);
  expect(verified).toBe(count);
  expect(count).toBeGreaterThan(acknowledged.length);
  let blocks = 0;
  let files = 0;
  for await (const key of store.keys({ from: Uint8Array.of(0x62), until: Uint8Array.of(0x63) }))
    blocks += key.length > 0 ? 1 : 0;
  for await (const row of shard.files()) files += row.held ? 1 : 0;
  expect(shard.stats()).toMatchObject({ blocks, files });
}
