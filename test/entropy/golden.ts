/** NIST's figures, and how far an assessment is from them. @module */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { EntropyAssessment, EntropyFigures } from "../../src/kernel/entropy.ts";
import { SOURCES } from "./sources.ts";

/** As the program prints them; what it does not print is left out. */
export interface Golden {
  readonly sha256: string;
  readonly literal: Readonly<Record<string, number>>;
  readonly bitstring?: Readonly<Record<string, number>>;
  readonly hOriginal: number;
  readonly hBitstring?: number;
  readonly assessed: number;
}

export interface GoldenFile {
  readonly name: string;
  readonly bits: number;
  readonly count: number;
  readonly figures: Golden;
  /** @throws when they are not those that the figures belong to */
  readonly samples: () => Uint8Array;
}

export function goldenFiles(): readonly GoldenFile[] {
  const page: { files: Record<string, { sizes: Record<string, Golden> }> } = JSON.parse(
    readFileSync(new URL("../vectors/entropy/nist.json", import.meta.url), "utf8"),
  );
  return Object.entries(page.files).flatMap(([name, { sizes }]) =>
    Object.entries(sizes).map(([size, figures]) => {
      const { bits, make } = SOURCES[name]!;
      const samples = (): Uint8Array => {
        const made = make(Number(size));
        if (createHash("sha256").update(made).digest("hex") === figures.sha256) return made;
        throw new Error(`${name}: these are other samples`);
      };
      return { name, bits, count: Number(size), figures, samples };
    }),
  );
}

/** The largest difference; infinite where only one of the two has a figure. */
export function worstDifference(
  ours: EntropyAssessment,
  golden: Golden,
): { readonly difference: number; readonly figure: string } {
  const all = [
    ...differences("literal", ours.literal, golden.literal),
    ...differences("bitstring", ours.bitstring ?? undefined, golden.bitstring ?? {}),
    { figure: "hOriginal", difference: distance(ours.hOriginal, golden.hOriginal) },
    { figure: "hBitstring", difference: distance(ours.hBitstring, golden.hBitstring) },
    { figure: "assessed", difference: distance(ours.assessed, golden.assessed) },
  ];
  return all.reduce((worst, one) => (one.difference > worst.difference ? one : worst));
}

function differences(view: string, ours: EntropyFigures | undefined, golden: Readonly<Record<string, number>>) {
  const known = new Map<string, number | null>(Object.entries(ours ?? {}));
  return [...new Set([...known.keys(), ...Object.keys(golden)])].map((name) => ({
    figure: `${view} ${name}`,
    difference: distance(known.get(name), golden[name]),
  }));
}

function distance(a: number | null | undefined, b: number | undefined): number {
  const both = typeof a === "number" && typeof b === "number";
  if (both) return Number.isNaN(a) ? Infinity : Math.abs(a - b);
  return (a ?? undefined) === b ? 0 : Infinity;
}
