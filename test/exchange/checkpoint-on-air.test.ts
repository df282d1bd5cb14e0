/** A checkpoint goes over the air as a file does, behind all else, and is verified where it arrives. @module */
import { expect, test } from "vitest";
import { CHECKPOINT_NAME } from "../../src/dag/checkpoint.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { Checkpoints } from "../../src/exchange/checkpoints.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import type { SimNode } from "../../src/sim/sim-node.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { memberOf } from "../fakes/member.ts";
import { silentLog } from "../fakes/log.ts";
import { openVillage } from "../fakes/village.ts";

test("over lossy air a neighbour gets the checkpoint of a member's log, and verifies the log by it", async () => {
  const links = [{ a: nodeNumber(0), b: nodeNumber(1), loss: 0.2 }];
  await using village = await openVillage(31, links, [0, 1]);
  const [writer, reader] = village.nodes;
  if (writer === undefined || reader === undefined) throw new Error("two nodes");
  const checkpointsOf = ({ shard, exchange }: SimNode): Promise<Checkpoints> =>
    Checkpoints.open({
      shard,
      exchange,
      membership: { members: () => [memberOf(writer.shard)] },
      store: openMemoryStore(),
      clock: village.clock,
      random: seededRandom("checkpoints"),
      log: silentLog,
    });
  await writer.put("a.txt", utf8("the well is closed until friday, boil what you drink"));
  await village.clock.advance(10 * 60_000);
  await (await checkpointsOf(writer)).look();
  const arrived = (): boolean => reader.shard.count(toHex(writer.shard.author.id)) === 3;
  await village.clock.runUntil(arrived, 3_600_000);
  const atReader = await checkpointsOf(reader);
  await atReader.look();
  expect(atReader.list()).toEqual([]);
  for (let minute = 0; minute < 120; minute++) {
    await village.clock.advance(60_000);
    if ((await reader.shard.resolve(CHECKPOINT_NAME))[0]?.held === true) break;
  }
  await atReader.look();
  expect(atReader.list()).toEqual([{ author: toHex(writer.shard.author.id), count: 2, verdict: "verified" }]);
});
