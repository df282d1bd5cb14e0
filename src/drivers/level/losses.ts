/**
 * What LevelDB left out when it opened a directory: it goes on without records that it can't read, and says so only in
 * its own log file, `LOG`, which the next opening replaces.
 * @module
 */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** The file can grow while a database is open; what concerns the opening stands at its beginning. */
const MAX_LOG_BYTES = 2 ** 20;
const MAX_LOSSES = 8;
const MAX_SENTENCE = 200;
/** Of recovery, of repair, and of an opening that missed files. */
const LOSS =
  /: (dropping \d+ bytes; .*)$|(Log #\d+: (?:dropping|ignoring) .*)$|(Table #\d+: (?:dropped|unparsable).*)$/;
const MISSING = /\d+ missing files/;

/** One sentence a loss, of the latest opening or repair; none when all was read. */
export async function lossesIn(directory: string): Promise<readonly string[]> {
  const text = await readFile(join(directory, "LOG"), "latin1").catch(() => "");
  const losses: string[] = [];
  for (const line of text.slice(0, MAX_LOG_BYTES).split("\n")) {
    const [, ...found] = LOSS.exec(line) ?? [];
    const what = found.find((part) => part !== undefined);
    if (what !== undefined && losses.length < MAX_LOSSES) losses.push(what.slice(0, MAX_SENTENCE));
  }
  return losses;
}

/** The same from why an opening failed: undefined when that was for another reason. */
export function lossOf(failure: string): string | undefined {
  return MISSING.exec(failure)?.[0];
}

/** True when a database, or a part of one, stands there. */
export async function holdsDatabase(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch(() => []);
  return names.some((name) => /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))$/.test(name));
}
