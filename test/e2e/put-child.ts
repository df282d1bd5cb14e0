/**
 * Puts files without end into the shard of a directory, and says each one once it is acknowledged. To be killed.
 *
 * Arguments: the store's directory, a seed, and how many puts may be under way at a time.
 * @module
 */
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { openShard } from "../../src/dag/open-shard.ts";
import { openLevelStore } from "../../src/drivers/level/store.ts";
import { systemRandom } from "../../src/drivers/random.ts";
import { silentLog as log } from "../fakes/log.ts";
import { seeded } from "../fakes/seeded.ts";

const [directory = "", seed = "0", lanes = "1"] = process.argv.slice(2);
const random = systemRandom();
const store = await openLevelStore(directory, new Uint8Array(32).fill(9), { random, log });
const shard = await openShard(store, { random, nodeName: "victim", log });
const { below, random: contents } = seeded(Number(seed));
let count = 0;

await Promise.all(
  Array.from({ length: Number(lanes) }, async () => {
    for (;;) {
      const name = `${seed}-${count++}`;
      const content = contents.bytes(below(10) === 0 ? 40_000 : 1 + below(2000));
      const { cid, seq } = await shard.putFile(name, content);
      // At once and whole, not through a stream that would die with us.
      writeSync(1, `${name} ${seq} ${cid.toString()} ${createHash("sha256").update(content).digest("hex")}\n`);
    }
  }),
);
