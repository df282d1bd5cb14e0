/** The command line of `caye alert`. @module */
import { type Command, InvalidArgumentError, Option } from "commander";
import {
  acknowledgeAlert,
  cancelAlert,
  exportAlert,
  importAlert,
  listAlerts,
  seenAlert,
  sendAlert,
  showAlert,
  updateAlert,
  type LanguageOptions,
  type SendOptions,
} from "./commands/alert.ts";
import type { CliIo } from "./io.ts";

/** CAP 1.2's own words; the agent checks them, too. */
const SEVERITIES = ["Extreme", "Severe", "Moderate", "Minor", "Unknown"];
const URGENCIES = ["Immediate", "Expected", "Future", "Past", "Unknown"];
const CERTAINTIES = ["Observed", "Likely", "Possible", "Unlikely", "Unknown"];
const CATEGORIES = "Geo Met Safety Security Rescue Fire Health Env Transport Infra CBRNE Other".split(" ");
const RESPONSES = "Shelter Evacuate Prepare Execute Avoid Monitor Assess AllClear None".split(" ");
const STATUSES = ["Actual", "Exercise", "System", "Test"];

export function addAlertCommands(program: Command, io: CliIo): void {
  const alert = program
    .command("alert")
    .description("Warn the village, and see who knows: alerts by the Common Alerting Protocol (CAP 1.2).")
    .helpCommand(false)
    .addHelpText(
      "after",
      '\nExample:\n  caye alert send --severity Severe --area "North beach" --expires 6h "Sea over the road. Go to the school."',
    );
  addSending(alert, io);
  addReading(alert, io);
}

function addSending(alert: Command, io: CliIo): void {
  drafting(
    command(
      alert,
      "send",
      "Send an alert, ahead of everything else on the air.",
      'caye alert send --severity Extreme --area Harbour --expires 6h --instruction "Go to the school." "Storm surge tonight"',
    ),
  )
    .argument("[text]", "what happens; its first sentence is the headline")
    .addOption(
      choice("--msg-type <type>", "Alert, or Update or Cancel with --references", ["Alert", "Update", "Cancel"]),
    )
    .option("--references <id>", "with Update or Cancel: the alert that it replaces; may be repeated", more)
    .action((text: string | undefined, options: SendOptions) => sendAlert(io, text, options));
  drafting(
    command(
      alert,
      "update",
      "Replace an alert of this node; what is left out stays as it was.",
      'caye alert update 3f9a1c20-7 --severity Moderate "The water is falling"',
    ),
  )
    .argument("<id>", "as `caye alert list` shows it")
    .argument("[text]", "what happens now")
    .action((id: string, text: string | undefined, options: SendOptions) => updateAlert(io, id, text, options));
  command(alert, "cancel", "Take an alert of this node back.", 'caye alert cancel 3f9a1c20-7 --note "False alarm"')
    .argument("<id>", "as `caye alert list` shows it")
    .option("--note <text>", "why")
    .action((id: string, options: SendOptions) => cancelAlert(io, id, options));
  command(
    alert,
    "import",
    "Send an alert of CAP 1.2 XML; what the radio can't keep is named.",
    "caye alert import flood.cap.xml",
  )
    .argument("<file>", "CAP 1.2 XML, at most 256 KiB")
    .option(
      "--references <id>",
      "for an update or a cancel: the alert of this node that it replaces; may be repeated",
      more,
    )
    .action((file: string, options: SendOptions) => importAlert(io, file, options));
}

function addReading(alert: Command, io: CliIo): void {
  command(alert, "list", "List the alerts that hold now.", "caye alert list")
    .option("--all", "those that are over, too, for a day")
    .action((options: LanguageOptions & { all?: boolean }) => listAlerts(io, options));
  command(alert, "show", "Show one alert whole.", "caye alert show 3f9a1c20-7 --lang es")
    .argument("<id>", "as `caye alert list` shows it")
    .action((id: string, options: LanguageOptions) => showAlert(io, id, options));
  command(alert, "ack", "Say that somebody here has read it.", "caye alert ack 3f9a1c20-7")
    .argument("<id>", "as `caye alert list` shows it")
    .action((id: string, options: LanguageOptions) => acknowledgeAlert(io, id, options));
  command(alert, "export", "Write an alert as CAP 1.2 XML.", "caye alert export 3f9a1c20-7 -o flood.cap.xml")
    .argument("<id>", "as `caye alert list` shows it")
    .option("-o, --output <file>", "where to save it (overwrites); else ./alert-ID.cap.xml, which must not exist")
    .action((id: string, options: LanguageOptions & { output?: string }) => exportAlert(io, id, options));
  command(
    alert,
    "seen",
    "Show which nodes have an alert, and where somebody has read it.",
    "caye alert seen 3f9a1c20-7",
  )
    .argument("<id>", "as `caye alert list` shows it")
    .action((id: string, options: LanguageOptions) => seenAlert(io, id, options));
}

function drafting(command: Command): Command {
  return command
    .addOption(choice("--severity <word>", "how bad", SEVERITIES))
    .option("--area <name>", "where it holds, in people's words; may be repeated", more)
    .option("--expires <time>", "until when: 90m, 6h, 2d or a time like 2026-08-01T18:00; else a day")
    .option("--instruction <text>", "what to do")
    .option("--headline <text>", "the line that people see first; the text is then the description")
    .option("--event <text>", "what it is called; else by its category")
    .addOption(
      choice("--category <word>", "what kind; may be repeated; else Safety", CATEGORIES).argParser(chosen(CATEGORIES)),
    )
    .addOption(choice("--urgency <word>", "how soon; else Immediate", URGENCIES))
    .addOption(choice("--certainty <word>", "how sure; else Likely", CERTAINTIES))
    .addOption(
      choice("--response <word>", "what kind of response; may be repeated", RESPONSES).argParser(chosen(RESPONSES)),
    )
    .addOption(choice("--status <word>", "Exercise for a drill, Test for a trial; else Actual", STATUSES))
    .option("--onset <time>", "from when, as --expires")
    .option(
      "--polygon <points>",
      "of the first area: LAT,LON LAT,LON …, the last point the first; may be repeated",
      more,
    )
    .option("--circle <circle>", "of the first area: LAT,LON KM; may be repeated", more)
    .option("--contact <text>", "whom to ask")
    .option("--web <uri>", "where more stands")
    .option("--sender <text>", "who speaks, in people's words")
    .option("--audience <text>", "whom it concerns")
    .option("--note <text>", "for other offices, not for the public");
}

function command(alert: Command, name: string, description: string, example: string): Command {
  return alert
    .command(name)
    .description(description)
    .option("--lang <language>", "language of the alert's texts, and of the answer: en, es, …")
    .option("--json", "print the result as JSON")
    .addHelpText("after", `\nExample:\n  ${example}`);
}

function choice(flags: string, description: string, words: readonly string[]): Option {
  const option = new Option(flags, description).choices(words);
  return option.argParser((value) => oneOf(words, value));
}

function more(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function chosen(words: readonly string[]) {
  return (value: string, before: readonly string[] | undefined): readonly string[] => more(oneOf(words, value), before);
}

/** CAP's spelling of the word; who is in a hurry does not think of capitals. */
function oneOf(words: readonly string[], value: string): string {
  const word = words.find((one) => one.toLowerCase() === value.toLowerCase());
  if (word !== undefined) return word;
  throw new InvalidArgumentError(`Must be one of ${words.join(", ")}.`);
}
