/** Attestation and trust as operators see them: in the status and in the checks. @module */
import { expect, test } from "vitest";
import { attestationChecks, attestationOf, trustWords } from "../../src/desk/attested.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { openChipped } from "../fakes/chipped.ts";
import { sha256 } from "../fakes/tpm.ts";

const HOUR_MS = 3_600_000;

test("a neighbour is attested, then fails: both are told with their age, and a failure with its fix", async () => {
  await using rig = await openChipped("desk", { count: 2 });
  const { exchange, shard } = rig.lone.node;
  const open = { exchange, shard };
  const [one, two] = rig.neighbours;
  const now = (): number => rig.lone.clock.monotonicMs();
  const answer = async (): Promise<void> => {
    const before = rig.probes().length;
    exchange.attest(one!.id);
    await rig.lone.clock.runUntil(() => rig.probes().length > before, HOUR_MS);
    await rig.lone.hear(one!.radio, one!.proof(rig.probes().at(-1)!));
  };
  expect(attestationOf(open, one!.id, now())).toEqual({ state: "unattested" });
  expect(attestationOf(open, "00".repeat(8), now())).toEqual({ state: "unknown" });
  await answer();
  await rig.lone.clock.advance(240_000);
  expect(attestationOf(open, one!.id, now())).toEqual({ state: "attested", ago_s: 240 });
  expect(attestationChecks(open)).toEqual([]);
  // Somebody else asks, and this node overhears the answer.
  const probe = { ...rig.probes()[0]!, nonce: sha256("another nonce").slice(0, 16) };
  await rig.lone.hear(two!.radio, probe);
  await rig.lone.hear(one!.radio, one!.proof(probe));
  expect(attestationOf(open, one!.id, now())).toEqual({ state: "attested", ago_s: 0, by: `made-up (${two!.id})` });
  const house = rig.chips.houses[1]!;
  house.state = { ...house.state, own: { ...house.state.own, code: sha256("changed") } };
  await answer();
  await rig.lone.clock.advance(600_000);
  expect(attestationOf(open, one!.id, now())).toEqual({ state: "failed", reason: "drift", ago_s: 600 });
  const self = toHex(shard.author.id);
  expect(trustWords(open)).toMatchObject([
    { about: `made-up (${one!.id})`, kind: "attestation", reason: "drift", open: true },
  ]);
  expect(trustWords(open)[0]?.author).toContain(self);
  expect(Date.parse(trustWords(open)[0]?.at ?? "")).toBeGreaterThan(0);
  const checks = attestationChecks(open);
  expect(checks.map(({ name, state }) => [name, state])).toEqual([
    ["attestation", "WARN"],
    ["trust", "WARN"],
  ]);
  for (const { detail, fix } of checks) {
    expect(detail).toContain("drift");
    expect(fix).not.toBe("");
  }
});
