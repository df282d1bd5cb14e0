import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PRESETS, type LoraModulation, type SpreadingFactor } from "../../src/radio/airtime.ts";
import {
  DEMODULATOR_LIMIT_DB,
  linksBetween,
  noiseLoss,
  normal,
  pathLossDb,
  sensitivityDbm,
  type Placement,
} from "../../src/sim/propagation.ts";
import { chance } from "../../src/radio/chance.ts";
import { seededRandom, uniform } from "../../src/sim/seeded-random.ts";
import { nodeNumber } from "../../src/sim/topology.ts";

/** Semtech SX1272/73 data sheet, rev. 2: RFS_L125 and RFS_L250. */
const DATA_SHEET_DBM: readonly (readonly [SpreadingFactor, number, number])[] = [
  [7, 125_000, -124],
  [8, 125_000, -127],
  [9, 125_000, -130],
  [10, 125_000, -133],
  [11, 125_000, -135],
  [12, 125_000, -137],
  [7, 250_000, -122],
  [9, 250_000, -128],
  [11, 250_000, -132],
  [12, 250_000, -135],
];
const FACTORS: readonly SpreadingFactor[] = [7, 8, 9, 10, 11, 12];
const modulation = PRESETS.LongFast;

function withFactor(spreadingFactor: SpreadingFactor, bandwidthHz: number): LoraModulation {
  return { ...modulation, spreadingFactor, bandwidthHz };
}

function places(...metres: number[]): Placement[] {
  return metres.map((xMetres, i) => ({ number: nodeNumber(i), xMetres, yMetres: 0 }));
}

describe("propagation", () => {
  test.each(DATA_SHEET_DBM)("has the data sheet's sensitivity at SF%d, %d Hz: %d dBm", (factor, bandwidthHz, dbm) => {
    expect(Math.abs(sensitivityDbm(withFactor(factor, bandwidthHz)) - dbm)).toBeLessThan(1.5);
  });

  test("is free space at an exponent of 2", () => {
    // Friis: 32.45 dB + 20 log10(MHz) + 20 log10(km).
    expect(pathLossDb(1000, 2, 868e6)).toBeCloseTo(32.45 + 20 * Math.log10(868), 1);
    expect(pathLossDb(10_000, 2, 868e6) - pathLossDb(1000, 2, 868e6)).toBeCloseTo(20, 9);
    expect(pathLossDb(0.1, 3, 868e6)).toBe(pathLossDb(1, 3, 868e6));
  });

  test.each(FACTORS)(
    "loses few frames at SF%d's limit, nearly none above and nearly all two decibels below",
    (factor) => {
      const limitDb = DEMODULATOR_LIMIT_DB[factor];
      expect(noiseLoss(limitDb, 255, factor)).toBeLessThan(0.25);
      expect(noiseLoss(limitDb + 1, 255, factor)).toBeLessThan(0.01);
      expect(noiseLoss(limitDb - 2.5, 255, factor)).toBeGreaterThan(0.9);
    },
  );

  test("loses more the weaker the signal and the longer the frame, and always a share", () => {
    const anySnr = fc.double({ min: -40, max: 20, noNaN: true });
    fc.assert(
      fc.property(anySnr, anySnr, fc.nat(255), fc.nat(255), fc.constantFrom(...FACTORS), (a, b, m, n, factor) => {
        const [weak, strong] = [Math.min(a, b), Math.max(a, b)];
        const [short, long] = [Math.min(m, n), Math.max(m, n)];
        const loss = noiseLoss(weak, long, factor);
        expect(loss).toBeGreaterThanOrEqual(0);
        expect(loss).toBeLessThanOrEqual(1);
        expect(noiseLoss(strong, long, factor)).toBeLessThanOrEqual(loss + 1e-9);
        expect(noiseLoss(weak, short, factor)).toBeLessThanOrEqual(loss + 1e-9);
      }),
    );
  });

  test("makes links that are weaker with distance, disturb when too weak to hear, and end", () => {
    const links = linksBetween(places(0, 100, 1500, 15_000, 60_000), { modulation, seed: 1, shadowingDb: 0 });
    const from0 = links.filter(({ a }) => a === nodeNumber(0));
    expect(from0.map(({ onlyDisturbs }) => onlyDisturbs === true)).toEqual([false, false, true]);
    const strengths = from0.map(({ rssiDbm }) => rssiDbm ?? 0);
    expect(strengths).toEqual(strengths.toSorted((a, b) => b - a));
    expect(links.some(({ b }) => b === nodeNumber(4))).toBe(false);
  });

  test("gives two radios the same shadow whoever else is there, and another at another seed", () => {
    const [a, b, c] = places(0, 500, 900);
    const few = linksBetween([a!, b!], { modulation, seed: 1 });
    const many = linksBetween([c!, b!, a!], { modulation, seed: 1 });
    const pair = many.find((link) => link.a !== c!.number && link.b !== c!.number);
    expect(pair?.rssiDbm).toBeCloseTo(few[0]?.rssiDbm ?? 0, 9);
    expect(linksBetween([a!, b!], { modulation, seed: 2 })[0]?.rssiDbm).not.toBe(few[0]?.rssiDbm);
  });

  test("draws a normal distribution", () => {
    const random = seededRandom("normal");
    const draws = Array.from({ length: 20_000 }, () => normal(random));
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    const variance = draws.reduce((sum, x) => sum + x * x, 0) / draws.length;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });

  test("draws by words what is drawn by bytes", () => {
    const [words, bytes] = [seededRandom("same"), seededRandom("same")];
    for (let i = 0; i < 100; i++) expect(uniform(words)).toBe(chance(bytes));
  });
});
