/** The schema's fields as rows: for messages, for variables and for the documentation. @module */
import { z } from "zod";
import type { FieldFacts } from "./field.ts";
import { TABLES } from "./schema.ts";

export interface FieldRow {
  readonly table: string;
  readonly key: string;
  /** `radio.hop_limit` */
  readonly path: string;
  readonly kind: "text" | "number" | "numbers" | "texts";
  readonly facts: FieldFacts;
  /** As it would stand in the file, right of the `=`. */
  readonly initial: string;
}

export function tableNames(): readonly string[] {
  return Object.keys(TABLES);
}

const FACTS = z.object({
  description: z.string(),
  expects: z.string(),
  example: z.string(),
  unit: z.string().optional(),
});

/** In the order of the documentation. */
export function fieldRows(): readonly FieldRow[] {
  return Object.entries(TABLES).flatMap(([table, { table: object }]) =>
    Object.entries<z.ZodType>(object.shape).map(([key, type]) => fieldRow(table, key, type)),
  );
}

function fieldRow(table: string, key: string, type: z.ZodType): FieldRow {
  const { unit, ...facts } = FACTS.parse(type.meta());
  const initial = initialOf(type);
  return {
    table,
    key,
    path: `${table}.${key}`,
    kind: kindOf(initial),
    facts: unit === undefined ? facts : { ...facts, unit },
    initial: tomlOf(initial),
  };
}

/** What the file would have to say for the default: the input side, a device's URI and not its parts. */
function initialOf(type: z.ZodType): unknown {
  const { def } = type as z.ZodType & { readonly def: { readonly defaultValue?: unknown } };
  return def.defaultValue;
}

function kindOf(initial: unknown): FieldRow["kind"] {
  if (Array.isArray(initial)) return typeof initial[0] === "number" ? "numbers" : "texts";
  return typeof initial === "number" ? "number" : "text";
}

function tomlOf(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(tomlOf).join(", ")}]` : JSON.stringify(value);
}
