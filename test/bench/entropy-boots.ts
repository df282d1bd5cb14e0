/**
 * A thousand boots with an ideal source each: how low the estimators judge a perfect device with 10,000 samples, and how
 * many boots the gate for devices that were not enrolled would fail.
 * @module
 */
import { randomBytes } from "node:crypto";
import { assess } from "../../src/entropy/assess.ts";
import { GATE_SAMPLES, genericFloor } from "../../src/entropy/small-sample.ts";
import { type Bench, quantile, round, type Row } from "./table.ts";

const BOOTS = 1_000;

export const bench: Bench = {
  name: "entropy-boots",
  run: async () => [1, 8].map(boots),
};

function boots(bits: number): Row {
  const assessed = Array.from({ length: BOOTS }, () => {
    const samples = new Uint8Array(randomBytes(GATE_SAMPLES)).map((byte) => byte >> (8 - bits));
    return assess(samples, bits).assessed;
  });
  // Claimed in full: more than anybody should.
  const floor = genericFloor(bits, bits);
  return {
    bits,
    boots: BOOTS,
    lowest: round(quantile(assessed, 0)),
    "1 in 100": round(quantile(assessed, 0.01)),
    median: round(quantile(assessed, 0.5)),
    "least allowed": floor,
    "failed boots": assessed.filter((figure) => figure < floor).length,
  };
}
