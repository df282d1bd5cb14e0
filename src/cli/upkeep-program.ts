/** The command line of what looks after a node: `caye backup`, `caye restore`. @module */
import { type Command, Option } from "commander";
import {
  backup,
  backupCheck,
  backupKeys,
  type BackupOptions,
  type KeysOptions,
  restore,
  type RestoreOptions,
} from "./commands/backup.ts";
import { type BundleOptions, supportBundle } from "./commands/bundle.ts";
import { retire, type RetireOptions } from "./commands/retire.ts";
import { type SetOptions, time, timeApply, timeSet } from "./commands/time.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

interface Json {
  readonly json?: boolean;
}

export function addUpkeepCommands(program: Command, io: CliIo): void {
  addBackup(program, io);
  addTime(program, io);
  addRetire(program, io);
  command(
    program,
    "support-bundle",
    "Collect what somebody needs who helps, in one file, without secrets.",
    "sudo caye support-bundle -o /media/stick/",
  )
    .option("-o, --output <file>", "where to save it (overwrites); else ./caye-support.tar.gz, which must not exist")
    .addOption(
      new Option("--lines <n>", "lines of the journal, 1 to 100000").default(2_000).argParser(wholeNumber(1, 100_000)),
    )
    .action((options: BundleOptions) => supportBundle(io, options));
}

function addRetire(program: Command, io: CliIo): void {
  command(
    program,
    "retire",
    "Stop this node for good, and wipe its keys and all that it kept.",
    "sudo caye retire --yes-wipe clinic-roof",
  )
    .requiredOption("--yes-wipe <name>", "the node's name, so that it is the right one")
    .option("--clear-tpm", "clear the TPM chip, too: whatever else is sealed in it is lost")
    .action((options: RetireOptions) => retire(io, options));
}

function addBackup(program: Command, io: CliIo): void {
  const made = locked(
    command(
      program,
      "backup",
      "Save all that this node holds, encrypted, to a file or a directory.",
      "caye backup --out /media/stick --key backup.pub",
    ),
    "the public key's file (caye backup keys)",
  )
    .helpCommand(false)
    .option("-o, --out <file|dir>", "where to; else [backup] directory of the configuration")
    .addOption(new Option("--keep <n>", "in a directory: so many are kept").argParser(wholeNumber(1, 1_000)))
    .option("--skip-absent", "end well, with a word, when no stick is mounted there")
    .action((options: BackupOptions) => backup(io, options));
  command(
    made,
    "keys",
    "Make the pair of keys: one to close backups, one to open them.",
    "caye backup keys --out village",
  )
    .requiredOption("-o, --out <name>", "NAME.pub and NAME.secret are written")
    .option("--passphrase-file <file>", "close the secret one by the passphrase in that file")
    .action((options: KeysOptions) => backupKeys(io, options));
  locked(
    command(
      made,
      "check",
      "Read a backup to its end, and say what it holds.",
      "caye backup check clinic.caye-backup --key village.secret",
    ).argument("<file>", "the backup"),
    "the secret key's file",
  ).action((file: string, options: RestoreOptions) => backupCheck(io, file, options));
  locked(
    command(
      program,
      "restore",
      "Take a backup in, by the node that runs here: it goes on as the author that it is.",
      "caye restore clinic.caye-backup --key village.secret",
    ).argument("<file>", "the backup"),
    "the secret key's file",
  )
    .option("--config-out <file>", "write the configuration of then to that file, to look at")
    .option("--enrolments", "also records of neighbours' chips: believe the file, whoever had it")
    .option("--announce", "announce the files anew, under this node's own name")
    .action((file: string, options: RestoreOptions) => restore(io, file, options));
}

function addTime(program: Command, io: CliIo): void {
  const group = command(program, "time", "Show what this node knows of the time.", "caye time")
    .helpCommand(false)
    .action((options: Json) => time(io, options));
  command(group, "set", "Tell the node the time, from a clock that you trust.", "caye time set 2027-02-14T08:30-06:00")
    .argument("<time>", "ISO 8601 with its zone, or @ and Unix time in seconds")
    .option("--from <whose>", "whose clock it was, for the log")
    .option("--force", "also where that can't be: what was certain before is given up")
    .action((at: string, options: SetOptions) => timeSet(io, at, options));
  command(group, "apply", "Set the machine's clock to it, as root.", "sudo caye time apply").action((options: Json) =>
    timeApply(io, options),
  );
}

function locked(made: Command, key: string): Command {
  return made
    .option("--key <file>", key)
    .option("--passphrase-file <file>", "the file with the passphrase, of the backup or of the key");
}

function command(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}
