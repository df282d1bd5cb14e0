/** The command line of `caye provision`. @module */
import { type Command, Option } from "commander";
import { checkCard, checkImage, makeCard } from "./commands/provision-card.ts";
import type { CardOptions, CheckOptions } from "./commands/provision-card.ts";
import { type CardEnrolOptions, enrolCard } from "./commands/provision-enrol.ts";
import { type AuthorityOptions, makeAuthority } from "./commands/provision-authority.ts";
import { burnPlan, signBootImage, verifyBootImage } from "./commands/secure-boot.ts";
import type { BurnOptions, SignOptions, VerifyOptions } from "./commands/secure-boot.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

export function addProvisionCommands(program: Command, io: CliIo): void {
  const provision = program
    .command("provision")
    .description("Make nodes, on an operator's laptop: cards, certificates, signed boot images.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  caye provision card /media/bootfs --fleet fleet.toml --node clinic-roof");
  addAuthority(provision, io);
  addCard(provision, io);
  addPapers(provision, io);
  addSecureBoot(provision, io);
}

function addAuthority(provision: Command, io: CliIo): void {
  command(
    provision,
    "authority",
    "Make the village's authority, once, off the network; or bring it back from its words.",
    "caye provision authority --out village.authority --words",
  )
    .option("-o, --out <file>", "where to write it; else ./village.authority; never overwrites")
    .option("--words", "show 24 recovery words, and have them typed back before anything is written")
    .addOption(new Option("--language <language>", "of the words; else the terminal's").choices(["en", "es"]))
    .option("--restore", "bring it back from its words, read from standard input")
    .option("--words-file <file>", "with --restore: the file with the words")
    .option("--tpm <uri>", "close it so that this machine's TPM alone opens it: tpm:/dev/tpmrm0")
    .option("--passphrase-file <file>", "close it with the passphrase in that file, 8 characters or more")
    .action((options: AuthorityOptions) => makeAuthority(io, options));
}

function addCard(provision: Command, io: CliIo): void {
  const card = command(
    provision,
    "card",
    "Write what a node starts from onto the boot partition of its card. Formats nothing.",
    "caye provision card /media/bootfs --fleet fleet.toml --node clinic-roof",
  )
    .argument("<dir>", "where the card's boot partition is mounted")
    .option("--fleet <file>", "a fleet file; what is typed besides wins over it")
    .option("--node <name>", "which node of it")
    .option("--dry-run", "say what would change, and write nothing")
    .option("--replace", "also over another node's card")
    .option("--force-directory", "also where nothing looks like a Raspberry Pi's boot partition");
  for (const [flag, description] of WISHES) card.option(flag, description);
  card
    .addOption(new Option("--channel <n>", "the radio's channel, 0 to 7; else 0").argParser(wholeNumber(0, 7)))
    .action((directory: string, options: CardOptions) => makeCard(io, directory, options));
}

const WISHES: readonly (readonly [string, string])[] = [
  ["--name <name>", "the node's name, 1 to 24 bytes"],
  ["--hostname <name>", "of the machine; else made from the node's name"],
  ["--region <region>", "Meshtastic's region, for example US or EU_868"],
  ["--preset <preset>", "Meshtastic's preset; else LongFast"],
  ["--radio <kind>", "usb, spi (a hat), tcp or sim; else usb"],
  ["--modem <uri>", "where the radio is; else by its kind"],
  ["--hat <file>", "meshtasticd's own file of the hat; else auto"],
  ["--meshtasticd <file>", "the .deb of a hat's driver, for a node without internet"],
  ["--tpm <kind>", "chip, software or any; else any"],
  ["--entropy <uri>", "the source that must be there; else kernel"],
  ["--timezone <zone>", "for example America/Belize; else UTC"],
  ["--language <language>", "en or es; else en"],
  ["--hotspot <ssid>", "open a hotspot of that name"],
  ["--country <country>", "whose law Wi-Fi keeps, for example BZ"],
  ["--wifi <ssid>", "join that network"],
  ["--wifi-password-file <file>", "with its passphrase"],
  ["--user <name>", "who may log in; else operator"],
  ["--ssh-key <file...>", "public keys of who may log in"],
  ["--authority <hex>", "the village's authority, as caye village show prints it"],
  ["--update-key <hex>", "its update key"],
  ["--channel-url-file <file>", "a file with the radio's channel URL"],
  ["--group-key-file <file>", "the group key, as caye village key makes it"],
  ["--config <file>", "a configuration to begin from; what is ordered wins over it"],
  ["--rtc-battery <kind>", "none, or rechargeable: then the Pi charges it"],
  ["--package <file>", "the .deb; its .manifest must lie beside it"],
  ["--release-key <file...>", "whose packages this node installs"],
  ["--ansible <file>", "ansible.tar.gz: set the node up with Ansible instead of the package alone"],
];

function addPapers(provision: Command, io: CliIo): void {
  command(
    provision,
    "check",
    "Look at a card: whether a node can start from it, or what one has left.",
    "caye provision check /media/bootfs",
  )
    .argument("<dir>", "where the card's boot partition is mounted")
    .action((directory: string, options: CheckOptions) => checkCard(io, directory, options));
  command(
    provision,
    "enrol",
    "Sign the request that a node has left on its card; asks for each.",
    "caye provision enrol /media/bootfs --authority village.authority --until 2027-12-31",
  )
    .argument("<dir>", "where the card's boot partition is mounted")
    .requiredOption("--authority <file>", "the authority's secret file")
    .option("--passphrase-file <file>", "the file with the passphrase that closes it")
    .requiredOption("--until <date>", "the last day on which the node belongs to the village")
    .option("--node <name...>", "sign the requests of these nodes alone, without asking")
    .option("--yes", "sign all of them without asking")
    .option("--renew", "sign also what was signed before")
    .action((directory: string, options: CardEnrolOptions) => enrolCard(io, directory, options));
  command(
    provision,
    "image-check",
    "Look at the tree of an image with a read-only root: whether a node can live in it.",
    "caye provision image-check /mnt/root",
  )
    .argument("<dir>", "the root of the tree")
    .action((directory: string, options: CheckOptions) => checkImage(io, directory, options));
}

function addSecureBoot(provision: Command, io: CliIo): void {
  const boot = provision
    .command("secure-boot")
    .description("Boot images of a Raspberry Pi 5 that only the holder of a key can make.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  caye provision secure-boot sign boot.img --key key.pem");
  command(boot, "sign", "Sign a boot.img.", "caye provision secure-boot sign boot.img --key key.pem")
    .argument("<image>", "boot.img")
    .option("--key <file>", "the private key, RSA-2048 in PEM")
    .option("--pkcs11 <uri>", "or a key in a token, without its PIN: pin-source=file:/PATH")
    .option("-o, --out <file>", "where to write it (overwrites); else boot.sig beside the image")
    .addOption(new Option("--time <s>", "Unix time to put into it; else now").argParser(wholeNumber(0, 9_999_999_999)))
    .action((image: string, options: SignOptions) => signBootImage(io, image, options));
  command(
    boot,
    "verify",
    "Verify the signature of a boot.img.",
    "caye provision secure-boot verify boot.img --key public.pem",
  )
    .argument("<image>", "boot.img")
    .requiredOption("--key <file>", "the public key, in PEM")
    .option("--signature <file>", "else boot.sig beside the image")
    .action((image: string, options: VerifyOptions) => verifyBootImage(io, image, options));
  command(
    boot,
    "burn-plan",
    "Print the steps that bind a board to a key for ever; burns nothing.",
    "caye provision secure-boot burn-plan",
  )
    .option("--recovery <dir>", "usbboot's secure-boot-recovery5: write program_pubkey=1 into its config.txt")
    .option("--i-understand-this-can-not-be-undone", "needed for that, and a sentence that is asked for")
    .action((options: BurnOptions) => burnPlan(io, options));
}

function command(parent: Command, name: string, description: string, example: string): Command {
  return parent
    .command(name)
    .description(description)
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}
