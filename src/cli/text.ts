/** Text for a terminal: sizes, times, tables, and names from the air made safe to show and to save under. @module */

const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}]/gu;
const MAX_FILE_NAME_BYTES = 200;

/** Whoever names a file far away must not move the cursor or reorder the line here. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, "�");
}

/**
 * A file name in one directory, from a name that anybody may have chosen; undefined when nothing usable is left.
 * Never hidden, never a path, never like an option, never longer than a file system takes.
 */
export function safeFileName(name: string): string | undefined {
  const flat = printable(name.normalize("NFC"))
    .replace(/[/\\:*?"<>|]/g, "_")
    .replace(/^[.\s-]+/, "")
    .replace(/[.\s]+$/, "");
  let short = flat;
  while (new TextEncoder().encode(short).length > MAX_FILE_NAME_BYTES) {
    short = short.slice(0, -1).replace(/[\uD800-\uDBFF]$/, "");
  }
  return short === "" ? undefined : short;
}

/** One word for a shell, whatever a name from the air holds: what people copy from our advice must not run. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** As {@link quoted}, and as it is where a shell takes it so. */
export function shellWord(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : quoted(text);
}

/** `900 B`, `12.3 KB`, `4 MB` (powers of 1,000). */
export function formatBytes(bytes: number): string {
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 999_950) return `${tenths(bytes / 1_000)} KB`;
  return `${tenths(bytes / 1_000_000)} MB`;
}

/** `45 ms`, `2.5 s`, `12 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function formatMs(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${tenths(ms / 1_000)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${hours / 24} d` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** One decimal at most: `2.5`, `12`. */
function tenths(number: number): string {
  return number.toFixed(1).replace(/\.0$/, "");
}

/** As Meshtastic writes a node's number: `!0ca7e001`. */
export function nodeName(nodeNumber: number): string {
  return `!${nodeNumber.toString(16).padStart(8, "0")}`;
}

/** Columns aligned by the widest cell, two spaces between, none at the end of a line. `right`: columns of numbers. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const clean = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of clean) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, width(cell));
  const lines = clean.map((row) =>
    row
      .map((cell, i) => {
        const space = " ".repeat((widths[i] ?? 0) - width(cell));
        return right.includes(i) ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd(),
  );
  return lines.map((line) => `${line}\n`).join("");
}

/** The text as it is, or what fits into so many columns with `…` at its end. */
export function clip(text: string, columns: number): string {
  if (width(text) <= columns) return text;
  let short = "";
  for (const character of text) {
    if (width(short + character) > columns - 1) break;
    short += character;
  }
  return `${short}…`;
}

/** Columns that a text takes: combining marks none, wide East Asian letters and most pictures two. */
function width(text: string): number {
  let columns = 0;
  for (const character of text) {
    if (/\p{M}/u.test(character)) continue;
    columns += /[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Script=Katakana}\p{Emoji_Presentation}]/u.test(
      character,
    )
      ? 2
      : 1;
  }
  return columns;
}
