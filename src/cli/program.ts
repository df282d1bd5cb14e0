/** The command line: what can be typed, and what it ends with. @module */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { describeError, isAgentError } from "../kernel/errors.ts";
import type { FailureReport } from "../kernel/reports.ts";
import { exitCodeOf } from "./agent-client.ts";
import { addAlertCommands } from "./alert-program.ts";
import { addAttestCommands } from "./attest-program.ts";
import { addBootstrapCommands } from "./bootstrap-program.ts";
import { type AllowOptions, allowUpdate } from "./commands/allow-update.ts";
import { type ExportOptions, type ImportOptions, exportFile, importFile } from "./commands/archives.ts";
import { doctor } from "./commands/doctor.ts";
import { type LogOptions, type PutOptions, log, ls, put } from "./commands/files.ts";
import { type GetOptions, get } from "./commands/get.ts";
import { type SeedRange, type SimOptions, sim } from "./commands/sim.ts";
import { type StatusOptions, status } from "./commands/status.ts";
import { addBoardCommands } from "./board-program.ts";
import { addEntropyCommands } from "./entropy-program.ts";
import type { CliIo } from "./io.ts";
import { addKeyCommands } from "./keys-program.ts";
import { addProvisionCommands } from "./provision-program.ts";
import { addRadioCommands } from "./radios-program.ts";
import { addSelfTestCommand } from "./selftest-program.ts";
import { printable } from "./text.ts";
import { lossRatio, wholeNumber } from "./typed.ts";
import { addUpdateCommands } from "./update-program.ts";
import { addUpkeepCommands } from "./upkeep-program.ts";
import { addVillageCommands } from "./village-program.ts";
import { type Words, wordsFor } from "./words.ts";

interface Json {
  readonly json?: boolean;
}

/**
 * Runs one command line and sets the exit code: 0 done, 1 failed, 2 typed wrongly, 3 no agent is running. Never rejects.
 * @param argv what stands behind the program's name
 */
export async function runCli(io: CliIo, argv: readonly string[]): Promise<void> {
  try {
    const program = createProgram(io);
    await program.parseAsync(asOption(program, argv), { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) reportTyped(io, error, argv.includes("--json"));
    else reportFailure(io, error, argv.includes("--json"));
  }
}

/** `caye help alert send` means `caye alert send --help`. */
function asOption(program: Command, argv: readonly string[]): string[] {
  const named = (word: string | undefined): Command | undefined =>
    program.commands.find((command) => command.name() === word);
  const isGroup = (named(argv[0])?.commands.length ?? 0) > 0;
  const at = argv[0] === "help" ? 0 : argv[1] === "help" && isGroup ? 1 : undefined;
  if (at === undefined) return [...argv];
  const rest = argv.toSpliced(at, 1);
  return rest[0] === undefined || named(rest[0]) !== undefined ? [...rest, "--help"] : rest;
}

/** People have read it already; scripts that asked for JSON get theirs. */
function reportTyped(io: CliIo, { exitCode, message }: CommanderError, json: boolean): void {
  if (exitCode === 0) return io.setExitCode(0);
  io.setExitCode(2);
  if (!json) return;
  const said = message.replace(/^error: /, "");
  const report: FailureReport = { error: { code: "USAGE", message: said, fix: "caye --help lists the commands." } };
  io.stdout(`${JSON.stringify(report, null, 2)}\n`);
}

function reportFailure(io: CliIo, error: unknown, json: boolean): void {
  const code = isAgentError(error) ? error.code : "INTERNAL";
  const message = isAgentError(error) ? error.message : describeError(error);
  const fix = isAgentError(error) ? (error.fix ?? "") : "";
  if (json) {
    const report: FailureReport = { error: { code, message, fix } };
    io.stdout(`${JSON.stringify(report, null, 2)}\n`);
  }
  const lines = [`caye: ${message}`, ...(fix === "" ? [] : [fix])].join("\n");
  io.stderr(`${lines.split("\n").map(printable).join("\n")}\n`);
  io.setExitCode(code === "USAGE" ? 2 : exitCodeOf(error));
}

export function createProgram(io: CliIo): Command {
  const words = wordsFor(io.env);
  const program = new Command("caye")
    .description("Keeps a village's files and alerts alive when the internet is gone.")
    .exitOverride()
    // `attest enrol` has options, and so have the steps below it, of the same names.
    .enablePositionalOptions()
    .configureOutput({ writeOut: (text) => io.stdout(text), writeErr: (text) => io.stderr(text) })
    .helpCommand("help [command...]", "Explain a command, as COMMAND --help does.")
    .showHelpAfterError("(caye --help lists the commands)")
    .addHelpText("after", EXIT_CODES)
    .version(versionText(io), "-V, --version", "print the version");
  addAgentCommands(program, io, words);
  addFileCommands(program, io, words);
  addAlertCommands(program, io);
  addArchiveCommands(program, io, words);
  addVillageCommands(program, io);
  addAttestCommands(program, io);
  addKeyCommands(program, io);
  addEntropyCommands(program, io);
  addBoardCommands(program, io);
  addSelfTestCommand(program, io);
  addSimCommand(program, io);
  addRadioCommands(program, io);
  addBootstrapCommands(program, io);
  addProvisionCommands(program, io);
  addUpkeepCommands(program, io);
  addUpdateCommands(program, io);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 typed wrongly, 3 no agent is running.
The agent is found by its state directory: CAYE_STATE, else ~/.local/state/caye.`;

function addAgentCommands(program: Command, io: CliIo, words: Words): void {
  command(program, "run", "Start the agent; it stops on SIGTERM or Ctrl-C.", "caye run --config caye.toml")
    .option("-c, --config <file>", "the configuration file, instead of the one that CAYE_CONFIG names")
    .option("--no-simulation", "without a radio wait for one, instead of simulating a village")
    .option("--json", "write the log as JSON lines")
    .action(({ config, json, simulation }: Json & { config?: string; simulation: boolean }) =>
      io.run({ configPath: config ?? nonEmpty(io.env["CAYE_CONFIG"]), json: json === true, simulate: simulation }),
    );
  command(program, "status", "Show how the node is.", 'caye status --quote quote --nonce "$(openssl rand -hex 32)"')
    .option("--json", "print the report as JSON")
    .option("--quote <dir>", "write the TPM's quote there, as tpm2_checkquote reads it")
    .option("--nonce <hex>", "with --quote: the nonce that the TPM signs, 16 to 32 bytes")
    .action((options: StatusOptions) => status(io, words, options));
  command(program, "doctor", "Check everything, and say how to fix what does not work.", "caye doctor")
    .option("--json", "print the checks as JSON")
    .action((options: Json) => doctor(io, words, options));
  command(program, "version", "Print the version.", "caye version --json")
    .option("--json", "print it as JSON")
    .action(({ json }: Json) => {
      const { version, nodeVersion: node } = io;
      io.stdout(json === true ? `${JSON.stringify({ version, node }, null, 2)}\n` : `${versionText(io)}\n`);
    });
  command(
    program,
    "allow-update",
    'Let the store open after a planned change, under trust.mode = "enforce".',
    "caye allow-update --config caye-new.toml",
  )
    .option("--json", "print the answer as JSON")
    .option("--code <dir>", "the directory of the Caye that will run next")
    .option("--config <file>", "the configuration that it will run with")
    .option("--way-back", "the store opens in today's state, too, until the update is confirmed")
    .option("--approval <file>", "the authority's approval of the state to come; also in quarantine")
    .action((options: AllowOptions) => allowUpdate(io, words, options));
}

function addFileCommands(program: Command, io: CliIo, words: Words): void {
  command(program, "put", "Store a file, and announce it to the neighbours.", "caye put bulletin.txt --name storm.txt")
    .argument("<file>", "the file to store, at most 64 MiB")
    .option("--name <name>", "the name that neighbours see; else the file's own")
    .option("--json", "print the result as JSON")
    .action((file: string, options: PutOptions) => put(io, words, file, options));
  command(program, "ls", "List the files of this node and of its neighbours.", "caye ls")
    .option("--json", "print the list as JSON")
    .action((options: Json) => ls(io, words, options));
  command(program, "get", "Fetch a file, over the radio when it must.", "caye get storm.txt -o storm.txt")
    .argument("<file>", "its name, CID (or its beginning), or author and number, as `caye ls` shows them")
    .option("-o, --output <file>", "where to save it (overwrites); else ./NAME, which must not exist")
    .option("--timeout <seconds>", "give up waiting after that long; the agent goes on fetching", wholeSeconds)
    .option("--now", "do not wait for the hours that are left for large files")
    .option("--json", "print the result as JSON")
    .action((target: string, options: GetOptions) => get(io, words, target, options));
  command(program, "log", "Show the newest entries of all authors' index logs.", "caye log --limit 20")
    .addOption(
      new Option("--limit <entries>", "how many entries, 1 to 10000").default(100).argParser(wholeNumber(1, 10_000)),
    )
    .option("--json", "print the entries as JSON")
    .action((options: LogOptions) => log(io, words, options));
}

function addArchiveCommands(program: Command, io: CliIo, words: Words): void {
  command(
    program,
    "export",
    "Write a file with all of its blocks to one CAR archive: to carry on a stick, or as a backup.",
    "caye export storm.txt -o /media/stick/storm.car",
  )
    .argument("<name|cid>", "as `caye ls` shows it; this node must hold all of it")
    .option("-o, --output <file>", "where to save it (overwrites); else ./NAME.car, which must not exist")
    .option("--json", "print the result as JSON")
    .action((target: string, options: ExportOptions) => exportFile(io, words, target, options));
  command(
    program,
    "import",
    "Take in the file of a CAR archive, every block of it checked.",
    "caye import /media/stick/storm.car --name storm.txt",
  )
    .argument("<file>", "an archive that `caye export` wrote")
    .option("--name <name>", "announce it to the neighbours under this name; else only `caye get CID` finds it")
    .option("--json", "print the result as JSON")
    .action((file: string, options: ImportOptions) => importFile(io, words, file, options));
}

function addSimCommand(program: Command, io: CliIo): void {
  command(
    program,
    "sim",
    "Play a scenario with many agents in the simulator, and say what it cost on the air. Needs no agent.",
    "caye sim --scenario index --nodes 10 --entries 100 --loss 0.3 --seed 7 --json",
  )
    .option("--scenario <name>", "which one; --list names them")
    .option("--list", "list the scenarios")
    .option("--nodes <n>", "agents, 2 to 200", wholeNumber(2, 200))
    .option("--entries <n>", "new entries, 1 to 10000", wholeNumber(1, 10_000))
    .option("--symbols <n>", "packets that the file of a file scenario needs, 1 to 64", wholeNumber(1, 64))
    .option("--loss <ratio>", "share of packets that each receiver loses, 0 to 0.9", lossRatio)
    .option("--seed <n>", "the same seed gives the same run", wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option("--seeds <first..last>", "one run a seed, and a summary, for example 1..20", seedRange)
    .option("--trace <file>", "write every packet: FILE.pcap for Wireshark, else JSON lines")
    .option("--json", "print the result as JSON")
    .action((options: SimOptions) => sim(io, options));
}

function command(program: Command, name: string, description: string, example: string): Command {
  return program.command(name).description(description).addHelpText("after", `\nExample:\n  ${example}`);
}

function versionText(io: CliIo): string {
  return `caye ${io.version} (Node ${io.nodeVersion})`;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

function wholeSeconds(text: string): number {
  if (/^\d{1,7}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Must be whole seconds, for example 600.");
}

function seedRange(text: string): SeedRange {
  const [, first, last] = /^(\d{1,15})\.\.(\d{1,15})$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  if (range.first <= range.last && range.last - range.first < 10_000) return range;
  throw new InvalidArgumentError("Must be two whole numbers, for example 1..20; at most 10000 runs.");
}
