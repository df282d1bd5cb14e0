/**
 * What part of an hour each of Meshtastic's regions lets a station transmit.
 *
 * Source: the regions table of the Meshtastic firmware (`src/mesh/RadioInterface.cpp`, 2.8), which names the law of each.
 * A ratio of 1 means that the firmware sets no limit there; the share of the channel in the configuration still holds.
 * @module
 */

/** 0 … 1. */
export type Ratio = number;

export interface RegionRule {
  /** Meshtastic's name, or `UNSET` when the radio has, or told, none that we know. */
  readonly name: string;
  /** Transmitting time in any rolling hour, at most. */
  readonly dutyCycle: Ratio;
  /** False for a region that is unset or not in the table: the strictest common rule is then taken, and said so. */
  readonly known: boolean;
}

/** Regions whose limit is below the whole hour. */
const LIMITED: Readonly<Record<string, Ratio>> = {
  /** ETSI EN 300 220-2, 433.05 – 434.79 MHz. */
  EU_433: 0.1,
  /** ETSI EN 300 220-2, 869.40 – 869.65 MHz. */
  EU_868: 0.1,
  EU_N_868: 0.1,
  /** 2006/771/EC, band 46b: 2.5 %; fixed network access points may take 10 %, but we can't know that this is one. */
  EU_866: 0.025,
  /** NBTC, 920 – 925 MHz. */
  TH: 0.1,
  UA_433: 0.1,
  UA_868: 0.01,
};

/** Regions in which the firmware sets no limit. */
const UNLIMITED: readonly string[] = [
  "US",
  "CN",
  "JP",
  "ANZ",
  "ANZ_433",
  "RU",
  "KR",
  "TW",
  "IN",
  "NZ_865",
  "MY_433",
  "MY_919",
  "SG_923",
  "PH_433",
  "PH_868",
  "PH_915",
  "KZ_433",
  "KZ_863",
  "NP_865",
  "BR_902",
  "LORA_24",
];

/** EU_868's: below the limit of nearly every region. */
const UNKNOWN_DUTY_CYCLE: Ratio = 0.1;

/** @param name as the radio says it; undefined when it did not */
export function regionNamed(name: string | undefined): RegionRule {
  if (name !== undefined && Object.hasOwn(LIMITED, name)) {
    return { name, dutyCycle: LIMITED[name] ?? UNKNOWN_DUTY_CYCLE, known: true };
  }
  if (name !== undefined && UNLIMITED.includes(name)) return { name, dutyCycle: 1, known: true };
  return { name: name ?? "UNSET", dutyCycle: UNKNOWN_DUTY_CYCLE, known: false };
}

/** The names that {@link regionNamed} knows. */
export function regionNames(): readonly string[] {
  return [...Object.keys(LIMITED), ...UNLIMITED].toSorted();
}
