/** The command line of `caye bootstrap` and `caye radio`. @module */
import type { Command } from "commander";
import { bootstrapNode, type BootstrapOptions } from "./commands/bootstrap.ts";
import { setRadio, type SetOptions, showRadio, type ShowOptions } from "./commands/radio-settings.ts";
import type { CliIo } from "./io.ts";

const SET_EXAMPLE = "caye radio set --region US --preset LongFast --name clinic-roof";

export function addBootstrapCommands(program: Command, io: CliIo): void {
  program
    .command("bootstrap")
    .description("Make of this node what its card orders, step by step; again it changes nothing. As root.")
    .option("--card <dir>", "the card's boot partition, where the order lies and papers go to")
    .option("--order <file>", "the order, for a node without a card; papers then lie in /var/lib/caye-provision")
    .option(
      "--with-channel",
      "write a sheet besides, with the channels' address and their keys: print it, lock it away, delete it",
    )
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 a step failed, 4 all is well but something is missing (a radio), and the next run goes on.\n" +
        "\nExample:\n  caye bootstrap --card /boot/firmware",
    )
    .action((options: BootstrapOptions) => bootstrapNode(io, options));
  const radio = program
    .command("radio")
    .description("Show or change the settings that a Meshtastic radio keeps; the agent must be stopped meanwhile.")
    .helpCommand(false)
    .addHelpText("after", `\nExample:\n  ${SET_EXAMPLE}`);
  modem(radio.command("show").description("Show them; keys only by a fingerprint."))
    .addHelpText("after", "\nExample:\n  caye radio show --modem serial:///dev/meshtastic")
    .action((options: ShowOptions) => showRadio(io, options));
  modem(
    radio
      .command("set")
      .description("Write those that are named and not so yet; the radio restarts, and they are read back.")
      .option("--region <name>", "whose law holds: US, EU_868, …")
      .option("--preset <name>", "the modem preset: LongFast, ShortFast, …")
      .option(
        "--channel-url <url>",
        "channels as Meshtastic's apps share them, https://meshtastic.org/e/#…; -: from standard input",
      )
      .option("--name <name>", "the radio's long name, 1 to 24 bytes"),
  )
    .addHelpText("after", `\nExample:\n  ${SET_EXAMPLE}`)
    .action((options: SetOptions) => setRadio(io, options));
}

function modem(command: Command): Command {
  return command
    .option("--modem <uri>", "serial:///dev/… or tcp://host:port; else the only radio that is plugged in")
    .option("--json", "print them as JSON");
}
