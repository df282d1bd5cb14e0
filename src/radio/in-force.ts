/**
 * What the radio is reckoned with: the configuration's word, else the radio's, else the careful assumption.
 * @module
 */
import type { ModemState, RadioSettings } from "../ports/modem.ts";
import { modulationOf, presetNamed, signsBroadcasts, type LoraModulation, type PresetName } from "./airtime.ts";
import { dwellOf, isWide, presetInRegion, regionNamed } from "./region.ts";
import type { DwellRule, Ratio } from "./regions.ts";

/** What the configuration says of the radio; `auto` leaves it to the radio. */
export interface RadioWishes {
  readonly preset: string;
  readonly region: string;
  /** Relays, 0 … 7. */
  readonly hopLimit: number;
  /** Our part of the law's time on air. */
  readonly share: Ratio;
}

export interface RadioInForce {
  /** The one that the radio really uses: where the named one does not fit the region, the region's own. */
  readonly preset: PresetName;
  readonly modulation: LoraModulation;
  /** Meshtastic's name, or `UNSET`. */
  readonly region: string;
  /** True while neither the configuration nor the radio has named a region: the strictest law is kept. */
  readonly regionAssumed: boolean;
  readonly dutyCycle: Ratio;
  readonly share: Ratio;
  readonly hopLimit: number;
  /** True when the firmware adds its own signature to short broadcasts. */
  readonly radioSigns: boolean;
  /** Undefined when the region has none for this preset. */
  readonly dwell: DwellRule | undefined;
  /** What the radio itself is set to, where the configuration names another region or preset: the law is then kept of the wrong one. */
  readonly otherwise: { readonly region: string; readonly preset: string } | undefined;
  /** No packet may take longer on air; undefined when the law names no limit. */
  readonly maxPacketUs: number | undefined;
}

/** Meshtastic's default, and ours until the radio says what it is set to. */
const DEFAULT_PRESET: PresetName = "LongFast";

export function radioInForce(wishes: RadioWishes, state: ModemState): RadioInForce {
  const said = state.kind === "ready" ? state.settings : undefined;
  const presetName = wishes.preset === "auto" ? said?.preset : wishes.preset;
  const wished = (presetName === undefined ? undefined : presetNamed(presetName)) ?? DEFAULT_PRESET;
  const region = regionNamed(wishes.region === "auto" ? said?.region : wishes.region);
  const preset = presetInRegion(wished, region.name);
  const dwell = dwellOf(region.name, preset);
  return {
    preset,
    modulation: modulationOf(preset, isWide(region.name)),
    region: region.name,
    regionAssumed: !region.known,
    dutyCycle: region.dutyCycle,
    share: wishes.share,
    hopLimit: wishes.hopLimit,
    radioSigns: signsBroadcasts(said?.firmware),
    dwell,
    otherwise: otherwise(wishes, said, region.name, preset),
    maxPacketUs: dwell?.kind === "packet" ? 1000 * dwell.limitMs : undefined,
  };
}

/** A radio that does not say, as some firmware does not, is not contradicted. */
function otherwise(
  wishes: RadioWishes,
  said: RadioSettings | undefined,
  region: string,
  preset: PresetName,
): RadioInForce["otherwise"] {
  const there = said?.region ?? region;
  const known = said?.preset === undefined ? undefined : presetNamed(said.preset);
  const used = known === undefined ? (said?.preset ?? preset) : presetInRegion(known, there);
  const isOther = (wishes.region !== "auto" && there !== region) || (wishes.preset !== "auto" && used !== preset);
  return isOther ? { region: there, preset: used } : undefined;
}
