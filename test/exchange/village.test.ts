/** A village with an authority, on air: certificates spread by themselves, and strangers stay outside. @module */
import { expect, test } from "vitest";
import { villageTools } from "../../src/dag/authority.ts";
import { Membership } from "../../src/dag/membership.ts";
import { decodeStatementFile, encodeRequest } from "../../src/dag/statement-file.ts";
import { authorityOf } from "../../src/dag/statement.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { fromHex, toHex, utf8 } from "../../src/kernel/bytes.ts";
import { seededRandom } from "../../src/sim/seeded-random.ts";
import type { SimNode } from "../../src/sim/sim-node.ts";
import { nodeNumber } from "../../src/sim/topology.ts";
import { openVillage } from "../fakes/village.ts";

const tools = villageTools(seededRandom("authority"));
const { file, authority } = tools.createAuthority(undefined);
const NOW_S = Date.UTC(2026, 0, 1) / 1000;

function certificateOf({ shard, name }: SimNode): Uint8Array {
  const { author } = shard;
  const request = encodeRequest({ radio: 1, mlDsaFingerprint: author.mlDsa.fingerprint, name }, author);
  const key = { file, passphrase: undefined };
  const statement = decodeStatementFile(tools.enrol(key, request, NOW_S, NOW_S + 86_400 * 365).file);
  if (!statement.ok) throw new Error(statement.reason);
  return statement.value.entry;
}

const members = (): Promise<Membership[]> =>
  Promise.all(
    [0, 1, 2].map(() =>
      Membership.open({
        store: openMemoryStore(),
        clock: { nowMs: () => 1000 * (NOW_S + 60) },
        authority: authorityOf(fromHex(authority)!)!,
        strangers: "refuse",
      }),
    ),
  );

test("a certificate that one member took in reaches all, and opens the way for the newcomer's log; a stranger stays outside", async () => {
  const memberships = await members();
  const links = [0, 1, 2, 3].flatMap((a) =>
    [0, 1, 2, 3].filter((b) => b > a).map((b) => ({ a: nodeNumber(a), b: nodeNumber(b), loss: 0.1 })),
  );
  await using village = await openVillage(21, links, [0, 1, 2, 3], (index) => {
    const gate = memberships[index];
    return gate === undefined ? {} : { gate };
  });
  const [desk, old, newcomer, stranger] = village.nodes;
  // By hand: desk and old know each other; the newcomer knows both and itself.
  for (const [at, whom] of [
    [0, desk],
    [0, old],
    [1, desk],
    [1, old],
    [2, desk],
    [2, old],
    [2, newcomer],
  ] as const) {
    expect(await memberships[at]!.take(certificateOf(whom!))).toBe("new");
  }
  await newcomer!.put("hello.txt", utf8("hello from the newcomer"));
  await stranger!.put("spam.txt", utf8("spam"));
  await village.clock.advance(20 * 60_000);
  const idOf = (node: SimNode | undefined): string => toHex(node!.shard.author.id);
  expect(old!.shard.count(idOf(newcomer))).toBe(0);
  const entry = certificateOf(newcomer!);
  expect(await memberships[0]!.take(entry)).toBe("new");
  await desk!.shard.putStatement(entry);
  desk!.exchange.announce();
  for (let minute = 0; minute < 120 && old!.shard.count(idOf(newcomer)) < 2; minute++)
    await village.clock.advance(60_000);
  expect(memberships[1]!.standing(idOf(newcomer))).toBe("enrolled");
  expect([old!.shard.count(idOf(newcomer)), desk!.shard.count(idOf(newcomer))]).toEqual([2, 2]);
  for (const node of [desk, old, newcomer]) expect(node!.shard.count(idOf(stranger))).toBe(0);
});

test("beside a stranger whom they refuse, members spend less than a hundredth of the channel, and ask him for nothing", async () => {
  const memberships = await members();
  const links = [0, 1, 2, 3].flatMap((a) =>
    [0, 1, 2, 3].filter((b) => b > a).map((b) => ({ a: nodeNumber(a), b: nodeNumber(b), loss: 0.1 })),
  );
  await using village = await openVillage(22, links, [0, 1, 2, 3], (index) => {
    const gate = memberships[index];
    return gate === undefined ? {} : { gate };
  });
  const [stranger] = village.nodes.slice(3);
  const enrolled = village.nodes.slice(0, 3);
  for (const membership of memberships) {
    for (const node of enrolled) expect(await membership.take(certificateOf(node))).toBe("new");
  }
  for (const [i, node] of enrolled.entries()) await node.put(`hello-${i}.txt`, utf8("hello"));
  await village.clock.advance(20 * 60_000);
  let airUs = 0;
  village.ether.onFrame(({ from, airtimeUs }) => {
    if (from !== nodeNumber(3)) airUs += airtimeUs;
  });
  const HOURS = 4;
  for (let i = 0; i < 8; i++) {
    await stranger!.put(`spam-${i}.txt`, utf8("spam"));
    await village.clock.advance((HOURS * 3_600_000) / 8);
  }
  expect(airUs / 3 / (HOURS * 3_600_000_000)).toBeLessThan(0.01);
  expect(enrolled.map(({ exchange }) => exchange.counters()["wants_said"] ?? 0)).toEqual([0, 0, 0]);
  for (const { shard } of enrolled) expect(shard.authors()).toHaveLength(3);
});
