/** Finds a line by the label of its chip and its own name, and says what stands in the way when there is none. @module */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { AgentError } from "../../kernel/errors.ts";
import type { LineAddress } from "../../ports/gpio.ts";
import { gpioError } from "./failures.ts";
import type { Chip, GpioLibrary } from "./library.ts";

const CHIP = /^gpiochip\d{1,3}$/;

/** An open chip, which the caller closes, and the line's offset on it. */
export interface FoundLine {
  readonly chip: Chip;
  readonly offset: number;
}

/** @param directory where the kernel's chips are: `/dev` @throws AgentError "GPIO_CHIP", "GPIO_LINE", "GPIO_FORBIDDEN", "GPIO_IO" */
export async function findLine(library: GpioLibrary, address: LineAddress, directory: string): Promise<FoundLine> {
  const { opened, refused } = openChips(library, address, await chipPaths(directory));
  const labelled = opened.filter(({ label }) => label === address.chip);
  const found = labelled.flatMap((chip) => offsetsOn(chip, address).map((offset) => ({ chip, offset })));
  const [line, second] = found;
  const wanted = second === undefined ? line : undefined;
  const labels = [...new Set(opened.map(({ label }) => label))];
  const names = wanted === undefined ? labelled.flatMap(namesOn) : [];
  for (const chip of opened) if (chip !== wanted?.chip) chip.close();
  if (wanted !== undefined) return wanted;
  if (labelled.length === 0) throw refused ?? noChip(address, labels);
  throw second === undefined ? noLine(address, names) : twoLines(address);
}

/** Links to chips are left out: each chip counts once. */
async function chipPaths(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const chips = entries.filter((entry) => CHIP.test(entry.name) && !entry.isSymbolicLink() && !entry.isDirectory());
  return chips.map(({ name }) => join(directory, name)).toSorted();
}

/** Chips that can't be opened are no hindrance while the one that is wanted can. */
function openChips(library: GpioLibrary, address: LineAddress, paths: readonly string[]) {
  const opened: Chip[] = [];
  let refused: AgentError | undefined;
  for (const path of paths) {
    try {
      opened.push(library.openChip(path));
    } catch (error) {
      refused ??= gpioError(error, address, `opening ${path}`);
    }
  }
  return { opened, refused };
}

function offsetsOn(chip: Chip, { line }: LineAddress): readonly number[] {
  if (typeof line === "string") return chip.offsetsOf(line);
  return line < chip.lines && chip.nameOf(line) === "" ? [line] : [];
}

function namesOn(chip: Chip): readonly string[] {
  return Array.from({ length: chip.lines }, (_, offset) => chip.nameOf(offset) || `@${offset}`);
}

function noChip({ uri, chip }: LineAddress, labels: readonly string[]): AgentError {
  const there = labels.length === 0 ? "there is no GPIO chip at all" : `the chips are called ${labels.join(", ")}`;
  return new AgentError("GPIO_CHIP", `${uri}: no GPIO chip has the label ${chip}; ${there}`, {
    fix: "Name the chip as gpiodetect shows it in brackets: on a Raspberry Pi 5 gpio:pinctrl-rp1/GPIO17, for example.",
  });
}

function noLine({ uri, chip, line }: LineAddress, names: readonly string[]): AgentError {
  const offset = typeof line === "number";
  const named = offset ? names[line] : undefined;
  const detail =
    named === undefined ? `${chip} has no line ${offset ? `@${line}` : line}` : `that line has a name: ${named}`;
  return new AgentError("GPIO_LINE", `${uri}: ${detail}`, {
    fix: `Name one of its lines as gpioinfo shows them: ${names.slice(0, 40).join(" ")}${names.length > 40 ? " …" : ""}`,
  });
}

function twoLines({ uri, line }: LineAddress): AgentError {
  return new AgentError("GPIO_LINE", `${uri}: more than one line is called ${line}`, {
    fix: "Take a line whose name is its own: gpioinfo lists them.",
  });
}
