/** What a story is: a village, what its people do, and what befalls them. Small objects; `story-play.ts` plays them. @module */
import type { PresetName } from "../radio/airtime.ts";
import type { RadioFirmware } from "./radio-firmware.ts";
import type { Habit } from "./stranger.ts";
import type { TerrainName } from "./terrain.ts";

/**
 * What befalls a house, or the village. Moments and victims are drawn from the seed, unless they are given.
 *
 * `crash`: the machine loses power; what was not synced is gone. `radio-reboot`: the radio restarts, its queue lost.
 * `partition`: some of the village do not hear the others. `burst`: for half a minute and again a house hears next to nothing.
 * `garbled`, `twice`, `late`: a tenth of the packets reach one house with a wrong byte, twice, or after later ones.
 * `clock-jump`: the wall clock of a house moves by up to a day. `disk-full`: nothing more can be stored there.
 * `duty-cycle`: other traffic has used up the law's hour of a house's radio, which then refuses to send; where there is a law.
 * `backup`: a machine comes back with its disk as it was earlier: its log may fork.
 */
export const TROUBLE_KINDS = [
  "crash",
  "radio-reboot",
  "partition",
  "burst",
  "garbled",
  "twice",
  "late",
  "clock-jump",
  "disk-full",
  "duty-cycle",
  "backup",
] as const;

export type TroubleKind = (typeof TROUBLE_KINDS)[number];

export interface Trouble {
  readonly kind: TroubleKind;
  /** How often, in the whole story. */
  readonly times: number;
  /** How long it lasts. */
  readonly minutes: number;
  /** When, in minutes from the beginning; drawn when left out. */
  readonly at?: number;
  /** Whom it befalls, as a house's index; drawn when left out. */
  readonly house?: number;
}

export interface Story {
  readonly name: string;
  /** One sentence. */
  readonly about: string;
  readonly houses: number;
  readonly terrain: TerrainName;
  readonly preset: PresetName;
  /** Meshtastic's name: its law holds. */
  readonly region: string;
  /** Relays, 0 … 7. */
  readonly hopLimit: number;
  /** Our part of the law's time on air, 0 … 1. */
  readonly share: number;
  readonly lossRatio: number;
  /** In this time people do what they do, and troubles come. */
  readonly minutes: number;
  /** After it, all must be well again within so many hours. */
  readonly patienceHours: number;
  /** Files that people put, and how large they are. */
  readonly puts: number;
  readonly fileBytes: { readonly least: number; readonly most: number };
  /** Files that people want from others. */
  readonly gets: number;
  /** Alerts that people send; each must come to every house. */
  readonly alerts: number;
  /** True: at the beginning everybody knows everybody's log. */
  readonly inStep: boolean;
  /** Houses, the last ones, that begin their life in the middle of the story, with an empty store. */
  readonly newcomers: number;
  /** Of the houses' radios; with `both` every other one has the newer. */
  readonly firmware: RadioFirmware | "both";
  /** How far the machines' clocks run apart, at most, in parts per million. */
  readonly skewPpm: number;
  /** In `two-villages`: how long the last house stays in each of them. */
  readonly stayMinutes: number;
  /** In `two-villages`: the last house fetches unasked what it hears of, and people want files of the other village, too. */
  readonly carries: boolean;
  readonly troubles: readonly Trouble[];
  /** Radios of ill will, one for each habit, all through the story; with `staying` beyond it, too. */
  readonly strangers: readonly Habit[];
  readonly staying: boolean;
}

export const PLAIN: Omit<Story, "name" | "about"> = {
  houses: 6,
  terrain: "cell",
  preset: "LongFast",
  region: "US",
  hopLimit: 0,
  share: 0.5,
  lossRatio: 0.1,
  minutes: 120,
  patienceHours: 12,
  puts: 8,
  fileBytes: { least: 40, most: 900 },
  gets: 6,
  alerts: 1,
  inStep: true,
  newcomers: 0,
  firmware: "2.7",
  skewPpm: 50,
  stayMinutes: 60,
  carries: false,
  troubles: [],
  strangers: [],
  staying: false,
};
