/** The command line of `caye entropy`. @module */
import type { Command } from "commander";
import { type AssessOptions, assessFile } from "./commands/entropy.ts";
import { type EnrolOptions, enrolSource, entropyStatus, type EntropyStatusOptions } from "./commands/entropy-status.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

const EXAMPLE = "caye entropy assess samples.bin --bits 8 --json";

export function addEntropyCommands(program: Command, io: CliIo): void {
  const entropy = program
    .command("entropy")
    .description("Judge a source of random numbers by its samples; see and enrol those of the running agent.")
    .helpCommand(false)
    .addHelpText("after", `\nExample:\n  ${EXAMPLE}`);
  entropy
    .command("assess")
    .description(
      "Estimate a source's min-entropy from raw samples: all ten estimators of NIST SP 800-90B. Needs no agent.",
    )
    .argument("<file>", "the samples, one a byte, in its low bits; 1000000 in a row, at least 1024")
    .requiredOption("--bits <n>", "bits a sample, 1 to 8", wholeNumber(1, 8))
    .option("--json", "print all figures as JSON, unrounded")
    .addHelpText("after", `\nExample:\n  ${EXAMPLE}`)
    .action((file: string, options: AssessOptions) => assessFile(io, file, options));
  entropy
    .command("status")
    .description("How the agent's sources of randomness are, and what they were found to be worth.")
    .option("--json", "print the report as JSON")
    .addHelpText("after", "\nExample:\n  caye entropy status")
    .action((options: EntropyStatusOptions) => entropyStatus(io, options));
  entropy
    .command("enrol")
    .description("Find out what this very device is worth: the boot then holds it to that. Takes a few minutes.")
    .option("--samples <n>", "how many, 200000 to 4000000; a million when left out", wholeNumber(200_000, 4_000_000))
    .option("--source <uri>", "which source; the first of the configuration when left out")
    .option("--json", "print what was found as JSON")
    .addHelpText("after", "\nExample:\n  caye entropy enrol --source qrng:qcicada:/dev/ttyUSB0")
    .action((options: EnrolOptions) => enrolSource(io, options));
}
