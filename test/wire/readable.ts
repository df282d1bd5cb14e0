/** A message as in the vectors: bytes in hex, what is absent as null. @module */
import { toHex } from "../../src/kernel/bytes.ts";

export function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, readable(inner)]));
  }
  return value === undefined ? null : value;
}
