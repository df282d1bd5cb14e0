/** The command line of `caye radios` and `caye phone`. @module */
import { type Command, InvalidArgumentError, Option } from "commander";
import { type PhoneOptions, phone, type RadiosOptions, radios } from "./commands/radios.ts";
import type { CliIo } from "./io.ts";
import { lossRatio, wholeNumber } from "./typed.ts";

const FIRST_SIMULATED = 0x0ca7_e001;

export function addRadioCommands(program: Command, io: CliIo): void {
  program
    .command("radios")
    .description("Simulate radios for agents on this machine, each on a TCP port of its own, in real time.")
    .addOption(new Option("--count <n>", "radios, 1 to 20").default(2).argParser(wholeNumber(1, 20)))
    .addOption(
      new Option("--port <port>", "of the first, the others follow it; 0: any that are free")
        .default(4_403)
        .argParser(wholeNumber(0, 65_535)),
    )
    .addOption(
      new Option("--loss <ratio>", "share of packets that each loses, 0 to 0.9").default(0).argParser(lossRatio),
    )
    .option("--line", "each hears its two neighbours alone; else all hear each other")
    .option("--preset <name>", "Meshtastic's modem preset; else LongFast")
    .option("--region <name>", "whose law holds; else US")
    .option("--json", "print the list as JSON")
    .addHelpText("after", "\nExample:\n  caye radios --count 3 --preset ShortFast")
    .action((options: RadiosOptions) => radios(io, options));
  program
    .command("phone")
    .description("Ask a node by text over a radio, as a person with a Meshtastic app does.")
    .argument("<text>", "what to send: help, ls, get NAME, alerts, who, …")
    .addOption(
      new Option("--radio <uri>", "the person's own radio, not an agent's: tcp:// or serial://").makeOptionMandatory(),
    )
    .addOption(
      new Option("--to <node>", "the radio that is asked, as Meshtastic writes it")
        .default(FIRST_SIMULATED, "!0ca7e001, the first of caye radios")
        .argParser(nodeNumber),
    )
    .addOption(
      new Option("--wait <seconds>", "for an answer, and for each further text")
        .default(60)
        .argParser(wholeNumber(1, 86_400)),
    )
    .option("--stay", "listen on after the answer, for a file that the node has to fetch first; Ctrl-C ends it")
    .option("--json", "print the texts as JSON")
    .addHelpText("after", '\nExample:\n  caye phone --radio tcp://127.0.0.1:4405 "get tide.txt"')
    .action((text: string, options: PhoneOptions) => phone(io, text, options));
}

function nodeNumber(text: string): number {
  const [, hex] = /^!?([0-9a-fA-F]{8})$/.exec(text) ?? [];
  if (hex !== undefined) return Number.parseInt(hex, 16);
  throw new InvalidArgumentError("Must be a node as Meshtastic writes it, for example !0ca7e001.");
}
