/** The command line of `caye selftest`. @module */
import type { Command } from "commander";
import { type SelfTestOptions, selfTest } from "./commands/selftest.ts";
import type { CliIo } from "./io.ts";

export function addSelfTestCommand(program: Command, io: CliIo): void {
  program
    .command("selftest")
    .description("Test this machine's cryptography against known answers, as each start does. Needs no agent.")
    .option("--full", "all known answers, and checks over random values")
    .option("--json", "print the report and its SHA-256 as JSON")
    .addHelpText("after", "\nExample:\n  caye selftest --full")
    .action((options: SelfTestOptions) => selfTest(io, options));
}
