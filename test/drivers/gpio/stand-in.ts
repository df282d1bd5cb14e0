/** libgpiod's stand-in, compiled once a run, and chips for it. @module */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GpioPlaces } from "../../../src/drivers/gpio/open.ts";
import type { LineAddress } from "../../../src/ports/gpio.ts";

export type Version = "v1" | "v2";

export interface StandIn extends AsyncDisposable {
  readonly directory: string;
  /** Where the driver is to look: this version of the library is all that there is. */
  readonly places: GpioPlaces;
  /** @param name `gpiochip0` @param lines names; `-` for none; `NAME HOLDER` when somebody else holds it */
  chip(name: string, label: string, lines: readonly string[]): void;
  /** What was called, of all chips. */
  calls(chip: string): readonly string[];
  write(chip: string, offset: number, what: "level" | "edges" | "busy", value: number): void;
  level(chip: string, offset: number): number;
}

/** The lines of {@link headerChip}: at their offsets. */
export const HEADER_LINES = ["GPIO17", "GPIO27", "-", "GPIO22 spi0", "GPIO5", "GPIO5"];

export function headerChip(standIn: StandIn): void {
  standIn.chip("gpiochip3", "gpio-brcmstb", ["-", "-"]);
  standIn.chip("gpiochip10", "pinctrl-rp1", HEADER_LINES);
}

export function offsetOf({ line }: LineAddress): number {
  return typeof line === "number" ? line : HEADER_LINES.findIndex((row) => row.split(" ")[0] === line);
}

/** Undefined without a C compiler. */
export async function openStandIn(version: Version): Promise<StandIn | undefined> {
  const directory = await mkdtemp(join(tmpdir(), "caye-gpio-"));
  const library = join(directory, `${version}.so`);
  const source = join(import.meta.dirname, "stand-in", `${version}.c`);
  const built = spawnSync("gcc", ["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", library, source], {
    encoding: "utf8",
  });
  if (built.error !== undefined) {
    await rm(directory, { recursive: true });
    return undefined;
  }
  if (built.status !== 0) throw new Error(built.stderr);
  const at = (chip: string, offset: number, what: string): string => join(directory, `${chip}.${offset}.${what}`);
  return {
    directory,
    places: {
      directory,
      version2: version === "v2" ? library : "libnowhere.so.3",
      version1: version === "v1" ? library : "libnowhere.so.2",
    },
    chip: (name, label, lines) => {
      const rows = lines.map((line) => `line ${line}${line.includes(" ") ? "" : " -"}`);
      writeFileSync(join(directory, name), `${label === "" ? "forbidden" : `label ${label}`}\n${rows.join("\n")}\n`);
    },
    calls: (chip) => {
      const path = join(directory, `${chip}.calls`);
      return existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
    },
    write: (chip, offset, what, value) => writeFileSync(at(chip, offset, what), String(value)),
    level: (chip, offset) => Number(readFileSync(at(chip, offset, "level"), "utf8")),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}
