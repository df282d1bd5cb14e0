/**
 * What `config.txt` orders of the firmware, as far as a node cares. A section `[pi4]` and the like counts for that model
 * alone; `[all]` ends it. Source: raspberrypi.com/documentation/computers/config_txt.html.
 * @module
 */

export interface BootConfig {
  /** Names of overlays with their parameters: `tpm-slb9670`, `w1-gpio,gpiopin=4`; `dtoverlay=` alone ends one, and counts for nothing. */
  readonly overlays: readonly string[];
  /** Of `dtparam=`: the last of a name counts. */
  readonly params: ReadonlyMap<string, string>;
}

/** Filters that let a Pi 5 through; `[EDID=…]`, `[0x…]`, `[gpio…]` and others are taken as not ours. */
const OURS: ReadonlySet<string> = new Set(["all", "pi5", "cm5", "pi500"]);

export function parseBootConfig(text: string): BootConfig {
  const overlays: string[] = [];
  const params = new Map<string, string>();
  let counts = true;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.replace(/#.*$/, "").trim();
    const section = /^\[([^\]]*)\]$/.exec(line)?.[1];
    if (section !== undefined) counts = OURS.has(section.trim().toLowerCase());
    if (!counts) continue;
    const [, key, value = ""] = /^(dtoverlay|dtparam)=(.*)$/.exec(line) ?? [];
    if (key === "dtoverlay" && value !== "") overlays.push(value.trim());
    if (key === "dtparam") for (const [name, set] of paramsOf(value)) params.set(name, set);
  }
  return { overlays, params };
}

/** `spi=on,i2c_arm=on`; a name alone stands for on. */
function paramsOf(value: string): readonly (readonly [string, string])[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .map((part) => {
      const [name = "", set = "on"] = part.split("=");
      return [name, set] as const;
    });
}

export function isOn(value: string | undefined): boolean {
  return value !== undefined && ["on", "1", "true", "yes"].includes(value);
}
