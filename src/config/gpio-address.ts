/** Wires of the board are named by URIs: `gpio:pinctrl-rp1/GPIO17?active=low&bias=pull-up`. @module */
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";

/** A line by the label of its chip and its own name; the shape of the port's `LineAddress`. */
export interface GpioAddress {
  readonly uri: string;
  readonly chip: string;
  /** Its name; or its offset, for chips whose lines have none. */
  readonly line: string | number;
  readonly activeLow: boolean;
  readonly bias: "as-is" | "off" | "pull-up" | "pull-down";
}

/** Labels and names as kernels give them: 31 characters at most. */
const GPIO = /^gpio:(?<chip>[A-Za-z0-9._:@-]{1,31})\/(?<line>[A-Za-z0-9._:+-]{1,31}|@\d{1,3})(?:\?(?<query>.*))?$/;
/** Kernels number chips anew from version to version. */
const NUMBERED = /^gpiochip\d*$/i;
const BIASES = ["as-is", "off", "pull-up", "pull-down"] as const;

/** Undefined for the empty text: no wire. */
export function parseGpio(uri: string): Decoded<GpioAddress | undefined> {
  if (uri === "") return decoded(undefined);
  const parts = GPIO.exec(uri)?.groups;
  if (parts === undefined) return refused("it is none of gpio:LABEL/LINE, with ?active=low or &bias=pull-up behind it");
  const { chip = "", line = "", query } = parts;
  if (NUMBERED.test(chip)) return refused("a chip is named by its label, as gpiodetect shows it in brackets");
  const options = readOptions(query);
  if (options === undefined) {
    return refused("behind ? stand active=low or active=high, and bias=pull-up, pull-down or off, each once");
  }
  return decoded({ uri, chip, line: line.startsWith("@") ? Number(line.slice(1)) : line, ...options });
}

function readOptions(query: string | undefined): Pick<GpioAddress, "activeLow" | "bias"> | undefined {
  const pairs = (query === undefined ? [] : query.split("&")).map((pair) => pair.split("="));
  const given = new Map(pairs.map(([key = "", value = ""]) => [key, value]));
  const bias = BIASES.find((name) => name === (given.get("bias") ?? "as-is"));
  const active = given.get("active") ?? "high";
  const known =
    pairs.every(({ length }) => length === 2) && [...given.keys()].every((key) => /^(?:active|bias)$/.test(key));
  if (!known || given.size !== pairs.length || bias === undefined || !/^(?:low|high)$/.test(active)) return undefined;
  return { activeLow: active === "low", bias };
}
