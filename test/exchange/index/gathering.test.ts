/** Slots of many streams from many speakers: what comes out is what went in, and nobody takes the room for himself. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addCombination, coefficients } from "../../../src/erasure/random-linear.ts";
import {
  Gathering,
  IDLE_MS,
  MAX_UNKNOWN_SLOTS,
  type Announced,
  type Part,
} from "../../../src/exchange/index/gathering.ts";
import { slotAt } from "../../../src/exchange/index/streams.ts";
import { SLOT_BYTES } from "../../../src/wire/holdings.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";

const random = seededRandom("gathering");
const [ONE, TWO] = [1, 2];

function unknown(hex: string, slots: number): Part {
  return { hex, from: 0, to: 1, slots, bytes: new Uint8Array(0), whole: false, wanted: true };
}

function names({ wanted }: Gathering): string[] {
  return wanted.map(({ hex }) => hex);
}

/** Combination 0 … count − 1 of these streams. */
function coded(streams: readonly Uint8Array[], seed: number, count: number): Uint8Array {
  const pieces = streams.flatMap((bytes) =>
    Array.from({ length: Math.ceil(bytes.length / SLOT_BYTES) }, (_, i) => slotAt(bytes, i)),
  );
  const sums = new Uint8Array(count * SLOT_BYTES);
  for (let i = 0; i < count; i++) {
    addCombination(sums.subarray(i * SLOT_BYTES, (i + 1) * SLOT_BYTES), pieces, coefficients(seed, i, pieces.length));
  }
  return sums;
}

describe("the room for unknown slots", () => {
  test("is one radio's alone while nobody else needs it: a newcomer may know a single neighbour", () => {
    const gathering = new Gathering();
    for (let i = 0; i < 16; i++) expect(gathering.want(unknown(`a${i}`, 64), { radio: ONE, nowMs: i })).toBe(true);
    expect(gathering.needed).toBe(MAX_UNKNOWN_SLOTS);
    expect(gathering.want(unknown("more", 1), { radio: ONE, nowMs: 99 })).toBe(false);
  });

  test("is shared when a second radio names streams: the oldest of who has most give way, down to a quarter for the newer", () => {
    const gathering = new Gathering();
    for (let i = 0; i < 16; i++) gathering.want(unknown(`a${i}`, 64), { radio: ONE, nowMs: i });
    for (let i = 0; i < 4; i++) expect(gathering.want(unknown(`b${i}`, 64), { radio: TWO, nowMs: 50 })).toBe(true);
    expect(gathering.want(unknown("b4", 64), { radio: TWO, nowMs: 50 })).toBe(false);
    expect(names(gathering)).toEqual([...Array.from({ length: 12 }, (_, i) => `a${i + 4}`), "b0", "b1", "b2", "b3"]);
    expect(gathering.needed).toBe(MAX_UNKNOWN_SLOTS);
  });

  test("is shared too when it is streams that are many, each of one slot", () => {
    const gathering = new Gathering();
    for (let i = 0; i < 600; i++) gathering.want(unknown(`a${i}`, 1), { radio: ONE, nowMs: i });
    expect(names(gathering)).toHaveLength(512);
    expect(gathering.want(unknown("b", 1), { radio: TWO, nowMs: 900 })).toBe(true);
    expect(names(gathering)).not.toContain("a0");
  });

  test("is not taken by one claim of more slots than any sender offers at once", () => {
    const gathering = new Gathering();
    expect(gathering.want(unknown("long", 513), { radio: ONE, nowMs: 0 })).toBe(false);
    expect(gathering.want(unknown("longest", 512), { radio: ONE, nowMs: 0 })).toBe(true);
  });

  test("comes back from streams about which nothing new was heard for ten minutes, however often they are named", () => {
    const gathering = new Gathering();
    gathering.want(unknown("made up", 8), { radio: ONE, nowMs: 0 });
    gathering.want(unknown("true", 8), { radio: TWO, nowMs: 0 });
    const bytes = random.bytes(128);
    gathering.want(unknown("made up", 8), { radio: ONE, nowMs: IDLE_MS / 2 });
    const parts = [unknown("true", 8)];
    gathering.learn({ sender: TWO, parts, seed: 1, coded: coded([bytes], 1, 3) }, IDLE_MS / 2);
    gathering.sweep(IDLE_MS - 1, IDLE_MS);
    expect(names(gathering)).toEqual(["made up", "true"]);
    gathering.sweep(IDLE_MS, IDLE_MS);
    expect(names(gathering)).toEqual(["true"]);
    expect(gathering.needed).toBe(5);
    // An equation that says nothing new is no progress.
    gathering.learn({ sender: TWO, parts, seed: 1, coded: coded([bytes], 1, 3) }, IDLE_MS);
    gathering.sweep(1.5 * IDLE_MS, IDLE_MS);
    expect(gathering.wanted).toEqual([]);
  });
});

test("whoever takes room from whom meanwhile, what comes out is what its author wrote", () => {
  const op = fc.record({
    radio: fc.integer({ min: 1, max: 5 }),
    streams: fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 6 }),
    count: fc.integer({ min: 1, max: 14 }),
    onlyWants: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const truth = Array.from({ length: 31 }, (_, i) => seededRandom(`stream ${i}`).bytes(SLOT_BYTES * (8 + i * 4)));
      const gathering = new Gathering();
      for (const [nowMs, { radio, streams, count, onlyWants }] of ops.entries()) {
        const parts = streams.map((i) => unknown(`${i}`, (truth[i]?.length ?? 0) / SLOT_BYTES));
        for (const part of onlyWants ? parts : []) gathering.want(part, { radio, nowMs });
        const sums = coded(
          streams.map((i) => truth[i] ?? new Uint8Array(0)),
          nowMs,
          count,
        );
        if (!onlyWants)
          expect(gathering.learn({ sender: radio, parts, seed: nowMs, coded: sums }, nowMs).conflict).toBe(false);
        for (const { hex, bytes } of gathering.takeSolved()) expect(bytes).toEqual(truth[Number(hex)]);
        expect(gathering.needed).toBeLessThanOrEqual(MAX_UNKNOWN_SLOTS);
      }
    }),
    { seed: 11, numRuns: 30 },
  );
});

test("streams of which enough was heard from several speakers come out, and are forgotten", () => {
  const gathering = new Gathering();
  const [a, b] = [random.bytes(80), random.bytes(48)];
  const parts = [unknown("a", 5), unknown("b", 3)];
  for (const [sender, seed] of [[ONE, 5] as const, [TWO, 6] as const]) {
    gathering.learn({ sender, parts, seed, coded: coded([a, b], seed, 4) }, 0);
  }
  const solved = gathering.takeSolved().map(({ hex, bytes }): [string, Uint8Array] => [hex, bytes]);
  expect(solved).toEqual([
    ["a", a],
    ["b", b],
  ]);
  expect(gathering.neededOf(parts satisfies Announced[])).toBe(0);
});
