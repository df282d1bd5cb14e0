/** One agent under a virtual clock, and neighbours with TPMs in the test's own hand. @module */
import { compactOf } from "../../src/attest/compact.ts";
import { authorFromSeed, type Author } from "../../src/dag/author.ts";
import { openMemoryStore } from "../../src/drivers/memory-store.ts";
import type { Evidence } from "../../src/kernel/attest.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { ChippedVillage, type ChipRules } from "../../src/sim/scenario-attest.ts";
import type { SimNodeOptions } from "../../src/sim/sim-node.ts";
import type { Probe } from "../../src/wire/probe.ts";
import type { Proof } from "../../src/wire/proof.ts";
import { beaconOf } from "./beacon.ts";
import { introductionOf } from "./introduction.ts";
import { openLoneNode, type LoneNode } from "./lone-node.ts";
import { seeded } from "./seeded.ts";

export const OWN_PCR = 14;

export interface ChippedNeighbour {
  readonly author: Author;
  readonly id: string;
  readonly radio: number;
  /** What its TPM says to that question now. */
  evidence(probe: Probe, clockMs?: number): Evidence;
  /** … as it goes on the air. */
  proof(probe: Probe, clockMs?: number): Proof;
}

export interface ChippedRig extends AsyncDisposable {
  readonly lone: LoneNode;
  readonly chips: ChippedVillage;
  readonly id: string;
  /** Its TPM's clock starts with the node's own. */
  readonly neighbours: readonly ChippedNeighbour[];
  counter(name: string): number;
  probes(): readonly Probe[];
}

/** Neighbours have been heard, and their logs are here: radios 100, 101, … */
export async function openChipped(
  seed: string,
  rules: Partial<ChipRules> & { readonly count?: number } = {},
  extras: Partial<SimNodeOptions> = {},
): Promise<ChippedRig> {
  const { count = 1, everyMs = 0, unattested = "serve", ...rest } = rules;
  const chips = new ChippedVillage(seed, count + 1, { everyMs, unattested, ...rest });
  const store = extras.store ?? openMemoryStore();
  const clock = { nowMs: () => lone.clock.nowMs(), monotonicMs: () => lone.clock.monotonicMs(), sleep: unused };
  const attestation = await chips.wishesOf(0, { store, clock });
  const lone: LoneNode = await openLoneNode(seed, { store, attestation, ...extras });
  const neighbours: ChippedNeighbour[] = [];
  for (let i = 1; i <= count; i++) {
    const author = authorFromSeed(seeded(1_000 + i).random.bytes(32));
    (await chips.wishesOf(i, { store: openMemoryStore(), clock }))(toHex(author.id));
    neighbours.push(neighbourOf(chips, i, author, () => lone.clock.monotonicMs()));
  }
  for (const { author, radio } of neighbours) {
    await lone.hear(radio, introductionOf(author));
    await lone.hear(radio, beaconOf(author.id, [{ author: author.id, count: 1 }]));
  }
  return {
    lone,
    chips,
    id: toHex(lone.node.shard.author.id),
    neighbours,
    counter: (name) => lone.node.exchange.counters()[name] ?? 0,
    probes: () => lone.said().filter((message) => message.type === "probe"),
    [Symbol.asyncDispose]: () => lone[Symbol.asyncDispose](),
  };
}

function neighbourOf(chips: ChippedVillage, index: number, author: Author, nowMs: () => number): ChippedNeighbour {
  const house = chips.houses[index]!;
  const evidence = (probe: Probe, clockMs = nowMs()): Evidence =>
    house.chip.evidence(probe.nonce, OWN_PCR, { ...house.state, clock: BigInt(Math.floor(clockMs)) });
  return {
    author,
    id: toHex(author.id),
    radio: 99 + index,
    evidence,
    proof: (probe, clockMs) => proofOf(author, evidence(probe, clockMs), probe),
  };
}

/** One packet. */
function proofOf(author: Author, evidence: Evidence, { nonce, pcrs, expected }: Probe): Proof {
  const frame = { akPublic: evidence.akPublic, nonce, pcrs, ownPcr: OWN_PCR };
  const body = compactOf(evidence, frame, expected);
  if (!body.ok) throw new Error(body.reason);
  const re = 256 * (nonce[0] ?? 0) + (nonce[1] ?? 0);
  return { type: "proof", author: author.id.subarray(0, 4), re, piece: 0, pieces: 1, body: body.value };
}

const unused = (): Promise<void> => Promise.reject(new Error("not used"));
