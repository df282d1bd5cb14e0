/** The law of the regions, in the code and in its document. @module */
import { readFileSync } from "node:fs";
import { Config } from "@meshtastic/protobufs";
import { expect, test } from "vitest";
import { modulationOf, payloadAirtimeUs, PRESETS, presetNames, type PresetName } from "../../src/radio/airtime.ts";
import { dwellOf, isWide, presetInRegion, regionNamed, regionNames } from "../../src/radio/region.ts";
import { REGIONS } from "../../src/radio/regions.ts";

const PAGE = readFileSync(new URL("../../docs/airtime.md", import.meta.url), "utf8");

/** Rows of the page's tables, as cells without code marks, by their first cell. */
const ROWS = new Map(
  PAGE.split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.replaceAll("`", "").trim()),
    )
    .map((cells) => [cells[0], cells.slice(1)]),
);

test("knows the law of the regions", () => {
  const dutyCycle = (name: string): number => regionNamed(name).dutyCycle;
  expect(["US", "EU_868", "EU_433", "TH", "UA_868", "UA_433", "EU_866", "EU_N_868"].map(dutyCycle)).toEqual([
    1, 0.1, 0.1, 0.1, 0.01, 0.1, 0.025, 0.1,
  ]);
  expect(regionNamed("EU_868")).toEqual({ name: "EU_868", dutyCycle: 0.1, known: true });
});

test("knows every region that the protobufs name", () => {
  const named = Object.values(Config.Config_LoRaConfig_RegionCode).filter((name) => typeof name === "string");
  expect(named.length).toBeGreaterThan(20);
  for (const name of named) expect(regionNamed(name).known, name).toBe(name !== "UNSET");
});

test("every region has a band, a ratio above 0 and at most 1, and presets that fit into it", () => {
  expect(regionNames()).toHaveLength(35);
  for (const [name, region] of Object.entries(REGIONS)) {
    expect(region.dutyCycle, name).toBeGreaterThan(0);
    expect(region.dutyCycle, name).toBeLessThanOrEqual(1);
    expect(region.presets, name).toContain(region.defaultPreset);
    for (const preset of region.presets) {
      const { bandwidthHz } = modulationOf(preset, region.wide);
      expect(bandwidthHz, `${name}, ${preset}`).toBeLessThanOrEqual(1000 * (region.toKHz - region.fromKHz));
    }
  }
});

test("takes a strict rule for a region that is unset, the strictest for one that it does not know, and says so", () => {
  for (const name of [undefined, "UNSET"]) {
    expect(regionNamed(name)).toEqual({ name: "UNSET", dutyCycle: 0.1, known: false });
  }
  for (const name of ["MOON", "constructor", "__proto__", ""]) {
    expect(regionNamed(name)).toEqual({ name, dutyCycle: 0.01, known: false });
    expect([isWide(name), dwellOf(name, "LongFast"), presetInRegion("ShortTurbo", name)]).toEqual([
      false,
      undefined,
      "ShortTurbo",
    ]);
  }
  const strictest = Math.min(...Object.values(REGIONS).map(({ dutyCycle }) => dutyCycle));
  expect(regionNamed("MOON").dutyCycle).toBe(strictest);
});

test("a preset that does not fit becomes the region's own, as in the firmware", () => {
  const used = (preset: PresetName, region: string): PresetName => presetInRegion(preset, region);
  expect(used("ShortTurbo", "EU_868")).toBe("LongFast");
  expect(used("LongTurbo", "EU_868")).toBe("LongFast");
  expect(used("ShortTurbo", "US")).toBe("ShortTurbo");
  expect(used("LongFast", "EU_866")).toBe("LiteFast");
  expect(used("LongFast", "EU_N_868")).toBe("NarrowSlow");
  expect(used("VeryLongSlow", "EU_868")).toBe("VeryLongSlow");
});

test("the dwell time of US holds for all that is narrower than 500 kHz, that of JP for every packet", () => {
  expect(dwellOf("US", "LongFast")).toMatchObject({ limitMs: 400, kind: "hopping" });
  for (const preset of ["ShortTurbo", "MediumTurbo", "LongTurbo"] as const)
    expect(dwellOf("US", preset)).toBeUndefined();
  expect(dwellOf("JP", "LongTurbo")).toMatchObject({ limitMs: 4_000, kind: "packet" });
  expect(dwellOf("EU_868", "LongFast")).toBeUndefined();
});

test("the page on airtime prints the regions as they are here, no more and no fewer", () => {
  for (const [name, region] of Object.entries(REGIONS)) {
    const { fromKHz, toKHz, dutyCycle, maxPowerDbm, presets, defaultPreset, dwell, law } = region;
    const cells = [
      `${fromKHz / 1000}–${toKHz / 1000}`,
      dutyCycle === 1 ? "–" : `${Number((100 * dutyCycle).toFixed(3))} %`,
      String(maxPowerDbm),
      dwell === undefined ? "–" : `${dwell.limitMs} ms (${dwell.kind})`,
      presets.length > 2 ? (presets.includes("ShortTurbo") ? "standard" : "without turbo") : presets.join(", "),
      defaultPreset,
      law,
    ];
    expect(ROWS.get(name), name).toEqual(cells);
  }
  const printed = [...ROWS.keys()].filter((name) => !presetNames().some((preset) => preset === name));
  expect(new Set(printed)).toEqual(new Set(regionNames()));
});

test("the page on airtime prints every preset's modulation and times on air", () => {
  for (const name of presetNames()) {
    const { spreadingFactor, bandwidthHz, codingRate } = PRESETS[name];
    const times = [20, 100, 231].map((bytes) => Math.round(payloadAirtimeUs(bytes, PRESETS[name]) / 1000).toString());
    const wide = Math.round(payloadAirtimeUs(231, modulationOf(name, true)) / 1000).toString();
    const cells = [`${spreadingFactor}/${bandwidthHz / 1000}/4:${codingRate}`, ...times, wide];
    expect(ROWS.get(name), name).toEqual(cells);
  }
});
