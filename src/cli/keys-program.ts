/** The command line of `caye keys`, `caye recovery` and `caye rotate`. @module */
import { type Command, Option } from "commander";
import {
  checkRecovery,
  createRecovery,
  openRecovery,
  type CreateOptions,
  type UseOptions,
} from "./commands/recovery.ts";
import {
  keys,
  rotateAttestationKey,
  rotateAuthorKey,
  rotateStoreKey,
  type StoreKeyOptions,
} from "./commands/rotate.ts";
import type { CliIo } from "./io.ts";

interface Json {
  readonly json?: boolean;
}

export function addKeyCommands(program: Command, io: CliIo): void {
  command(program, "keys", "Show how the node's keys are: the store's, recovery words, approvals.", "caye keys").action(
    (options: Json) => keys(io, options),
  );
  addRecovery(program, io);
  addRotate(program, io);
}

function addRecovery(program: Command, io: CliIo): void {
  const recovery = program
    .command("recovery")
    .description("Words that open the store without its TPM.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  caye recovery create");
  command(recovery, "create", "Make new recovery words, and show them once.", "caye recovery create")
    .addOption(new Option("--language <language>", "of the words; else the terminal's").choices(["en", "es"]))
    .option("--show", "also where standard output is no terminal")
    .action((options: CreateOptions) => createRecovery(io, options));
  withWords(command(recovery, "check", "Check that words open this node's store.", "caye recovery check")).action(
    (options: UseOptions) => checkRecovery(io, options),
  );
  withWords(
    command(
      recovery,
      "open",
      "Put the store's key back on a machine whose TPM can't open it; no agent may run.",
      "caye recovery open --state /var/lib/caye",
    ),
  ).action((options: UseOptions) => openRecovery(io, options));
}

function withWords(made: Command): Command {
  return made
    .option("--state <dir>", "the state directory, with recovery.bin; else the usual one")
    .option("--words-file <file>", "the file with the words; else they are read from standard input");
}

function addRotate(program: Command, io: CliIo): void {
  const rotate = program
    .command("rotate")
    .description("Replace a key while the agent runs; nothing is lost.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  caye rotate store-key --wait");
  command(rotate, "store-key", "Move the store to a new key.", "caye rotate store-key --wait")
    .option("--wait", "until all values have moved")
    .action((options: StoreKeyOptions) => rotateStoreKey(io, options));
  command(
    rotate,
    "attestation-key",
    "Use another attestation key of the TPM from the next start on; the node must be enrolled again.",
    "caye rotate attestation-key",
  ).action((options: Json) => rotateAttestationKey(io, options));
  command(
    rotate,
    "author-key",
    "Write a new log under a new key from the next start on; the node must be enrolled again.",
    "caye rotate author-key",
  ).action((options: Json) => rotateAuthorKey(io, options));
}

function command(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}
