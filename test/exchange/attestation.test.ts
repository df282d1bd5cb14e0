/** Neighbours attest each other by radio: what holds, what does not, what it may cost, what it is worth. @module */
import { describe, expect, test } from "vitest";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { ChippedVillage } from "../../src/sim/scenario-attest.ts";
import { SimVillage } from "../../src/sim/sim-village.ts";
import { fullMesh } from "../../src/sim/topology.ts";
import type { Message } from "../../src/wire/messages.ts";
import type { Probe } from "../../src/wire/probe.ts";
import type { Proof } from "../../src/wire/proof.ts";
import { noticeWith } from "../fakes/alerts.ts";
import { openChipped, type ChippedRig } from "../fakes/chipped.ts";
import { seeded } from "../fakes/seeded.ts";
import { sha256 } from "../fakes/tpm.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The newest question that the node asked. */
async function asked(rig: ChippedRig, index = 0): Promise<Probe> {
  const before = rig.probes().length;
  expect(rig.lone.node.exchange.attest(rig.neighbours[index]!.id)).toBe(true);
  await rig.lone.clock.runUntil(() => rig.probes().length > before, HOUR_MS);
  return rig.probes().at(-1)!;
}

const standing = (rig: ChippedRig, index = 0) => rig.lone.node.exchange.standingOf(rig.neighbours[index]!.id);

describe("a neighbour that is asked", () => {
  test("and shows the state of the policy is attested; one that was never asked is not, and nothing is known of others", async () => {
    await using rig = await openChipped("good", { count: 2 });
    const [one] = rig.neighbours;
    expect(standing(rig)).toEqual({ state: "unattested" });
    const probe = await asked(rig);
    expect(probe.expected.length).toBe(5);
    await rig.lone.hear(one!.radio, one!.proof(probe));
    expect(standing(rig)).toMatchObject({ state: "attested", by: undefined });
    expect(standing(rig, 1)).toEqual({ state: "unattested" });
    expect(rig.lone.node.exchange.standingOf("0011223344556677")).toEqual({ state: "unknown" });
    expect(rig.lone.node.exchange.attest("0011223344556677")).toBe(false);
    expect(rig.lone.node.exchange.attest(rig.id)).toBe(false);
    expect(rig.counter("failures")).toBe(0);
  });

  test("and shows another program fails with its reason, is told on once, and is attested again after it was put back", async () => {
    await using rig = await openChipped("drift");
    const [one] = rig.neighbours;
    const house = rig.chips.houses[1]!;
    const right = house.state;
    house.state = { ...right, own: { ...right.own, code: sha256("changed") } };
    for (let i = 0; i < 2; i++) {
      await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
      expect(standing(rig)).toMatchObject({ state: "failed", reason: "drift", by: undefined });
      await rig.lone.clock.advance(HOUR_MS / 4);
    }
    expect(rig.counter("trust_raised_attestation")).toBe(1);
    expect(rig.lone.node.exchange.trust.list()).toMatchObject([
      { author: rig.id, subject: one!.id, kind: "attestation", reason: "drift", open: true },
    ]);
    house.state = right;
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    expect(standing(rig)).toMatchObject({ state: "attested" });
    // The accusation is taken back, once.
    await rig.lone.clock.advance(HOUR_MS);
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    await rig.lone.clock.advance(HOUR_MS);
    expect(rig.counter("trust_raised_recovered")).toBe(1);
    expect(rig.lone.node.exchange.trust.list()).toMatchObject([
      { author: rig.id, subject: one!.id, kind: "recovered" },
      { subject: one!.id, kind: "attestation", open: false },
    ]);
  });

  test.each([
    ["counters-backward", { resetCount: 6 }],
    ["firmware", { firmware: 1n }],
  ] as const)("and was attested before fails as %s", async (reason, change) => {
    await using rig = await openChipped(reason);
    const [one] = rig.neighbours;
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    const house = rig.chips.houses[1]!;
    house.state = { ...house.state, ...change };
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    expect(standing(rig)).toMatchObject({ state: "failed", reason });
  });

  test("and shows an older clock than before fails, also after its asker has started anew", async () => {
    const store = openMemoryStore();
    {
      await using rig = await openChipped("clock", {}, { store });
      const [one] = rig.neighbours;
      await rig.lone.hear(one!.radio, one!.proof(await asked(rig), 900_000));
      await rig.lone.hear(one!.radio, one!.proof(await asked(rig), 899_999));
      expect(standing(rig)).toMatchObject({ state: "failed", reason: "counters-backward" });
    }
    await using again = await openChipped("clock", {}, { store });
    const [one] = again.neighbours;
    expect(standing(again)).toEqual({ state: "unattested" });
    await again.lone.hear(one!.radio, one!.proof(await asked(again), 899_999));
    expect(standing(again)).toMatchObject({ state: "failed", reason: "counters-backward" });
  });

  test("and is silent is asked six times with one nonce, and then called so; asked again later", async () => {
    await using rig = await openChipped("silent");
    await asked(rig);
    await rig.lone.clock.advance(HOUR_MS);
    expect(rig.probes().length).toBe(6);
    expect(new Set(rig.probes().map(({ nonce }) => toHex(nonce))).size).toBe(1);
    expect(standing(rig)).toMatchObject({ state: "no-answer", fault: undefined });
    expect(rig.counter("probes_unanswered")).toBe(1);
  });

  test("and was attested stays so through one silence, until that is too old", async () => {
    await using rig = await openChipped("keeps", { maxAgeS: 7_200 });
    const [one] = rig.neighbours;
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    await asked(rig);
    await rig.lone.clock.advance(HOUR_MS);
    expect(standing(rig)).toMatchObject({ state: "attested" });
    await rig.lone.clock.advance(HOUR_MS);
    await asked(rig);
    await rig.lone.clock.advance(HOUR_MS);
    expect(standing(rig)).toMatchObject({ state: "no-answer" });
  });
});

describe("an answer", () => {
  test("of an older nonce, of another node, of nobody's question, and one that comes too late are counted, and change nothing", async () => {
    await using rig = await openChipped("old answers", { count: 2 });
    const [one, two] = rig.neighbours;
    const first = await asked(rig);
    const old = one!.proof(first);
    await rig.lone.hear(one!.radio, old);
    await rig.lone.hear(one!.radio, old);
    expect(rig.counter("proofs_replayed")).toBe(1);
    await rig.lone.hear(66, { ...old, re: (old.re + 1) % 0x1_0000 });
    expect(rig.counter("proofs_unasked")).toBe(1);
    const second = await asked(rig);
    const re = 256 * second.nonce[0]! + second.nonce[1]!;
    // The first answer again, under the second question's reference.
    await rig.lone.hear(66, { ...old, re });
    expect(rig.counter("proofs_false_signature")).toBe(1);
    // Another node's TPM, over the right nonce, under this one's name.
    await rig.lone.hear(66, { ...two!.proof(second), author: old.author });
    expect(rig.counter("proofs_false_signature")).toBe(2);
    await rig.lone.clock.advance(HOUR_MS);
    await rig.lone.hear(one!.radio, one!.proof(second));
    expect(rig.counter("proofs_late") + rig.counter("proofs_unasked")).toBe(2);
    expect(rig.counter("attested")).toBe(1);
    expect(rig.counter("failures")).toBe(0);
  });

  test("that is false, a thousand times, neither ends the question nor accuses anybody, and few are looked at", async () => {
    await using rig = await openChipped("false answers");
    const [one] = rig.neighbours;
    const probe = await asked(rig);
    const good = one!.proof(probe);
    const { below } = seeded(7);
    for (let i = 0; i < 1_000; i++) {
      const body = good.body.slice();
      body[below(body.length)]! ^= 1 + below(255);
      await rig.lone.hear(200 + (i % 50), { ...good, body });
      if (i === 9) expect(standing(rig)).toEqual({ state: "unattested" });
    }
    expect(rig.counter("proofs_false_ignored")).toBeGreaterThan(900);
    expect(rig.lone.node.exchange.trust.list()).toEqual([]);
    expect(rig.counter("failures")).toBe(0);
    // The next question has another nonce and no tags: it is answered in full.
    await rig.lone.clock.runUntil(() => rig.probes().length > 1, HOUR_MS);
    const next = rig.probes().at(-1)!;
    expect(next.expected).toEqual([]);
    expect(toHex(next.nonce)).not.toBe(toHex(probe.nonce));
    await rig.lone.hear(one!.radio, one!.proof(next));
    expect(standing(rig)).toMatchObject({ state: "attested" });
  });

  test("in two pieces is put together, each speaker's apart", async () => {
    await using rig = await openChipped("pieces");
    const [one] = rig.neighbours;
    const probe = await asked(rig);
    const whole = one!.proof(probe);
    const cut = (piece: number, from: number, to?: number): Proof => ({
      ...whole,
      piece,
      pieces: 2,
      body: whole.body.slice(from, to),
    });
    await rig.lone.hear(66, cut(1, 10));
    await rig.lone.hear(one!.radio, cut(0, 0, 40));
    expect(standing(rig)).toEqual({ state: "unattested" });
    await rig.lone.hear(one!.radio, cut(1, 40));
    expect(standing(rig)).toMatchObject({ state: "attested" });
  });
});

describe("what is overheard", () => {
  const other = { type: "probe", nonce: new Uint8Array(16).fill(9), pcrs: [14], expected: [] } as const;

  test("is taken when the TPM's clock went on as ours did, and says who asked", async () => {
    await using rig = await openChipped("overheard", { count: 2 });
    const [one, two] = rig.neighbours;
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    await rig.lone.clock.advance(5 * HOUR_MS);
    const probe: Probe = { ...other, target: one!.author.id };
    await rig.lone.hear(two!.radio, probe);
    await rig.lone.hear(one!.radio, one!.proof(probe));
    expect(standing(rig)).toMatchObject({ state: "attested", by: two!.id });
    expect(rig.counter("attested_overheard")).toBe(1);
  });

  test("is nothing without a nonce of our own before, and nothing when it is played again later: good or bad", async () => {
    await using rig = await openChipped("played again", { count: 2 });
    const [one, two] = rig.neighbours;
    const probe: Probe = { ...other, target: one!.author.id };
    const house = rig.chips.houses[1]!;
    const right = house.state;
    house.state = { ...right, own: { ...right.own, code: sha256("before it was put right") } };
    const bad = one!.proof(probe);
    house.state = right;
    await rig.lone.hear(two!.radio, probe);
    await rig.lone.hear(one!.radio, one!.proof(probe));
    expect(standing(rig)).toEqual({ state: "unattested" });
    const later: Probe = { ...probe, nonce: new Uint8Array(16).fill(10) };
    const recorded = one!.proof(later);
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    const before = standing(rig);
    await rig.lone.clock.advance(5 * HOUR_MS);
    for (const [question, answer] of [
      [later, recorded],
      [probe, bad],
    ] as const) {
      await rig.lone.hear(two!.radio, question);
      await rig.lone.hear(one!.radio, answer);
    }
    expect(standing(rig)).toEqual(before);
    expect(rig.counter("proofs_overheard_unsure")).toBe(3);
    expect(rig.lone.node.exchange.trust.list()).toEqual([]);
  });
});

describe("a node that is asked", () => {
  const probeOf = (rig: ChippedRig, number: number): Probe => ({
    type: "probe",
    target: rig.lone.node.shard.author.id,
    nonce: sha256(`probe ${number}`).slice(0, 16),
    pcrs: [14],
    expected: [],
  });
  const proofs = (rig: ChippedRig): readonly Message[] => rig.lone.said().filter(({ type }) => type === "proof");

  test("answers once, and the same again to who did not hear it, from memory", async () => {
    await using rig = await openChipped("answers");
    const probe = probeOf(rig, 1);
    for (let i = 0; i < 10; i++) {
      await rig.lone.hear(100, probe);
      await rig.lone.clock.advance(60_000);
    }
    expect(rig.chips.houses[0]!.quotes).toBe(1);
    expect(proofs(rig).length).toBe(6);
    expect(new Set(proofs(rig).map((proof) => JSON.stringify(proof))).size).toBe(1);
  });

  test("by thousands under ever new numbers makes few quotes, and still answers a member", async () => {
    await using rig = await openChipped("flood of probes");
    for (let i = 0; i < 2_000; i++) {
      await rig.lone.hear(5_000 + i, probeOf(rig, i));
      if (i % 100 === 0) await rig.lone.clock.advance(10_000);
    }
    expect(rig.chips.houses[0]!.quotes).toBeLessThanOrEqual(8);
    expect(rig.counter("probes_refused_budget") + rig.counter("probes_refused_busy")).toBeGreaterThan(1_900);
    const before = rig.chips.houses[0]!.quotes;
    await rig.lone.clock.advance(60_000);
    await rig.lone.hear(100, probeOf(rig, 9_999));
    await rig.lone.clock.advance(60_000);
    expect(rig.chips.houses[0]!.quotes).toBe(before + 1);
    expect(rig.counter("failures")).toBe(0);
  });

  test("and whose TPM fails says nothing, and goes on", async () => {
    await using rig = await openChipped("broken chip");
    Object.defineProperty(rig.chips.houses[0]!.chip, "evidence", {
      value: () => {
        throw new Error("the TPM is gone");
      },
    });
    await rig.lone.hear(100, probeOf(rig, 1));
    await rig.lone.clock.advance(60_000);
    expect(rig.counter("probes_failed")).toBe(1);
    expect(proofs(rig)).toEqual([]);
  });
});

describe("by policy", () => {
  const pull: Message = { type: "pull", tries: 0, bases: [], partial: false, vector: [] };
  const answers = (rig: ChippedRig): number =>
    rig.lone.said().filter(({ type }) => ["repair", "beacon", "coded"].includes(type)).length;

  async function answersTo(rig: ChippedRig, radio: number): Promise<number> {
    await rig.lone.node.put("notes.txt", new Uint8Array(300).fill(7));
    await rig.lone.clock.advance(HOUR_MS);
    const before = answers(rig);
    await rig.lone.hear(radio, pull);
    await rig.lone.clock.advance(60_000);
    return answers(rig) - before;
  }

  test("a neighbour that did not show its state gets nothing but alerts, is asked at once, and is served again after it did", async () => {
    await using rig = await openChipped("refuse", { unattested: "refuse" });
    const [one] = rig.neighbours;
    await rig.lone.hear(one!.radio, pull);
    await rig.lone.clock.runUntil(() => rig.probes().length > 0, HOUR_MS);
    expect(rig.counter("asked_in_vain_by_unattested")).toBe(1);
    expect(await answersTo(rig, one!.radio)).toBe(0);
    const get: Message = {
      type: "get",
      amount: { kind: "more", symbols: 1 },
      target: { kind: "entry", author: rig.lone.node.shard.author.id.subarray(0, 4), seq: 2 },
    };
    await rig.lone.hear(one!.radio, get);
    expect(rig.counter("asked_in_vain_by_unattested")).toBe(3);
    const held = await rig.lone.node.alerts.issue(noticeWith({ sentUnixS: Math.floor(rig.lone.clock.nowMs() / 1000) }));
    rig.lone.node.exchange.alerts.publish(held);
    await rig.lone.clock.advance(60_000);
    await rig.lone.hear(one!.radio, { type: "alerts", salt: 1, tags: [] });
    await rig.lone.clock.advance(60_000);
    expect(rig.lone.said().filter(({ type }) => type === "alert").length).toBeGreaterThan(0);
    await rig.lone.hear(one!.radio, one!.proof(rig.probes().at(-1)!));
    await rig.lone.hear(one!.radio, one!.proof(await asked(rig)));
    expect(standing(rig)).toMatchObject({ state: "attested" });
    expect(await answersTo(rig, one!.radio)).toBeGreaterThan(0);
  });

  test.each(["serve", "limit"] as const)("%s answers a neighbour that did not show its state", async (unattested) => {
    await using rig = await openChipped(unattested, { unattested });
    expect(await answersTo(rig, rig.neighbours[0]!.radio)).toBeGreaterThan(0);
    expect(rig.counter("asked_by_unattested")).toBe(unattested === "limit" ? 1 : 0);
  });
});

describe("a village of six that loses three packets of ten", () => {
  async function open(seed: number, unattested: "serve" | "refuse") {
    const chips = new ChippedVillage(String(seed), 6, { everyMs: DAY_MS, unattested, maxAgeS: 3 * 86_400 });
    const cell = { preset: "LongFast", region: "US", hopLimit: 0, share: 0.5 } as const;
    const village = await SimVillage.open({
      seed,
      count: 6,
      links: fullMesh(6, 0.3),
      ...cell,
      extras: async (index, ports) => ({ attestation: await chips.wishesOf(index, ports) }),
    });
    await village.bringInStep();
    village.start();
    const ids = village.nodes.map(({ shard }) => toHex(shard.author.id));
    const good = (): number =>
      village.nodes.flatMap(({ exchange }) => ids.filter((id) => exchange.standingOf(id).state === "attested")).length;
    return { chips, village, ids, good };
  }

  test("attests itself within hours, then at a fraction of the air, because each answer serves all who hear it", async () => {
    const { village, good } = await open(3, "serve");
    await using _ = village;
    expect(await village.runUntil(() => good() === 30, 6 * HOUR_MS)).toBe(true);
    const probes = (): number => village.counts()["probe"]?.packets ?? 0;
    const first = probes();
    await village.clock.advance(3 * DAY_MS);
    village.check();
    expect(good()).toBe(30);
    const aDay = (probes() - first) / 3;
    expect(aDay).toBeLessThan(first / 2);
    const overheard = village.nodes.map(({ exchange }) => exchange.counters()["attested_overheard"] ?? 0);
    expect(overheard.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(30);
    expect(village.nodes.map(({ exchange }) => exchange.counters()["failures"] ?? 0)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test("finds the one that was changed, tells all, and takes it back once it was put right", async () => {
    const { village, chips, ids, good } = await open(4, "refuse");
    await using _ = village;
    expect(await village.runUntil(() => good() === 30, 6 * HOUR_MS)).toBe(true);
    const changed = chips.houses[2]!;
    const right = changed.state;
    changed.state = { ...right, own: { ...right.own, runtime: sha256("another Node") } };
    village.nodes[0]!.exchange.attest(ids[2]!);
    const failed = (): number =>
      village.nodes.filter(({ exchange }) => exchange.standingOf(ids[2]!).state === "failed").length;
    expect(await village.runUntil(() => failed() > 0, HOUR_MS)).toBe(true);
    const told = (): number =>
      village.nodes.filter(({ exchange }) => exchange.trust.list().some(({ subject }) => subject === ids[2])).length;
    expect(await village.runUntil(() => told() === 6, HOUR_MS)).toBe(true);
    const words = village.counts()["trust"]?.packets ?? 0;
    await village.clock.advance(2 * HOUR_MS);
    expect(village.counts()["trust"]?.packets ?? 0).toBeLessThan(words + 20);
    changed.state = right;
    for (const { exchange } of village.nodes) exchange.attest(ids[2]!);
    expect(await village.runUntil(() => good() === 30, 2 * DAY_MS)).toBe(true);
  });
});
