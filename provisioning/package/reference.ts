/**
 * The man page and the shells' completions, made of the commands themselves: they can't say anything else than `--help`.
 * @module
 */
import type { Argument, Command, Option } from "commander";
import { createProgram } from "../../src/cli/program.ts";
import type { CliIo } from "../../src/cli/io.ts";

/** One command as it is typed: its words, and what may follow. */
export interface Entry {
  /** Without the program's name; empty for the program itself. */
  readonly words: readonly string[];
  readonly description: string;
  readonly arguments: readonly Argument[];
  readonly options: readonly Option[];
  /** The names of the commands below it. */
  readonly below: readonly { readonly name: string; readonly description: string }[];
  /** What stands below the options in its `--help`, such as an example. */
  readonly more: string;
}

/** Every command, in the order of `--help`. */
export function entries(): readonly Entry[] {
  const said: string[] = [];
  const told = (command: Command): string => {
    said.length = 0;
    command.outputHelp();
    return said.join("");
  };
  return below(createProgram(listener((text) => void said.push(text))), [], told);
}

function below(command: Command, words: readonly string[], told: (command: Command) => string): Entry[] {
  const help = command.helpInformation();
  const more = told(command).replace(help, "").trim();
  const own: Entry = {
    words,
    description: command.description(),
    arguments: command.registeredArguments,
    options: command.options.filter((option) => !option.hidden),
    below: command.commands.map((inner) => ({ name: inner.name(), description: inner.description() })),
    more,
  };
  return [own, ...command.commands.flatMap((inner) => below(inner, [...words, inner.name()], told))];
}

/** A command line that is only asked what it could do. */
function listener(hear: (text: string) => void): CliIo {
  const known: Partial<CliIo> = { env: {}, version: "", nodeVersion: "", stdout: hear, stderr: hear };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- to list commands needs no more than these
  return known as CliIo;
}

/** @param day `2026-11-21` */
export function manPage(version: string, day: string): string {
  const all = entries();
  const [program, ...commands] = all;
  const lines = [
    `.TH CAYE 1 "${day}" "caye ${roff(version)}" "Caye"`,
    ".SH NAME",
    "caye \\- keeps a village's files and alerts alive when the internet is gone",
    ".SH SYNOPSIS",
    ".B caye",
    ".I COMMAND",
    "[\\fIOPTION\\fR]...",
    ".SH DESCRIPTION",
    "Caye is an agent beside a Meshtastic LoRa radio. It measures itself into a TPM 2.0 before it unseals its keys,",
    "holds a shard of a content-addressed store, keeps signed index logs in step with its neighbours,",
    "fetches files over the air, and carries emergency alerts.",
    "These commands speak to the agent that runs on this machine; on an installed node type them as root.",
    ".SH COMMANDS",
    ...commands.flatMap(commandLines),
    ".SH EXIT STATUS",
    ...paragraphs(program?.more ?? ""),
    ".SH FILES",
    ...[
      ["/etc/caye/caye.toml", "the configuration"],
      ["/usr/share/caye/caye.toml", "every option of it, with a comment"],
      ["/var/lib/caye", "the state of the node: its keys, sealed, and its store, encrypted"],
      ["/usr/share/doc/caye", "the runbook and what else is good to have at hand"],
    ].flatMap(([path = "", what = ""]) => [".TP", `.I ${path}`, roff(what)]),
    ".SH SEE ALSO",
    ".BR systemctl (1),",
    ".BR journalctl (1),",
    ".BR tpm2_checkquote (1)",
  ];
  return `${lines.join("\n")}\n`;
}

function commandLines({ words, description, arguments: args, options, more }: Entry): string[] {
  const typed = [`caye ${words.join(" ")}`, ...args.map(argumentText)].map(roff).join(" ");
  return [
    `.SS "${typed.replaceAll('"', "\\(dq")}"`,
    roff(description),
    ...args.filter(({ description: what }) => what !== "").flatMap((arg) => listed(arg.name(), arg.description)),
    ...options.flatMap(({ flags, description: what }) => listed(flags, what)),
    ...(more === "" ? [] : [".PP", ...paragraphs(more)]),
  ];
}

function argumentText(argument: Argument): string {
  const name = argument.variadic ? `${argument.name()}...` : argument.name();
  return argument.required ? `<${name}>` : `[${name}]`;
}

function listed(term: string, what: string): string[] {
  return [".TP", `.B ${roff(term)}`, roff(what)];
}

/** Kept as they stand, line for line. */
function paragraphs(text: string): string[] {
  return [".nf", ...text.split("\n").map((line) => roff(line)), ".fi"];
}

/** No character of it is a command to the typesetter. */
function roff(text: string): string {
  const safe = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq");
  return safe.startsWith(".") ? `\\&${safe}` : safe;
}

/** For `/usr/share/bash-completion/completions/caye`. */
export function bashCompletion(): string {
  const cases = entries().map((entry) => {
    const values = entry.options.filter(takesValue).flatMap(({ long, short }) => [long, short].filter(Boolean));
    return `    '${entry.words.join(" ")}') words='${candidates(entry).join(" ")}'; values=' ${values.join(" ")} ' ;;`;
  });
  return `# bash completion for caye; made of the commands themselves.
_caye() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at='' words='' values='' word found
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] && continue
    found="\${at:+$at }$word"
    _caye_words "$found" && at=$found
  done
  _caye_words "$at"
  compopt -o default
  if [[ $values == *" $previous "* ]]; then COMPREPLY=(); return; fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
_caye_words() {
  case $1 in
${cases.join("\n")}
    *) return 1 ;;
  esac
}
complete -F _caye caye
`;
}

/** For `/usr/share/fish/vendor_completions.d/caye.fish`. */
export function fishCompletion(): string {
  const lines = entries().flatMap(({ words, below: inner, options }) => {
    const at = `__caye_at ${words.length} ${words.join(" ")}`.trimEnd();
    const of = (what: string): string => `complete -c caye -n '${at}' ${what}`;
    return [
      ...inner.map(({ name, description }) => of(`-f -a ${name} -d ${quoted(description)}`)),
      ...options.map((option) =>
        of(`${flagsOf(option)}${takesValue(option) ? " -r" : ""} -d ${quoted(option.description)}`),
      ),
    ];
  });
  return `# fish completion for caye; made of the commands themselves.
function __caye_at
    set -l typed (string match -v -- '-*' (commandline -opc)[2..-1])
    test (count $typed) -ge $argv[1]; or return 1
    test $argv[1] -eq 0; and test (count $typed) -eq 0; and return 0
    test $argv[1] -gt 0; and test "$typed[1..$argv[1]]" = "$argv[2..-1]"
end
${lines.join("\n")}
`;
}

/** For `/usr/share/zsh/vendor-completions/_caye`. */
export function zshCompletion(): string {
  const cases = entries().map((entry) => {
    const inner = entry.below.map(({ name, description }) => quoted(`${name}:${description.replaceAll(":", "\\:")}`));
    const options = entry.options.map((option) =>
      quoted(
        `${(option.long ?? option.short ?? "").replaceAll(":", "\\:")}:${option.description.replaceAll(":", "\\:")}`,
      ),
    );
    return `    '${entry.words.join(" ")}') commands=(${inner.join(" ")}); options=(${options.join(" ")}) ;;`;
  });
  return `#compdef caye
# zsh completion for caye; made of the commands themselves.
_caye_words() {
  case $1 in
${cases.join("\n")}
    *) return 1 ;;
  esac
}
_caye() {
  local at='' word
  local -a commands options
  for word in \${words[2,CURRENT-1]}; do
    [[ $word == -* ]] && continue
    _caye_words "\${at:+$at }$word" && at="\${at:+$at }$word"
  done
  _caye_words "$at"
  if [[ $PREFIX == -* ]]; then _describe -o 'option' options; return; fi
  if (( \${#commands} )); then _describe 'command' commands; else _files; fi
}
_caye "$@"
`;
}

function candidates({ below: inner, options }: Entry): string[] {
  return [...inner.map(({ name }) => name), ...options.flatMap(({ long, short }) => long ?? short ?? []), "--help"];
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function flagsOf({ long, short }: Option): string {
  return [long?.replace("--", "-l "), short?.replace("-", "-s ")].filter((flag) => flag !== undefined).join(" ");
}

/** For shells: nothing in it is expanded. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
