/** The command line of `caye health`, `caye update` and `caye release`. @module */
import { type Command, Option } from "commander";
import { health, type HealthOptions } from "./commands/health.ts";
import {
  releaseKeys,
  signReleases,
  verifyRelease,
  type KeysOptions,
  type SignOptions,
  type VerifyOptions,
} from "./commands/release.ts";
import {
  applyUpdate,
  checkUpdate,
  confirmUpdate,
  resumeUpdate,
  rollbackUpdate,
  updateStatus,
  type ApplyOptions,
} from "./commands/update.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

/** A day. */
const MAX_WAIT_S = 86_400;
/** For a new version to become healthy. */
const GATE_S = 300;

interface Json {
  readonly json?: boolean;
}

export function addUpdateCommands(program: Command, io: CliIo): void {
  command(program, "health", "Say whether the node does its work: 0 yes, 1 no.", "caye health --wait 120")
    .addOption(waiting("keep asking for so many seconds until it does", 0))
    .option("--radio", "the radio must be ready, too")
    .action((options: HealthOptions) => health(io, options));
  addUpdate(program, io);
  addRelease(program, io);
}

function addUpdate(program: Command, io: CliIo): void {
  const update = group(program, "update", "Put another version in place, with a way back.", "caye update status");
  command(update, "check", "Say whether a package may be installed here.", "caye update check caye_0.2.0_arm64.deb")
    .argument("<file>", "the package, with its .manifest beside it")
    .action((file: string, options: Json) => checkUpdate(io, file, options));
  changing(update, "apply", "Install a signed package, and go back if it does not do its work.", "FILE.deb")
    .argument("<file>", "the package, with its .manifest beside it")
    .action((file: string, options: ApplyOptions) => applyUpdate(io, file, options));
  command(
    update,
    "status",
    "Show how far an update is, and which versions are kept.",
    "caye update status --json",
  ).action((options: Json) => updateStatus(io, options));
  command(update, "confirm", "Keep the new version without waiting longer.", "caye update confirm").action(
    (options: Json) => confirmUpdate(io, options),
  );
  changing(update, "rollback", "Go back to the version before the last update.", "").action((options: ApplyOptions) =>
    rollbackUpdate(io, options),
  );
  command(
    update,
    "resume",
    "Go on with an update; caye-update.service does that by itself.",
    "caye update resume",
  ).action((options: Json) => resumeUpdate(io, options));
}

function changing(parent: Command, name: string, description: string, argument: string): Command {
  return command(parent, name, description, `sudo caye update ${name} ${argument}`.trim())
    .addOption(waiting("so long the other version has to become healthy", GATE_S))
    .option("--now", "restart the machine at once, where a TPM chip makes that necessary");
}

function addRelease(program: Command, io: CliIo): void {
  const release = group(program, "release", "Sign packages, and verify them.", "caye release keys --out release.key");
  command(release, "keys", "Make the keys of whoever gives out releases.", "caye release keys --out release.key")
    .requiredOption("-o, --out <file>", "where to write the secret; the public keys go to FILE.pub")
    .action((options: KeysOptions) => releaseKeys(io, options));
  command(release, "sign", "Vouch for packages: writes FILE.deb.manifest.", "caye release sign *.deb --key release.key")
    .argument("<files...>", "packages, as npm run package named them")
    .requiredOption("--key <file>", "the secret")
    .action((files: string[], options: SignOptions) => signReleases(io, files, options));
  command(release, "verify", "Say who vouches for a package.", "caye release verify caye_0.2.0_arm64.deb --keys keys/")
    .argument("<file>", "the package, with its .manifest beside it")
    .option("--keys <dir>", "the trusted .pub files; else /etc/caye/release-keys")
    .action((file: string, options: VerifyOptions) => verifyRelease(io, file, options));
}

function group(program: Command, name: string, description: string, example: string): Command {
  return program
    .command(name)
    .description(description)
    .helpCommand(false)
    .addHelpText("after", `\nExample:\n  ${example}`);
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
