/** The command line of `caye village` and `caye roster`. @module */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  createVillage,
  enrol,
  groupKey,
  joinVillage,
  revoke,
  roster,
  showVillage,
  villageRequest,
  type CreateOptions,
  type EnrolOptions,
  type KeyOptions,
  type RequestOptions,
  type RevokeOptions,
  type ShowOptions,
} from "./commands/village.ts";
import type { CliIo } from "./io.ts";

interface Json {
  readonly json?: boolean;
}

export function addVillageCommands(program: Command, io: CliIo): void {
  const village = program
    .command("village")
    .description("Say who belongs to the village, and keep its messages to it.")
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nExample:\n  caye village enrol clinic.request --authority village.authority --until 2027-12-31",
    );
  addAuthority(village, io);
  addNode(village, io);
  command(program, "roster", "Show who belongs to the village.", "caye roster").action((options: Json) =>
    roster(io, options),
  );
}

function addAuthority(village: Command, io: CliIo): void {
  command(
    village,
    "create",
    "Make a village's authority: a secret file, to keep off the network.",
    "caye village create",
  )
    .option("-o, --out <file>", "where to write it; else ./village.authority; never overwrites")
    .option("--passphrase-file <file>", "close it with the passphrase in that file, 8 characters or more")
    .action((options: CreateOptions) => createVillage(io, options));
  withKey(
    command(
      village,
      "show",
      "Print what the configuration of each node names of an authority.",
      "caye village show --authority village.authority",
    ),
  ).action((options: ShowOptions) => showVillage(io, options));
  withKey(
    command(
      village,
      "enrol",
      "Sign a node's request: its certificate.",
      "caye village enrol clinic.request --authority village.authority --until 2027-12-31",
    ),
  )
    .argument("<request>", "what caye village request gave on the node")
    .requiredOption("--until <date>", "the last day on which it belongs to the village, for example 2027-12-31")
    .option("-o, --out <file>", "where to write it (overwrites); else ./ID.certificate")
    .action((request: string, options: EnrolOptions) => enrol(io, request, options));
  withKey(
    command(
      village,
      "revoke",
      "End the certificates of members, and tell all neighbours.",
      "caye village revoke 3f9a1c20b4d5e6f7 --authority village.authority",
    ),
  )
    .argument("<id...>", "members as caye roster lists them, 8 digits at least")
    .action((ids: string[], options: RevokeOptions) => revoke(io, ids, options));
}

function addNode(village: Command, io: CliIo): void {
  command(
    village,
    "request",
    "Print what this node asks the authority to sign.",
    "caye village request > clinic.request",
  )
    .option("-o, --out <file>", "write it there")
    .action((options: RequestOptions) => villageRequest(io, options));
  command(
    village,
    "join",
    "Take in certificates and revocation lists, and tell all neighbours.",
    "caye village join 3f9a1c20b4d5e6f7.certificate",
  )
    .argument("<file...>", "as caye village enrol wrote them")
    .action((files: string[], options: Json) => joinVillage(io, files, options));
  command(village, "key", "Make the group key of a private village, to carry to each node.", "caye village key")
    .addOption(new Option("--number <n>", "one more than the key that it follows").default(1).argParser(keyNumber))
    .option("-o, --out <file>", "where to write it; else ./group.key; never overwrites")
    .action((options: KeyOptions) => groupKey(io, options));
}

function withKey(made: Command): Command {
  return made
    .requiredOption("--authority <file>", "the authority's secret file")
    .option("--passphrase-file <file>", "the file with the passphrase that closes it");
}

function command(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}

function keyNumber(text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Must be a whole number from 1 on.");
}
