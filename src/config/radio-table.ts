/** The configuration's table `[radio]`, with Meshtastic's names of presets and regions. @module */
import { z } from "zod";
import { deviceUri, parseModem } from "./devices.ts";
import { field } from "./field.ts";

/** Meshtastic's names of modem presets. */
export const PRESET_NAMES = [
  "ShortTurbo",
  "ShortFast",
  "ShortSlow",
  "MediumFast",
  "MediumSlow",
  "LongTurbo",
  "LongFast",
  "LongModerate",
  "LongSlow",
  "VeryLongSlow",
  "LiteFast",
  "LiteSlow",
  "NarrowFast",
  "NarrowSlow",
  "MediumTurbo",
  "TinyFast",
  "TinySlow",
] as const;

/** Meshtastic's names of regions. */
export const REGION_NAMES = [
  ..."US EU_433 EU_868 EU_866 EU_N_868 CN JP ANZ ANZ_433 KR TW RU IN NZ_865 TH LORA_24 UA_433 UA_868 MY_433 MY_919".split(
    " ",
  ),
  ..."SG_923 PH_433 PH_868 PH_915 KZ_433 KZ_863 NP_865 BR_902".split(" "),
  ..."ITU1_2M ITU2_2M ITU3_2M ITU2_125CM ITU1_70CM ITU2_70CM ITU3_70CM".split(" "),
] as const;

export const radio = z.strictObject({
  modem: field(deviceUri(parseModem).prefault("auto"), {
    description:
      "Where the Meshtastic radio is; `auto` takes a radio on a known USB id, and when there is none starts the simulated village.",
    expects: "auto, serial:///dev/…?baud=115200, tcp://host:port or sim:",
    example: '"serial:///dev/ttyACM0"',
    unit: "device URI",
  }),
  preset: field(z.enum(["auto", ...PRESET_NAMES]).default("auto"), {
    description:
      "The modem preset that time on air is computed by; `auto` asks the radio, and takes LongFast until it says.",
    expects: `auto, or Meshtastic's name of a preset (${PRESET_NAMES.join(", ")})`,
    example: '"LongFast"',
  }),
  region: field(z.enum(["auto", ...REGION_NAMES]).default("auto"), {
    description:
      "The region whose law limits time on air; `auto` asks the radio, and takes 10 % of the hour until it says.",
    expects: `auto, or Meshtastic's name of a region (${REGION_NAMES.join(", ")})`,
    example: '"US"',
  }),
  hop_limit: field(z.int().min(0).max(7).default(3), {
    description: "How many relays may pass our packets on.",
    expects: "a whole number from 0 to 7",
    example: "3",
    unit: "relays, 0–7",
  }),
  duty_share: field(z.number().gt(0).max(1).default(0.5), {
    description:
      "The part of the law's time on air that Caye may use; the rest stays free for relaying, and for the people who chat over the same radio. What the radio itself reports to have sent for others is never used a second time.",
    expects: "a ratio above 0 and at most 1",
    example: "0.5",
    unit: "ratio, 0 < share ≤ 1",
  }),
  channel: field(z.int().min(0).max(7).default(0), {
    description: "The radio's channel that Caye speaks on; neighbours must share that channel's key.",
    expects: "a whole number from 0 to 7",
    example: "0",
    unit: "channel index, 0–7",
  }),
});
