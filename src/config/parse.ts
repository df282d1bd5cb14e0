/** Reads a configuration: TOML text, then `CAYE_*` variables over it, against the one schema. @module */
import { TomlError, parse as parseToml } from "smol-toml";
import type { z } from "zod";
import { AgentError, describeError } from "../kernel/errors.ts";
import { type FieldRow, fieldRows, tableNames } from "./fields.ts";
import { nearest } from "../kernel/nearest.ts";
import { type Config, schema } from "./schema.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Tables = Record<string, unknown>;

const PREFIX = "CAYE_";
/** These name the state directory and the configuration file themselves. */
const NOT_FIELDS: readonly string[] = ["CAYE_STATE", "CAYE_CONFIG"];
const MAX_TOML_CHARACTERS = 100_000;

/**
 * @param toml the file's text; empty when there is none
 * @throws AgentError "CONFIG_INVALID", whose message lists every problem, one a line, each with the field's path
 */
export function parseConfig(toml: string, env: Environment): Config {
  const { tables, problems, origins } = withEnvironment(readToml(toml), env);
  const result = schema.safeParse(tables);
  if (result.success && problems.length === 0) {
    const crossing = crossingPorts(result.data);
    if (crossing === undefined) return result.data;
    throw invalid([crossing]);
  }
  const found = result.success ? [] : result.error.issues.flatMap((issue) => describeIssue(issue, tables, origins));
  throw invalid([...new Set([...problems, ...found])]);
}

function invalid(problems: readonly string[]): AgentError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new AgentError(
    "CONFIG_INVALID",
    `${count} in the configuration:\n${problems.map((p) => `  ${p}`).join("\n")}`,
    {
      fix: "docs/configuration.md lists every field with its unit, its default and an example.",
    },
  );
}

function readToml(toml: string): Tables {
  if (toml.length > MAX_TOML_CHARACTERS) {
    throw invalid([`the file is longer than ${MAX_TOML_CHARACTERS} characters: is it the right one?`]);
  }
  try {
    return parseToml(toml.startsWith("\uFEFF") ? toml.slice(1) : toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw invalid([describeError(error)]);
    const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw invalid([`line ${error.line}, column ${error.column}: ${reason}`]);
  }
}

interface Merged {
  readonly tables: Tables;
  readonly problems: readonly string[];
  /** Which variable a field's value came from, by path. */
  readonly origins: ReadonlyMap<string, string>;
}

function withEnvironment(file: Tables, env: Environment): Merged {
  const tables: Tables = { ...file };
  const problems: string[] = [];
  const origins = new Map<string, string>();
  for (const [name, text] of Object.entries(env).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(PREFIX) || NOT_FIELDS.includes(name) || text === undefined) continue;
    const row = fieldRows().find((row) => variableName(row.path) === name);
    if (row === undefined) {
      problems.push(unknownVariable(name));
      continue;
    }
    const table = tables[row.table];
    // A table that is no table is refused by the schema; the variable must not paper over it.
    if (table !== undefined && !isTable(table)) continue;
    tables[row.table] = { ...table, [row.key]: variableValue(text, row) };
    origins.set(row.path, name);
  }
  return { tables, problems, origins };
}

/** `CAYE_RADIO_HOP_LIMIT` for `radio.hop_limit`. */
export function variableName(path: string): string {
  return PREFIX + path.replace(".", "_").toUpperCase();
}

function unknownVariable(name: string): string {
  const guess = nearest(name, [...fieldRows().map((row) => variableName(row.path)), ...NOT_FIELDS]);
  const path = name.slice(PREFIX.length).toLowerCase().replace("_", ".");
  return `${path}: there is no such field, yet the environment variable ${name} is set${didYouMean(guess)}`;
}

function variableValue(text: string, row: FieldRow): unknown {
  if (row.kind === "text") return text;
  if (row.kind === "number") return toNumber(text);
  const items = text.trim().replace(/^\[(.*)\]$/, "$1");
  if (row.kind === "numbers") return items.split(",").map(toNumber);
  const texts = items.split(",").map((item) => item.trim().replace(/^"(.*)"$/, "$1"));
  return texts.filter((item) => item !== "");
}

function toNumber(text: string): unknown {
  return /^\s*-?\d+(?:\.\d+)?\s*$/.test(text) ? Number(text) : text;
}

function isTable(value: unknown): value is Tables {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function describeIssue(issue: z.core.$ZodIssue, tables: Tables, origins: ReadonlyMap<string, string>): string[] {
  const [table, key] = issue.path.map(String);
  if (issue.code === "unrecognized_keys") return issue.keys.map((unknown) => unknownKey(table, unknown));
  const row = fieldRows().find((row) => row.table === table && row.key === key);
  if (row === undefined) return [`${table ?? ""}: must be a table: write [${table ?? ""}] on a line of its own`];
  const value = valueAt(tables, row);
  const custom = issue.code === "custom" ? issue : undefined;
  if (custom?.params?.["whole"] === true)
    return [`${row.path} = ${value === undefined ? row.initial : show(value)}: ${issue.message}`];
  const reason = custom !== undefined && row.facts.unit === "device URI" ? ` (${issue.message})` : "";
  const origin = origins.get(row.path);
  const where = origin === undefined ? "" : `; the value is from the environment variable ${origin}`;
  return [
    `${row.path} = ${show(value)}: must be ${row.facts.expects}${reason}, for example ${row.key} = ${row.facts.example}` +
      `${unitHint(value, row)}${where}`,
  ];
}

function unknownKey(table: string | undefined, key: string): string {
  if (table === undefined) {
    const home = fieldRows().find((row) => row.key === key);
    if (home !== undefined) return `${key}: stands outside of its table: write it below [${home.table}]`;
    return `${key}: there is no such table${didYouMean(nearest(key, tableNames()))}`;
  }
  const own = fieldRows().filter((row) => row.table === table);
  const guess = nearest(
    key,
    own.map((row) => row.key),
  );
  if (guess !== undefined) return `${table}.${key}: there is no such field${didYouMean(guess)}`;
  const elsewhere = fieldRows().find((row) => row.key === key);
  if (elsewhere !== undefined) return `${table}.${key}: there is no such field; ${key} belongs to [${elsewhere.table}]`;
  return `${table}.${key}: there is no such field; [${table}] has ${own.map((row) => row.key).join(", ")}`;
}

function didYouMean(guess: string | undefined): string {
  return guess === undefined ? "" : `; did you mean ${guess}?`;
}

/** The commonest slips with units, each with its cure. */
function unitHint(value: unknown, row: FieldRow): string {
  if (row.kind !== "number") return "";
  if (typeof value === "string" && /^\s*-?\d+(?:\.\d+)?\s*$/.test(value)) return "; write it without quotes";
  if (typeof value === "string" && /^\s*[\d.]+\s*%\s*$/.test(value))
    return "; write a percentage as a ratio: 50 % is 0.5";
  if (typeof value === "string" && /^\s*[\d.]+\s*\p{L}/u.test(value))
    return "; write the bare number, its unit is fixed";
  const ratio = row.facts.unit?.startsWith("ratio") === true;
  if (ratio && typeof value === "number" && value > 1 && value <= 100) return `; ${value} % is ${value / 100}`;
  return "";
}

function valueAt(tables: Tables, row: FieldRow): unknown {
  const table = tables[row.table];
  return isTable(table) ? table[row.key] : undefined;
}

function show(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function crossingPorts({ api, metrics }: Config): string | undefined {
  if (api.port === 0 || api.port !== metrics.port || api.host !== metrics.host) return undefined;
  return `metrics.port = ${metrics.port}: is the port of [api] too; give each its own, for example port = 9427`;
}
