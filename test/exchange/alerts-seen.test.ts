/** Lies about who has seen an alert cost little air, and don't crowd out the truth. */
import { expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { fromHex } from "../../src/kernel/bytes.ts";
import type { Seen } from "../../src/wire/seen.ts";
import { noticeWith } from "../fakes/alerts.ts";
import { introductionOf } from "../fakes/introduction.ts";
import { openLoneNode, type LoneNode } from "../fakes/lone-node.ts";
import { seeded } from "../fakes/seeded.ts";

const MINUTE_MS = 60_000;

async function alertOf({ node, clock }: LoneNode): Promise<Uint8Array> {
  const sentUnixS = Math.floor(clock.nowMs() / 1000);
  const held = await node.alerts.issue(noticeWith({ sentUnixS }));
  node.exchange.alerts.publish(held);
  return held.digest.subarray(0, 4);
}

const saidIn = ({ said }: LoneNode): number => said().filter(({ type }) => type === "seen").length;
const seen = (alert: Uint8Array, held: readonly number[]): Seen => ({ type: "seen", alert, read: [], held });

test.each([
  ["one radio", () => 66],
  ["ever new radios", (i: number) => 1_000 + i],
])(
  "made-up nodes, named by %s every ten seconds for three hours, cost at most 16 packets an hour",
  async (_, radio) => {
    const { below } = seeded(1);
    await using rig = await openLoneNode("seen");
    const alert = await alertOf(rig);
    for (let i = 0; i < 3 * 360; i++) {
      await rig.hear(radio(i), seen(alert, [below(2 ** 24)]));
      await rig.clock.advance(10_000);
    }
    expect(saidIn(rig)).toBeGreaterThan(0);
    expect(saidIn(rig)).toBeLessThanOrEqual(3 * 16);
    const [held] = rig.node.alerts.list();
    expect(rig.node.exchange.alerts.seenBy(held!).length).toBeLessThanOrEqual(1 + 32);
  },
);

test("maps that leave out what all know, said without end, are answered a few times only", async () => {
  await using rig = await openLoneNode("silent");
  const alert = await alertOf(rig);
  await rig.hear(5, seen(alert, [7]));
  await rig.clock.advance(60 * MINUTE_MS);
  const before = saidIn(rig);
  for (let i = 0; i < 360; i++) {
    await rig.hear(1_000 + i, seen(alert, [7]));
    await rig.clock.advance(10_000);
  }
  expect(saidIn(rig) - before).toBeLessThanOrEqual(5);
});

test("a node whose log is here is counted although liars have named more than there is room for", async () => {
  const { below } = seeded(2);
  await using rig = await openLoneNode("crowd");
  const author = authorFromSeed(new Uint8Array(32).fill(9));
  await rig.hear(9, introductionOf(author));
  const alert = await alertOf(rig);
  for (let i = 0; i < 50; i++) {
    const made = new Set(Array.from({ length: 60 }, () => below(2 ** 24)));
    await rig.hear(
      1_000 + i,
      seen(
        alert,
        [...made].toSorted((a, b) => a - b),
      ),
    );
  }
  const [a = 0, b = 0, c = 0] = author.id;
  await rig.hear(9, seen(alert, [a * 65_536 + b * 256 + c]));
  const [held] = rig.node.alerts.list();
  const nodes = rig.node.exchange.alerts.seenBy(held!).map(({ node }) => fromHex(node)?.toString());
  expect(nodes).toContain(author.id.subarray(0, 3).toString());
});
