/** The command line of `caye health`, `caye update` and `caye release`. @module */
import { type Command, Option } from "commander";
import { health, type HealthOptions } from "./commands/health.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

/** A day. */
const MAX_WAIT_S = 86_400;

export function addUpdateCommands(program: Command, io: CliIo): void {
  command(program, "health", "Say whether the node does its work: 0 yes, 1 no.", "caye health --wait 120")
    .addOption(waiting("keep asking for so many seconds until it does", 0))
    .option("--radio", "the radio must be ready, too")
    .action((options: HealthOptions) => health(io, options));
}

function waiting(description: string, otherwise: number): Option {
  return new Option("--wait <seconds>", description).default(otherwise).argParser(wholeNumber(0, MAX_WAIT_S));
}

function command(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}
