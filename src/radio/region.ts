/**
 * The law of a region by its name: duty cycle, dwell time, presets that fit.
 *
 * A ratio of 1 means that the firmware sets no limit there; the share of the channel in the configuration still holds.
 * @module
 */
import { PRESETS, type PresetName } from "./airtime.ts";
import { REGIONS, type DwellRule, type Ratio, type RegionRow } from "./regions.ts";

export type { Ratio } from "./regions.ts";

export interface RegionRule {
  /** Meshtastic's name, or `UNSET` when the radio has, or told, none. */
  readonly name: string;
  /** Transmitting time in any rolling hour, at most. */
  readonly dutyCycle: Ratio;
  /** False for a region that is unset or not in the table: a strict rule is then taken, and said so. */
  readonly known: boolean;
}

/** EU_868's: below the limit of nearly every region. A radio whose region is unset keeps silent anyway. */
const UNSET_DUTY_CYCLE: Ratio = 0.1;
/** A region that is set, but newer than our table: the strictest that any has. */
const UNKNOWN_DUTY_CYCLE: Ratio = 0.01;

/** @param name as the radio says it; undefined when it did not */
export function regionNamed(name: string | undefined): RegionRule {
  const row = rowNamed(name);
  if (name !== undefined && row !== undefined) return { name, dutyCycle: row.dutyCycle, known: true };
  if (name === undefined || name === "UNSET") return { name: "UNSET", dutyCycle: UNSET_DUTY_CYCLE, known: false };
  return { name, dutyCycle: UNKNOWN_DUTY_CYCLE, known: false };
}

/** The names that {@link regionNamed} knows. */
export function regionNames(): readonly string[] {
  return Object.keys(REGIONS).toSorted();
}

/**
 * The preset that a radio in this region really uses when it is set to that one: the region's own when it does not fit
 * (500 kHz in EU_868). VeryLongSlow, which the firmware no longer has, stays: an old radio may use it, and it errs to the
 * safe side. An unknown region takes all.
 */
export function presetInRegion(preset: PresetName, region: string | undefined): PresetName {
  const row = rowNamed(region);
  if (row === undefined || preset === "VeryLongSlow" || row.presets.includes(preset)) return preset;
  return row.defaultPreset;
}

/** True at 2.4 GHz: see `modulationOf`. */
export function isWide(region: string | undefined): boolean {
  return rowNamed(region)?.wide ?? false;
}

/** The region's dwell time, if it has one that holds for the preset's bandwidth. */
export function dwellOf(region: string | undefined, preset: PresetName): DwellRule | undefined {
  const dwell = rowNamed(region)?.dwell;
  const exempt = dwell?.exemptFromHz !== undefined && PRESETS[preset].bandwidthHz >= dwell.exemptFromHz;
  return exempt ? undefined : dwell;
}

function rowNamed(name: string | undefined): RegionRow | undefined {
  return name !== undefined && Object.hasOwn(REGIONS, name) ? REGIONS[name] : undefined;
}
