/** Reads a TOML text against a schema, and says everything that is wrong with it at once. @module */
import { TomlError, parse as parseToml } from "smol-toml";
import type { z } from "zod";
import { AgentError, describeError } from "../kernel/errors.ts";

export interface Reading {
  /** Of the file, for the message. */
  readonly file: string;
  readonly maxCharacters: number;
  /** True when messages may quote what stands in it. */
  readonly quotes: boolean;
  /** What the reader of the message calls a field; else its path. */
  readonly named?: (field: string) => string;
}

/** @throws AgentError "ORDER_INVALID", whose message lists every problem, one a line, each with the field's path */
export function readAgainst<T extends z.ZodType>(schema: T, toml: string, reading: Reading): z.output<T> {
  return checkedAgainst(schema, readToml(toml, reading), reading);
}

/** As {@link readAgainst}, of tables that were read or made before. */
export function checkedAgainst<T extends z.ZodType>(schema: T, tables: unknown, reading: Reading): z.output<T> {
  const result = schema.safeParse(tables);
  if (result.success) return result.data;
  throw invalid(
    reading.file,
    result.error.issues.flatMap((issue) => describeIssue(issue, tables, reading)),
  );
}

function readToml(toml: string, { file, maxCharacters, quotes }: Reading): unknown {
  if (toml.length > maxCharacters) throw invalid(file, [`longer than ${maxCharacters} characters`]);
  try {
    return parseToml(toml.startsWith("\uFEFF") ? toml.slice(1) : toml);
  } catch (error) {
    if (!(error instanceof TomlError)) throw invalid(file, [quotes ? describeError(error) : "no TOML"]);
    const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw invalid(file, [`line ${error.line}, column ${error.column}${quotes ? `: ${reason}` : ""}`]);
  }
}

function describeIssue(issue: z.core.$ZodIssue, tables: unknown, { quotes, named }: Reading): readonly string[] {
  const field = issue.path.join(".");
  const path = named?.(field) ?? field;
  if (issue.code === "unrecognized_keys") {
    if (!quotes) return ["there is a field that has no business there"];
    return issue.keys.slice(0, 8).map((key) => `${[...issue.path, shorten(key)].join(".")}: there is no such field`);
  }
  const value = issue.path.reduce(fieldOf, tables);
  const said = value === undefined ? " is missing" : quotes ? ` = ${shorten(JSON.stringify(value) ?? "?")}` : "";
  return [`${path}${said}: ${issue.message.startsWith("must") ? issue.message : "must be a table"}`];
}

function fieldOf(table: unknown, key: PropertyKey): unknown {
  if (typeof table !== "object" || table === null) return undefined;
  return Object.entries(table).find(([name]) => name === String(key))?.[1];
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function invalid(file: string, problems: readonly string[]): AgentError {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return new AgentError("ORDER_INVALID", `${count} in ${file}:\n${problems.map((p) => `  ${p}`).join("\n")}`, {
    fix: "docs/provisioning.md explains every field; caye provision card writes the files of a card.",
  });
}
