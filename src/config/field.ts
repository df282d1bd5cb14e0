/** A field of the configuration: its type, and what the documentation and the messages say of it. @module */
import type { z } from "zod";

/** What a field carries besides its type; `expects` completes "must be …" or "each must be …". */
export interface FieldFacts {
  /** One sentence. */
  readonly description: string;
  readonly expects: string;
  /** As it would stand in the file, right of the `=`. */
  readonly example: string;
  readonly unit?: string;
}

export function field<T extends z.ZodType>(type: T, facts: FieldFacts): T {
  return type.meta({ ...facts });
}
