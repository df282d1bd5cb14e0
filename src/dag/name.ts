/**
 * Names of files and authors: 1 … 64 bytes of UTF-8 in normal form C.
 *
 * A name becomes a file name at the receiver and is shown on terminals, so it has no `/`, no `\`, no leading dot, no space
 * at either end, and no character that controls or reorders text.
 * @module
 */
import { utf8 } from "../kernel/bytes.ts";

export const MAX_NAME_BYTES = 64;

// Listed, not taken from Unicode's classes: those grow with every Node release, and then two nodes would disagree on
// which entries are valid.
// C0 and `/`, `\\`, DEL and C1; what is invisible or turns the direction of writing; line and paragraph separators.
const FORBIDDEN: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x2f, 0x2f],
  [0x5c, 0x5c],
  [0x7f, 0x9f],
  [0x61c, 0x61c],
  [0x200b, 0x200b],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0xfeff, 0xfeff],
];

/** What is wrong with a name, as a short phrase; undefined when it is fit for an entry. */
export function nameFlaw(name: string): string | undefined {
  const length = utf8(name).length;
  if (length === 0) return "empty name";
  if (length > MAX_NAME_BYTES) return "name too long";
  if (!name.isWellFormed()) return "name not well-formed";
  if (hasForbidden(name)) return "name with a forbidden character";
  if (name.startsWith(".")) return "name with a leading dot";
  if (name !== name.trim()) return "name with a space at an end";
  return name === name.normalize("NFC") ? undefined : "name not in normal form C";
}

function hasForbidden(name: string): boolean {
  for (const character of name) {
    const point = character.codePointAt(0) ?? 0;
    if (FORBIDDEN.some(([first, last]) => point >= first && point <= last)) return true;
  }
  return false;
}
