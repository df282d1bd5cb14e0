/** JSON from outside. @module */
import { fromUtf8 } from "./bytes.ts";

/** Undefined when the bytes are no JSON text. */
export function parseJson(bytes: Uint8Array): unknown {
  const text = fromUtf8(bytes);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
