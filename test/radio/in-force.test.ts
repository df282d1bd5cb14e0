/** What the radio is reckoned with: the configuration's word, else the radio's, else the careful assumption. */
import { describe, expect, test } from "vitest";
import type { ModemState, RadioSettings } from "../../src/ports/modem.ts";
import { PRESETS } from "../../src/radio/airtime.ts";
import { radioInForce, type RadioWishes } from "../../src/radio/in-force.ts";

const AUTO: RadioWishes = { preset: "auto", region: "auto", hopLimit: 3, share: 0.5 };

function ready(changes: Partial<RadioSettings> = {}): ModemState {
  const settings = { nodeNumber: 7, preset: "MediumSlow", region: "US", firmware: "2.7.26", ...changes };
  return { kind: "ready", settings };
}

const SILENT: readonly ModemState[] = [
  { kind: "connecting", attempt: 3 },
  { kind: "configuring" },
  { kind: "down", reason: "unplugged", retryInMs: 1_000 },
  ready({ preset: undefined, region: undefined, firmware: undefined }),
];

test("left open, it is what the radio says", () => {
  expect(radioInForce(AUTO, ready())).toEqual({
    preset: "MediumSlow",
    modulation: PRESETS.MediumSlow,
    region: "US",
    regionAssumed: false,
    dutyCycle: 1,
    share: 0.5,
    hopLimit: 3,
    radioSigns: false,
    dwell: expect.objectContaining({ kind: "hopping", limitMs: 400 }),
    maxPacketUs: undefined,
    otherwise: undefined,
  });
});

test("in a region that has no room for the preset, it is the region's own", () => {
  expect(radioInForce(AUTO, ready({ preset: "ShortTurbo", region: "EU_868" }))).toMatchObject({
    preset: "LongFast",
    modulation: PRESETS.LongFast,
  });
});

test("at 2.4 GHz the preset is wider", () => {
  const { preset, modulation } = radioInForce(AUTO, ready({ preset: "LongFast", region: "LORA_24" }));
  expect([preset, modulation.bandwidthHz, modulation.preambleSymbols]).toEqual(["LongFast", 812_500, 12]);
});

test("where the law limits the packet, so do we", () => {
  expect(radioInForce(AUTO, ready({ region: "JP" })).maxPacketUs).toBe(4_000_000);
});

test.each(SILENT)("while the radio is silent ($kind), it is LongFast under the strictest common law", (state) => {
  const careful = { preset: "LongFast", region: "UNSET", regionAssumed: true, dutyCycle: 0.1, radioSigns: false };
  expect(radioInForce(AUTO, state)).toMatchObject(careful);
});

test.each([
  ["US", "auto", { region: "US" }, undefined],
  ["US", "LongFast", { region: "EU_868", preset: "LongFast" }, { region: "EU_868", preset: "LongFast" }],
  ["US", "auto", { region: "UNSET" }, { region: "UNSET", preset: "MediumSlow" }],
  ["auto", "LongFast", { region: "US" }, { region: "US", preset: "MediumSlow" }],
  ["US", "LongFast", { region: undefined, preset: undefined }, undefined],
  // The region has no room for the preset, so the radio uses its own.
  ["EU_868", "LongFast", { region: "EU_868", preset: "ShortTurbo" }, undefined],
  ["US", "LongFast", { preset: "NewerThanUs" }, { region: "US", preset: "NewerThanUs" }],
])("a radio that is set otherwise than %s, %s is told of: %o", (region, preset, says, otherwise) => {
  expect(radioInForce({ ...AUTO, region, preset }, ready(says)).otherwise).toEqual(otherwise);
});

describe("the configuration's word", () => {
  const wishes = { ...AUTO, preset: "LiteSlow", region: "EU_866" };

  test.each([...SILENT, ready()])("wins over the radio's ($kind)", (state) => {
    const named = { preset: "LiteSlow", region: "EU_866", regionAssumed: false, dutyCycle: 0.025 };
    expect(radioInForce(wishes, state)).toMatchObject(named);
  });

  test("on one of the two leaves the other to the radio", () => {
    expect(radioInForce({ ...wishes, region: "auto" }, ready())).toMatchObject({ preset: "LongFast", region: "US" });
    expect(radioInForce({ ...wishes, preset: "auto" }, ready({ preset: "LiteSlow" }))).toMatchObject({
      preset: "LiteSlow",
      region: "EU_866",
    });
  });
});

test("a region that is not in the table is kept by its name, under the strictest law", () => {
  for (const region of ["MARS", "toString", "__proto__", ""]) {
    const unknown = { region, regionAssumed: true, dutyCycle: 0.01 };
    expect(radioInForce(AUTO, ready({ region })), region).toMatchObject(unknown);
  }
});

test("a preset that is not in the table counts as LongFast, in either spelling one that is", () => {
  expect(radioInForce(AUTO, ready({ preset: "HyperFast" })).preset).toBe("LongFast");
  expect(radioInForce(AUTO, ready({ preset: "SHORT_FAST" })).preset).toBe("ShortFast");
});

test("from firmware 2.8 on the radio signs, whatever the configuration wishes", () => {
  for (const [firmware, signs] of [
    ["2.7.26", false],
    ["2.8.0", true],
    ["3.0", true],
    ["unreadable", false],
  ] as const) {
    expect(radioInForce(AUTO, ready({ firmware })).radioSigns, firmware).toBe(signs);
  }
});
