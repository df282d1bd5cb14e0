/** Who said what: a stream comes out true without the liar, and what is remembered is bounded. */
import { expect, test } from "vitest";
import { addCombination, coefficients } from "../../../src/erasure/random-linear.ts";
import type { Announced, Part } from "../../../src/exchange/index/gathering.ts";
import { slotAt } from "../../../src/exchange/index/streams.ts";
import { Witnesses, solve, type Testimony } from "../../../src/exchange/index/witnesses.ts";
import { seededRandom } from "../../../src/sim/seeded-random.ts";

const random = seededRandom("witnesses");
const SLOTS = 6;
const truth = random.bytes(16 * SLOTS);
const stream: Announced = { hex: "aa", from: 0, to: 3, slots: SLOTS };
const [HONEST, OTHER, LIAR] = [1, 2, 3];

function said(sender: number, seed: number, about = stream): Testimony {
  const bytes = new Uint8Array(16);
  const pieces = Array.from({ length: SLOTS }, (_, i) => slotAt(truth, i));
  if (sender === LIAR) bytes.set(random.bytes(16));
  else addCombination(bytes, pieces, coefficients(seed, 0, SLOTS));
  return { sender, streams: [about], slots: { kind: "coded", seed, bytes } };
}

const partOf = (one: Announced): Part => ({ ...one, bytes: new Uint8Array(0), whole: false, wanted: true });

test("without the liar's word the stream is what its author wrote, from what several others said", () => {
  const witnesses = new Witnesses();
  for (let seed = 0; seed < SLOTS; seed++) witnesses.hear(said(seed % 2 === 0 ? HONEST : OTHER, seed));
  witnesses.hear(said(LIAR, 99));
  const all = witnesses.about(stream);
  const without = (sender: number): Uint8Array | undefined =>
    solve(
      stream,
      all.filter((one) => one.sender !== sender),
      partOf,
    )?.bytes;
  expect(without(LIAR)).toEqual(truth);
  expect(without(HONEST)).toBeUndefined();
  witnesses.accuse(LIAR, 0);
  expect([witnesses.isLiar(LIAR, 3_599_999), witnesses.isLiar(LIAR, 3_600_000)]).toEqual([true, false]);
  expect(witnesses.about(stream).map(({ sender }) => sender)).not.toContain(LIAR);
});

test("slots as they are count like coded ones", () => {
  const half = (sender: number, first: number): Testimony => {
    const bytes = truth.slice(16 * first, 16 * (first + SLOTS / 2));
    return { sender, streams: [stream], slots: { kind: "plain", first, bytes } };
  };
  expect(solve(stream, [half(HONEST, 0), half(OTHER, SLOTS / 2)], partOf)?.bytes).toEqual(truth);
});

test("one radio's words don't drive out those of another, and all have an end", () => {
  const witnesses = new Witnesses();
  for (let seed = 0; seed < SLOTS; seed++) witnesses.hear(said(HONEST, seed));
  for (let seed = 0; seed < 1_000; seed++) witnesses.hear(said(LIAR, seed));
  expect(witnesses.about(stream).filter(({ sender }) => sender === HONEST)).toHaveLength(SLOTS);
  for (let radio = 10; radio < 1_000; radio++) witnesses.hear(said(radio, 1));
  expect(witnesses.about(stream).length).toBeLessThanOrEqual(192);
});

test("what was said of streams that were mixed with one is found with it, of others not; what is whole is forgotten", () => {
  const witnesses = new Witnesses();
  const [b, c] = [
    { ...stream, hex: "bb" },
    { ...stream, hex: "cc" },
  ];
  witnesses.hear({ ...said(HONEST, 1), streams: [stream, b] });
  witnesses.hear(said(HONEST, 2, b));
  witnesses.hear(said(HONEST, 3, c));
  expect(witnesses.about(stream)).toHaveLength(2);
  witnesses.prune(({ hex }) => hex !== "bb");
  expect(witnesses.about(b)).toHaveLength(1);
});
