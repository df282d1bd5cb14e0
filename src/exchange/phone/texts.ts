/**
 * An answer as texts that fit a packet, marked so that no node takes them for a question.
 *
 * One text begins with `» `; of several each begins with its number, `(2/5) `. A cut is never inside a character, and
 * between words or lines where there is such a place. Sizes are bytes of UTF-8.
 * @module
 */
import { utf8 } from "../../kernel/bytes.ts";

/** Of one text, all in all: fits everywhere, encrypted or not. */
export const MAX_TEXT_BYTES = 200;
/** Of one answer, with all that `more` would show. */
export const MAX_PARTS = 99;

const MARK = "» ";
const NUMBERED = /^\(\d{1,2}\s?\/\s?\d{1,2}\)/;
/** Of `(12/24) `. */
const NUMBER_BYTES = 8;
/** A cut between words may leave so much of a text empty. */
const MOST_EMPTY = 0.4;

/** True for what a node says: it is never answered. */
export function isOwnText(text: string): boolean {
  return text.startsWith(MARK.trim()) || NUMBERED.test(text);
}

/**
 * The whole answer in texts; what is beyond {@link MAX_PARTS} is left out.
 * @param batch texts that are sent at once; the last of each batch, when others follow, ends with the hint
 * @param hint how to get more
 */
export function splitAnswer(body: string, batch: number, hint: string): readonly string[] {
  const clean = body.trim();
  if (byteLength(MARK + clean) <= MAX_TEXT_BYTES) return [MARK + clean];
  const tail = `\n[${hint}]`;
  const pieces: string[] = [];
  for (let left = clean; left !== "" && pieces.length < MAX_PARTS;) {
    const last = pieces.length % batch === batch - 1;
    const piece = firstPiece(left, MAX_TEXT_BYTES - NUMBER_BYTES - (last ? byteLength(tail) : 0));
    pieces.push(piece.trim());
    left = left.slice(piece.length).trim();
  }
  const ended = (i: number): string => (i % batch === batch - 1 && i < pieces.length - 1 ? tail : "");
  return pieces.map((piece, i) => `(${i + 1}/${pieces.length}) ${piece}${ended(i)}`);
}

/** The longest beginning that fits, up to the end of a line or word when one is near enough. Never empty. */
function firstPiece(text: string, maxBytes: number): string {
  let bytes = 0;
  let end = 0;
  let gap: { readonly end: number; readonly bytes: number } | undefined;
  for (const character of charactersOf(text, maxBytes)) {
    if (/^\s/u.test(character)) gap = { end, bytes };
    bytes += byteLength(character);
    if (bytes > maxBytes) {
      const near = gap !== undefined && gap.bytes >= maxBytes * (1 - MOST_EMPTY);
      return text.slice(0, near ? gap?.end : end);
    }
    end += character.length;
  }
  return text;
}

/** As people see them; one that alone exceeds a text is taken apart. */
function* charactersOf(text: string, maxBytes: number): Generator<string> {
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "grapheme" }).segment(text)) {
    if (byteLength(segment) <= maxBytes) yield segment;
    else yield* segment;
  }
}

function byteLength(text: string): number {
  return utf8(text).length;
}
