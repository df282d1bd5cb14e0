/** Meshtastic's names of presets and regions, by their numbers in its messages. @module */
import { Config } from "@meshtastic/protobufs";

/** Names that firmware 2.8 has and the pinned protobufs lack: some of these regions have a stricter law than most. */
const NEWER_REGIONS: Readonly<Record<number, string>> = {
  27: "ITU1_2M",
  28: "ITU2_2M",
  29: "EU_866",
  30: "EU_874",
  31: "EU_917",
  32: "EU_N_868",
  33: "ITU3_2M",
  34: "ITU1_70CM",
  35: "ITU2_70CM",
  36: "ITU3_70CM",
  37: "ITU2_125CM",
};
const NEWER_PRESETS: Readonly<Record<number, string>> = {
  10: "LITE_FAST",
  11: "LITE_SLOW",
  12: "NARROW_FAST",
  13: "NARROW_SLOW",
  14: "TINY_FAST",
  15: "TINY_SLOW",
  16: "MEDIUM_TURBO",
};
/** `LONG_FAST` as people write it: `LongFast`. Undefined for a number that we don't know. */
export function presetName(preset: number): string | undefined {
  return (Config.Config_LoRaConfig_ModemPreset[preset] ?? NEWER_PRESETS[preset])
    ?.split("_")
    .map((word) => word.slice(0, 1) + word.slice(1).toLowerCase())
    .join("");
}

/** `EU_868`; a number that we don't know keeps a name, so that it is not taken for a region that is unset. */
export function regionName(region: number): string {
  return Config.Config_LoRaConfig_RegionCode[region] ?? NEWER_REGIONS[region] ?? `REGION_${region}`;
}
