/** Answers that cross each other, and questions that the hour has no room for: nobody is accused, and nothing ends for good. @module */
import { describe, expect, test } from "vitest";
import type { Probe } from "../../src/wire/probe.ts";
import { openChipped, type ChippedNeighbour, type ChippedRig } from "../fakes/chipped.ts";

const HOUR_MS = 3_600_000;

async function asked(rig: ChippedRig, { id }: ChippedNeighbour): Promise<Probe> {
  const before = rig.probes().length;
  expect(rig.lone.node.exchange.attest(id)).toBe(true);
  await rig.lone.clock.runUntil(() => rig.probes().length > before, HOUR_MS);
  return rig.probes().at(-1)!;
}

const standing = ({ lone }: ChippedRig, { id }: ChippedNeighbour) => lone.node.exchange.standingOf(id);

function probeOf({ author }: ChippedNeighbour, fill: number): Probe {
  return { type: "probe", target: author.id, nonce: new Uint8Array(16).fill(fill), pcrs: [14], expected: [] };
}

/** Two neighbours, the first of whom has answered a question of this node an hour ago. */
async function openAttested(seed: string) {
  const rig = await openChipped(seed, { count: 2 });
  const [one, two] = rig.neighbours;
  if (one === undefined || two === undefined) throw new Error("two neighbours");
  await rig.lone.hear(one.radio, one.proof(await asked(rig, one)));
  await rig.lone.clock.advance(HOUR_MS);
  return { rig, one, two };
}

describe("answers that cross", () => {
  test("an answer to another's question, said again after a newer one to ours, is no clock that went back", async () => {
    const { rig, one, two } = await openAttested("older overheard");
    await using _ = rig;
    const probe = probeOf(one, 9);
    await rig.lone.hear(two.radio, probe);
    const older = one.proof(probe);
    await rig.lone.clock.advance(3_000);
    await rig.lone.hear(one.radio, one.proof(await asked(rig, one)));
    await rig.lone.clock.advance(3_000);
    await rig.lone.hear(one.radio, older);
    expect(standing(rig, one)).toMatchObject({ state: "attested", by: undefined });
    expect(rig.counter("proofs_overheard_unsure")).toBe(1);
    await rig.lone.clock.advance(HOUR_MS);
    expect(rig.lone.node.exchange.trust.list()).toEqual([]);
  });

  test("an answer to our question that comes after a newer one was overheard is late, and the question is over", async () => {
    const { rig, one, two } = await openAttested("older own");
    await using _ = rig;
    const older = one.proof(await asked(rig, one));
    await rig.lone.clock.advance(3_000);
    const probe = probeOf(one, 9);
    await rig.lone.hear(two.radio, probe);
    await rig.lone.hear(one.radio, one.proof(probe));
    const questions = rig.probes().length;
    await rig.lone.hear(one.radio, older);
    await rig.lone.clock.advance(HOUR_MS / 2);
    expect(standing(rig, one)).toMatchObject({ state: "attested", by: two.id });
    expect(rig.counter("proofs_late")).toBe(1);
    expect(rig.probes().length).toBe(questions);
    expect(rig.lone.node.exchange.trust.list()).toEqual([]);
  });

  test("an old question and its answer, played while ours is open, do not end ours", async () => {
    const { rig, one, two } = await openAttested("played again");
    await using _ = rig;
    const old = probeOf(one, 9);
    const answer = one.proof(old, 1);
    const mine = await asked(rig, one);
    const before = rig.counter("attested");
    await rig.lone.hear(two.radio, old);
    await rig.lone.hear(one.radio, answer);
    expect(rig.counter("proofs_overheard_unsure")).toBe(1);
    await rig.lone.hear(one.radio, one.proof(mine));
    expect(rig.counter("attested")).toBe(before + 1);
  });
});

describe("more questions than the hour has room for", () => {
  test("are asked on in the hours that follow; who is silent is called so, and who speaks again is attested", async () => {
    await using rig = await openChipped("many silent", { count: 7 });
    for (const { id } of rig.neighbours) expect(rig.lone.node.exchange.attest(id)).toBe(true);
    await rig.lone.clock.advance(HOUR_MS);
    expect(rig.probes().length).toBeLessThanOrEqual(24);
    expect(rig.counter("probes_put_off")).toBeGreaterThanOrEqual(7);
    expect(rig.neighbours.map((one) => standing(rig, one).state)).toEqual(Array(7).fill("unattested"));
    await rig.lone.clock.advance(2 * HOUR_MS);
    expect(rig.neighbours.map((one) => standing(rig, one).state)).toEqual(Array(7).fill("no-answer"));
    const last = rig.neighbours.at(-1)!;
    await rig.lone.hear(last.radio, last.proof(await asked(rig, last)));
    expect(standing(rig, last)).toMatchObject({ state: "attested" });
  });
});

describe("questions about registers that this node does not quote", () => {
  test("cost no quote: under members' numbers they leave the hour to who asks in earnest", async () => {
    await using rig = await openChipped("other registers", { count: 7 });
    const target = rig.lone.node.shard.author.id;
    const question = (fill: number, pcrs: readonly number[]): Probe => {
      const nonce = new Uint8Array(16).fill(fill);
      return { type: "probe", target, nonce, pcrs, expected: [] };
    };
    for (let i = 0; i < 28; i++) {
      await rig.lone.hear(100 + (i % 6), question(1 + i, [0, 14]));
      await rig.lone.clock.advance(20_000);
    }
    expect(rig.chips.houses[0]!.quotes).toBe(0);
    expect(rig.counter("probes_unanswerable")).toBe(28);
    await rig.lone.hear(106, question(99, [14]));
    await rig.lone.clock.advance(60_000);
    expect(rig.lone.said().filter(({ type }) => type === "proof").length).toBe(1);
  });
});
