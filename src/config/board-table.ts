/** The configuration's table `[board]`: what is wired to the node. @module */
import { z } from "zod";
import { deviceUri } from "./devices.ts";
import { field } from "./field.ts";
import { parseGpio } from "./gpio-address.ts";

const SEVERITIES = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"] as const;
const URGENCIES = ["Immediate", "Expected", "Future", "Past", "Unknown"] as const;

function wire(description: string, example: string) {
  return field(deviceUri(parseGpio).prefault(""), {
    description,
    expects:
      "empty, or gpio:LABEL/LINE by the chip's label and the line's name, with ?active=low and bias=pull-up behind it",
    example: `"${example}"`,
    unit: "device URI",
  });
}

function choice<T extends readonly [string, ...string[]]>(names: T, initial: NoInfer<T[number]>[], what: string) {
  const type = z
    .array(z.enum(names))
    .max(names.length)
    .refine((list) => new Set(list).size === list.length)
    .default(initial);
  return field(type, {
    description: `The siren sounds for alerts of these ${what} alone.`,
    expects: `a list of ${names.join(", ")}, each at most once`,
    example: `["${names[0]}"]`,
  });
}

export const board = z.strictObject({
  status_led: wire(
    "The lamp that tells the node's state by its blinking (docs/board.md); empty: none is wired.",
    "gpio:pinctrl-rp1/GPIO17",
  ),
  siren: wire("The relay of the siren that sounds for alerts; empty: none.", "gpio:pinctrl-rp1/GPIO27"),
  siren_severities: choice(SEVERITIES, ["Extreme", "Severe"], "severities"),
  siren_urgencies: choice(URGENCIES, ["Immediate", "Expected"], "urgencies"),
  siren_seconds: field(z.int().min(1).max(3_600).default(120), {
    description: "How long the siren sounds for one alert, unless somebody acknowledges it before.",
    expects: "a whole number from 1 to 3600",
    example: "60",
    unit: "s, 1–3600",
  }),
  tamper: wire(
    "The contact that is active while the case is open; empty: none.",
    "gpio:pinctrl-rp1/GPIO22?bias=pull-up",
  ),
  tamper_alert: field(z.enum(["off", "on"]).default("off"), {
    description: "Whether the node sends an alert to the village when its case is opened.",
    expects: "off or on",
    example: '"on"',
  }),
  radio_reset: wire(
    "The line that resets the radio while it is active; empty: none.",
    "gpio:pinctrl-rp1/GPIO23?active=low",
  ),
  radio_reset_minutes: field(z.int().min(1).max(1_440).default(15), {
    description:
      "After so long without a word from the radio it is reset; when that does not help again after twice as long, and so on, six times at most.",
    expects: "a whole number from 1 to 1440",
    example: "30",
    unit: "min, 1–1440",
  }),
  power_fail: wire(
    "The line that is active while the supply fails: the agent then puts everything on the disk and stops; empty: none.",
    "gpio:pinctrl-rp1/GPIO24?active=low&bias=pull-up",
  ),
  power_fail_ms: field(z.int().min(0).max(10_000).default(200), {
    description: "For so long the supply must have been gone before the agent stops.",
    expects: "a whole number from 0 to 10000",
    example: "1000",
    unit: "ms, 0–10000",
  }),
  power_done: wire(
    "The line that is made active once everything is on the disk after the supply failed; empty: none.",
    "gpio:pinctrl-rp1/GPIO25",
  ),
});
