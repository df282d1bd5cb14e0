/** The command line of `caye entropy`. @module */
import type { Command } from "commander";
import { type AssessOptions, assessFile } from "./commands/entropy.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

const EXAMPLE = "caye entropy assess samples.bin --bits 8 --json";

export function addEntropyCommands(program: Command, io: CliIo): void {
  const entropy = program
    .command("entropy")
    .description("Judge a source of random numbers by its samples.")
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
}
