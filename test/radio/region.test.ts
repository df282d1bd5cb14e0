/** Duty cycles by region. @module */
import { expect, test } from "vitest";
import { regionNamed, regionNames } from "../../src/radio/region.ts";

test("knows the law of the regions", () => {
  const dutyCycle = (name: string): number => regionNamed(name).dutyCycle;
  expect(["US", "EU_868", "EU_433", "TH", "UA_868", "UA_433", "EU_866"].map(dutyCycle)).toEqual([
    1, 0.1, 0.1, 0.1, 0.01, 0.1, 0.025,
  ]);
  expect(regionNamed("EU_868")).toEqual({ name: "EU_868", dutyCycle: 0.1, known: true });
});

test("every region has a ratio above 0 and at most 1, and is named once", () => {
  const names = regionNames();
  expect(new Set(names).size).toBe(names.length);
  expect(names.length).toBe(28);
  for (const name of names) {
    const { dutyCycle, known } = regionNamed(name);
    expect(known).toBe(true);
    expect(dutyCycle).toBeGreaterThan(0);
    expect(dutyCycle).toBeLessThanOrEqual(1);
  }
});

test("takes the strict rule for a region that is unset or that it does not know, and says so", () => {
  expect(regionNamed(undefined)).toEqual({ name: "UNSET", dutyCycle: 0.1, known: false });
  for (const name of ["UNSET", "MOON", "constructor", ""]) {
    expect(regionNamed(name)).toEqual({ name, dutyCycle: 0.1, known: false });
  }
});
