/**
 * Meshtastic's regions: frequencies in kHz, duty cycle as a ratio of any hour, power in dBm, presets that fit.
 *
 * Source: the table `regions` and the profiles of the Meshtastic firmware (`src/mesh/RadioInterface.cpp`, 2.8.0 at
 * 77540685), which name the law of each; `UA_868` from 2.7, because 2.8 gave it up for `EU_868`. `docs/airtime.md`
 * shows the same table to people, with what we know of dwell times.
 * @module
 */
import type { PresetName } from "./airtime.ts";

/** 0 … 1. */
export type Ratio = number;

/** A limit on the length of one packet, or of one stay on a frequency. */
export interface DwellRule {
  readonly limitMs: number;
  /**
   * `packet`: no packet may be longer, whatever its bandwidth; we keep it. `hopping`: the limit is for systems that hop or
   * that are narrower than `exemptFromHz`; the firmware does not hop and keeps no such limit, so we only say so.
   */
  readonly kind: "packet" | "hopping";
  /** Modulation this wide or wider is under another rule, without a dwell time. */
  readonly exemptFromHz?: number;
  readonly source: string;
}

export interface RegionRow {
  readonly fromKHz: number;
  readonly toKHz: number;
  /** Transmitting time in any rolling hour, at most; 1: the firmware sets no limit. */
  readonly dutyCycle: Ratio;
  /** What the firmware lets an unlicensed owner set. */
  readonly maxPowerDbm: number;
  /** What the firmware takes when it is set to a preset that does not fit. */
  readonly defaultPreset: PresetName;
  readonly presets: readonly PresetName[];
  /** True at 2.4 GHz, where each preset is wider and its preamble shorter. */
  readonly wide: boolean;
  /** True where only licensed radio amateurs may transmit, and nothing encrypted. */
  readonly licensedOnly: boolean;
  readonly dwell?: DwellRule;
  /** The law that the firmware, or we, have the figures from. */
  readonly law: string;
}

const NARROWER: readonly PresetName[] = [
  "LongFast",
  "LongSlow",
  "MediumSlow",
  "MediumFast",
  "ShortSlow",
  "ShortFast",
  "LongModerate",
];
const STANDARD: readonly PresetName[] = [...NARROWER, "ShortTurbo", "LongTurbo", "MediumTurbo"];
const LITE: readonly PresetName[] = ["LiteFast", "LiteSlow"];
const NARROW: readonly PresetName[] = ["NarrowFast", "NarrowSlow"];
const TINY: readonly PresetName[] = ["TinyFast", "TinySlow"];

/** 47 CFR 15.247: hopping and hybrid systems (a)(1)(i) and (f); (a)(2) digital modulation of 500 kHz and more has no dwell time. */
const FCC_DWELL: DwellRule = {
  limitMs: 400,
  kind: "hopping",
  exemptFromHz: 500_000,
  source: "47 CFR 15.247(a)(1)(i), (a)(2), (f)",
};
const ARIB_DWELL: DwellRule = { limitMs: 4_000, kind: "packet", source: "ARIB STD-T108 (carrier sense of 5 ms)" };

const EN_300_220 = "ETSI EN 300 220-2";
const PHILIPPINES = "NTC, as in meshtastic/firmware#4948";
const KAZAKHSTAN = "as in meshtastic/firmware#7204";
const LORA_ALLIANCE = "LoRa Alliance, Regional Parameters 1.0.3";
const IARU = "amateur service, IARU band plan";

export const REGIONS: Readonly<Record<string, RegionRow>> = {
  US: row(902_000, 928_000, 1, 30, "47 CFR 15.247", { dwell: FCC_DWELL }),
  EU_433: row(433_000, 434_000, 0.1, 10, `${EN_300_220}, table B.1, H`),
  EU_868: row(869_400, 869_650, 0.1, 27, `${EN_300_220}, table B.1, P`, { presets: NARROWER }),
  // Routers, as fixed network access points, may take 10 %; we can't know that this is one.
  EU_866: row(865_600, 867_600, 0.025, 27, "2006/771/EC, band 46b", { presets: LITE }),
  EU_N_868: row(869_400, 869_650, 0.1, 27, `${EN_300_220}, table B.1, P`, { presets: NARROW, first: "NarrowSlow" }),
  CN: row(470_000, 510_000, 1, 19, LORA_ALLIANCE),
  JP: row(920_500, 923_500, 1, 13, "ARIB STD-T108", { dwell: ARIB_DWELL }),
  ANZ: row(915_000, 928_000, 1, 30, "ACMA LIPD class licence; NZ general user licence"),
  ANZ_433: row(433_050, 434_790, 1, 14, "ACMA LIPD class licence; NZ Gazette 2022-go3100"),
  KR: row(920_000, 923_000, 1, 23, "LoRa Alliance, RP002-1.0.4"),
  TW: row(920_000, 925_000, 1, 27, "NCC, Low-power Radio-frequency Devices, 5.8.1"),
  RU: row(868_700, 869_200, 1, 20, "GKRCh 18-46-03-1 (listen before talk)"),
  IN: row(865_000, 867_000, 1, 30, LORA_ALLIANCE),
  NZ_865: row(864_000, 868_000, 1, 36, "RSM general user licence 219752"),
  TH: row(920_000, 925_000, 0.1, 27, "NBTC 1033-2565"),
  LORA_24: row(2_400_000, 2_483_500, 1, 10, "none named", { wide: true }),
  UA_433: row(433_000, 434_700, 0.1, 10, "262-2026 (zakon.rada.gov.ua)"),
  UA_868: row(868_000, 868_600, 0.01, 14, "NKRZI, 2016-01-19; firmware 2.7"),
  MY_433: row(433_000, 435_000, 1, 20, "MCMC, Short Range Devices"),
  // 923 to 924 MHz: 1 % or hopping. The firmware takes the band as a whole and without limit.
  MY_919: row(919_000, 924_000, 1, 27, "MCMC, Short Range Devices"),
  SG_923: row(917_000, 925_000, 1, 20, "IMDA TS SRD, band 30d"),
  PH_433: row(433_000, 434_700, 1, 10, PHILIPPINES),
  PH_868: row(868_000, 869_400, 1, 14, PHILIPPINES),
  PH_915: row(915_000, 918_000, 1, 24, PHILIPPINES),
  KZ_433: row(433_075, 434_775, 1, 10, KAZAKHSTAN),
  KZ_863: row(863_000, 868_000, 1, 30, KAZAKHSTAN),
  NP_865: row(865_000, 868_000, 1, 30, "NTA, Radio Frequency Policy 2080"),
  BR_902: row(902_000, 907_500, 1, 30, "as in meshtastic/firmware#3741"),
  ITU1_2M: amateur(144_000, 146_000, TINY, "TinyFast"),
  ITU2_2M: amateur(144_000, 148_000, TINY, "TinyFast"),
  ITU3_2M: amateur(144_000, 148_000, TINY, "TinyFast"),
  ITU2_125CM: amateur(220_000, 225_000, NARROW, "NarrowSlow"),
  ITU1_70CM: amateur(430_000, 440_000, NARROW, "NarrowSlow"),
  ITU2_70CM: amateur(420_000, 450_000, NARROW, "NarrowSlow"),
  ITU3_70CM: amateur(430_000, 450_000, NARROW, "NarrowSlow"),
};

interface RowChanges {
  readonly presets?: readonly PresetName[];
  readonly first?: PresetName;
  readonly wide?: boolean;
  readonly dwell?: DwellRule;
}

function row(
  fromKHz: number,
  toKHz: number,
  dutyCycle: Ratio,
  maxPowerDbm: number,
  law: string,
  { presets = STANDARD, first, wide = false, dwell }: RowChanges = {},
): RegionRow {
  const defaultPreset = first ?? presets[0] ?? "LongFast";
  const limits = { fromKHz, toKHz, dutyCycle, maxPowerDbm, law, presets, defaultPreset, wide, licensedOnly: false };
  return Object.freeze(dwell === undefined ? limits : { ...limits, dwell });
}

function amateur(fromKHz: number, toKHz: number, presets: readonly PresetName[], first: PresetName): RegionRow {
  return Object.freeze({ ...row(fromKHz, toKHz, 1, 30, IARU, { presets, first }), licensedOnly: true });
}
