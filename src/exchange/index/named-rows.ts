/** Authors as a PULL names them: by the beginning of their ids, in that order, each once. @module */
import { fromHex } from "../../kernel/bytes.ts";
import { SHORT_ID_BYTES } from "../../wire/holdings.ts";
import type { Pull } from "../../wire/pull.ts";

/** Authors named at once: three answers' worth. */
export const MAX_NAMED = 30;

/** @param authors ids in hex, or their beginnings of 4 bytes or more, and entries held of each */
export function namedRows(authors: readonly { readonly hex: string; readonly count: number }[]): Pull["vector"] {
  const rows = new Map(authors.map(({ hex, count }) => [shortHex(hex), count]));
  return [...rows]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([hex, count]) => ({ author: fromHex(hex) ?? new Uint8Array(SHORT_ID_BYTES), count }));
}

/** What of an id a PULL tells, in hex. */
export function shortHex(hex: string): string {
  return hex.slice(0, 2 * SHORT_ID_BYTES);
}
