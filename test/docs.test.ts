/** What the documents tell people to type works: commands, options, variables, configuration, links, names of figures. */
import { readFileSync, readdirSync, existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { createProgram } from "../src/cli/program.ts";
import type { CliIo } from "../src/cli/io.ts";
import { parseConfig } from "../src/config/parse.ts";
import { fullPage } from "./observability/full-page.ts";

const ROOT = resolve(import.meta.dirname, "..");
const FILES = [
  "README.md",
  "ARCHITECTURE.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
].toSorted();
const TEXTS = FILES.map((file) => ({ file, text: readFileSync(join(ROOT, file), "utf8") }));
/** Printed or hashed, not typed: `caye is up`, `caye head v1`, `caye vector 2`. */
const NO_COMMAND = /^is up$| v?\d$/;
/** Not read by the configuration. */
const OTHER_VARIABLES = new Set(["CAYE_STATE", "CAYE_CONFIG", "CAYE_MACHINES", "CAYE_DEBS"]);

interface Typed {
  readonly file: string;
  readonly line: string;
  /** Environment set before the command, and the command's words. */
  readonly variables: Readonly<Record<string, string>>;
  readonly words: readonly string[];
}

/** Every simple command in the shell blocks. */
const TYPED = TEXTS.flatMap(({ file, text }) =>
  blocks(text, "sh").flatMap((block) =>
    block
      .replaceAll("\\\n", " ")
      .split("\n")
      .flatMap((line) => simpleCommands(line).map((command) => ({ file, line, ...command }))),
  ),
);

function blocks(text: string, language: string): string[] {
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, found, body]) =>
    found === language && body !== undefined ? [body] : [],
  );
}

/** Words with their quotes taken off; a redirection ends the words. Enough for the documents, no shell. */
function simpleCommands(line: string): Pick<Typed, "variables" | "words">[] {
  const tokens = [...line.matchAll(/"(?:\$\([^)]*\)|[^"])*"|'[^']*'|#.*$|&&|[|;<>]|[^\s|;<>"']+/g)].map(
    ([token]) => token,
  );
  const commands: string[][] = [[]];
  for (const token of tokens) {
    if (token.startsWith("#")) break;
    if (["|", ";", "&&"].includes(token)) commands.push([]);
    else commands.at(-1)?.push(token.replace(/^(["'])(.*)\1$/, "$2"));
  }
  return commands.map((all) => {
    const end = all.findIndex((word) => word === "<" || word === ">");
    let words = end === -1 ? all : all.slice(0, end);
    if (["do", "then", "while"].includes(words[0] ?? "")) words = words.slice(1);
    const variables: Record<string, string> = {};
    for (let set = /^(\w+)=(.*)$/.exec(words[0] ?? ""); set !== null; set = /^(\w+)=(.*)$/.exec(words[0] ?? "")) {
      variables[set[1] ?? ""] = set[2] ?? "";
      words = words.slice(1);
    }
    if (words[0] === "npx") words = words.slice(1);
    if (words[0] === "npm" && words[1] === "start") {
      const behind = words.indexOf("--");
      words = ["caye", "run", ...(behind === -1 ? [] : words.slice(behind + 1))];
    }
    return { variables, words };
  });
}

function commandNamed(name: string | undefined, said: string[] = []): Command | undefined {
  return createProgram(quietIo(said)).commands.find((known) => known.name() === name);
}

/** The command and its words, or the command below it that the words name (`alert send`, `attest enrol finish`). */
function deepest(command: Command | undefined, args: readonly string[]): [Command | undefined, readonly string[]] {
  const below = command?.commands.find((known) => known.name() === args[0]);
  return below === undefined ? [command, args] : deepest(below, args.slice(1));
}

/** What the program says against a command line; undefined when it would run. Nothing is run. */
function flaw([name, ...args]: readonly string[]): string | undefined {
  const said: string[] = [];
  const [command, rest] = deepest(commandNamed(name, said), args);
  if (command === undefined) {
    return ["--help", "--version", "-V"].includes(name ?? "") ? undefined : `there is no command ${name}`;
  }
  if (args.includes("--help")) return undefined;
  // A group that takes options is a command of its own, too.
  if (command.commands.length > 0 && command.options.length === 0) return `${command.name()} has no ${rest[0]}`;
  try {
    const { operands, unknown } = command.parseOptions([...rest]);
    const wanted = command.registeredArguments.filter(({ required }) => required).length;
    if (unknown.length > 0) return `unknown: ${unknown.join(" ")}`;
    if (operands.length < wanted || operands.length > command.registeredArguments.length) return "wrong arguments";
    return undefined;
  } catch (error) {
    return `${String(error)} ${said.join("")}`;
  }
}

function quietIo(said: string[]): CliIo {
  const say = (text: string): void => void said.push(text);
  const never = (): never => {
    throw new Error("a document's command was run");
  };
  return {
    env: {},
    version: "0.0.0",
    nodeVersion: "24.0.0",
    isTty: false,
    isStdoutTty: false,
    readStdin: never,
    ask: never,
    recoveryTools: never,
    columns: () => 80,
    stdout: say,
    stderr: say,
    statePath: never,
    fetch: never,
    readFile: never,
    writeFile: never,
    makeDirectory: never,
    facts: never,
    list: never,
    sleep: never,
    monotonicMs: never,
    setExitCode: never,
    resolve: never,
    checkConfig: never,
    run: never,
    villageTools: never,
    attestTools: never,
    simulator: never,
    radioTools: never,
    entropyTools: never,
    selfTestTools: never,
    updateTools: never,
    upkeepTools: never,
    provisionTools: never,
    bootstrapTools: never,
    boardTools: never,
    untilStopped: never,
  };
}

test("the documents were found, and commands in them", () => {
  expect(FILES).toEqual(
    expect.arrayContaining(["README.md", "docs/cli.md", "docs/configuration.md", "docs/runbook.md"]),
  );
  expect(TYPED.filter(({ words }) => words[0] === "caye").length).toBeGreaterThan(15);
});

test("a command line that would not run is told from one that would", () => {
  for (const words of [["get", "a", "-o", "b"], ["log", "--limit", "5"], ["run"]]) expect(flaw(words)).toBeUndefined();
  for (const words of [
    ["got"],
    ["ls", "--jsno"],
    ["get"],
    ["get", "a", "b"],
    ["log", "--limit", "many"],
    ["put", "-o"],
  ]) {
    expect(flaw(words), words.join(" ")).toBeDefined();
  }
});

describe("what is to be typed", () => {
  const commands = TYPED.filter(({ words }) => words[0] === "caye");

  test.each(commands)("in $file: $line", ({ words }) => {
    expect(flaw(words.slice(1))).toBeUndefined();
  });

  test("names npm scripts that there are", () => {
    const manifest: { scripts: Record<string, string> } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const named = TYPED.flatMap(({ words }) => (words[0] === "npm" ? [words[1] === "run" ? words[2] : words[1]] : []));
    for (const name of named) expect(Object.keys(manifest.scripts)).toContain(name);
  });

  test("sets variables that are read, to values that they take", () => {
    const inProse = TEXTS.flatMap(({ text }) => [...text.matchAll(/`[^`\n]*\b(CAYE_\w+)=(\S+?)(?:`| )/g)]).map(
      ([, name = "", value = ""]) => ({ [name]: value }),
    );
    for (const variables of [...TYPED.map((typed) => typed.variables), ...inProse]) {
      const fields = Object.entries(variables).filter(([name]) => !OTHER_VARIABLES.has(name));
      const ours = Object.fromEntries(fields.filter(([name]) => name.startsWith("CAYE_")));
      expect(() => parseConfig("", ours), JSON.stringify(ours)).not.toThrow();
    }
  });

  test("in prose and tables is a command that there is, with options that it has", () => {
    for (const { file, text } of TEXTS) {
      for (const [, line = ""] of text.matchAll(/`(?:npx )?caye ([a-z][^`\n]*)`/g)) {
        if (NO_COMMAND.test(line)) continue;
        const words = line
          .replace(/\\\||[[\]…]/g, " ")
          .trim()
          .split(/\s+/);
        const [name, ...rest] = words;
        expect(flaw([name ?? "", "--help"]), `${file}: ${line}`).toBeUndefined();
        const options = rest.filter((word) => /^--?[a-z]/.test(word));
        const [command] = deepest(commandNamed(name), rest);
        const flags = (command?.options ?? []).flatMap(({ short, long }) => [short, long]);
        for (const option of options) expect([...flags, "--help"], `${file}: ${line}`).toContain(option);
      }
    }
  });
});

test("configuration that is shown is accepted", () => {
  const shown = TEXTS.flatMap(({ text }) => blocks(text, "toml"));
  expect(shown.length).toBeGreaterThan(0);
  for (const toml of shown) expect(() => parseConfig(toml, {}), toml).not.toThrow();
});

test("every command has its row in docs/cli.md", () => {
  const page = TEXTS.find(({ file }) => file === "docs/cli.md")?.text ?? "";
  for (const command of createProgram(quietIo([])).commands) expect(page).toContain(`| \`caye ${command.name()}`);
});

test("figures that are named exist", async () => {
  const page = await fullPage();
  for (const { file, text } of TEXTS) {
    for (const [, name] of text.matchAll(/`(caye_[a-z_]+)/g))
      expect(page, `${file}: ${name}`).toContain(`# TYPE ${name} `);
  }
});

test("links within the project lead somewhere", () => {
  for (const { file, text } of TEXTS) {
    const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
    for (const [, target = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:|^#/.test(target)) continue;
      const path = join(ROOT, dirname(file), target.replace(/#.*$/, ""));
      expect(existsSync(path), `${file} links to ${relative(ROOT, path)}`).toBe(true);
    }
  }
});

test("tests that are named as showing something are there", () => {
  const named = TEXTS.flatMap(({ file, text }) =>
    [...text.matchAll(/`(test\/[\w./-]+\.ts)`/g)].map(([, path = ""]) => ({ file, path })),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter(({ path }) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test("the runbook knows every state of the boot that the threat model names", () => {
  const text = (name: string): string => TEXTS.find(({ file }) => file === name)?.text ?? "";
  const table = /^\| step[\s\S]*?\n\n/m.exec(text("docs/threat-model.md"))?.[0] ?? "";
  const states = [...table.matchAll(/`([a-z-]+)`/g)].map(([, state]) => state);
  expect(states.length).toBeGreaterThan(15);
  for (const state of states) expect(text("docs/runbook.md")).toContain(`\`${state}\``);
});
