/** The command line of `caye board`. @module */
import { type Command, Option } from "commander";
import { LAMP_SIGNS } from "../kernel/board-reports.ts";
import {
  blinkLamp,
  type BlinkOptions,
  boardStatus,
  type BoardOptions,
  clearTamper,
  testLine,
  TESTABLE,
  type TestOptions,
} from "./commands/board.ts";
import type { CliIo } from "./io.ts";
import { wholeNumber } from "./typed.ts";

export function addBoardCommands(program: Command, io: CliIo): void {
  const board = program
    .command("board")
    .description("What is wired to the node: status lamp, siren, tamper contact, radio reset, failing supply.")
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  caye board status");
  board
    .command("status")
    .description("Show each line that is wired, what the lamp says, and whether the case was opened.")
    .option("--json", "print the report as JSON")
    .addHelpText("after", "\nExample:\n  caye board status")
    .action((options: BoardOptions) => boardStatus(io, options));
  board
    .command("test")
    .description("Try a line while you stand before it: the lamp, the siren, or one reset of the radio.")
    .argument("<line>", TESTABLE.join(", "))
    .option("--seconds <n>", "for how long, 1 to 60, of the siren 1 to 10; 3 when left out", wholeNumber(1, 60))
    .addOption(new Option("--sign <sign>", "what the lamp is to say; alert when left out").choices([...LAMP_SIGNS]))
    .option("--json", "print the report as JSON")
    .addHelpText("after", "\nExample:\n  caye board test siren --seconds 1")
    .action((line: string, options: TestOptions) => testLine(io, line, options));
  board
    .command("clear-tamper")
    .description("Say that you have seen that the case was opened; it must be closed again.")
    .option("--json", "print the report as JSON")
    .addHelpText("after", "\nExample:\n  caye board clear-tamper")
    .action((options: BoardOptions) => clearTamper(io, options));
  board
    .command("blink")
    .description("Blink the lamp while no agent runs: for units and scripts of the machine. Ends with Ctrl-C.")
    .argument("<sign>", LAMP_SIGNS.join(", "))
    .option("-c, --config <file>", "the configuration file, instead of the one that CAYE_CONFIG names")
    .option("--seconds <n>", "ends after so long; never when left out", wholeNumber(1, 86_400))
    .addHelpText("after", "\nExample:\n  caye board blink provision-failed --seconds 600")
    .action((sign: string, options: BlinkOptions) => blinkLamp(io, sign, options));
}
