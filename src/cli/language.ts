/** In which language people here read. @module */

/** A tag or a locale of Spanish, of whichever country: `es`, `es-BZ`, `es_MX.UTF-8`. */
const SPANISH = /^es(?:[-_.@]|$)/i;

/**
 * True when Spanish was asked for, or is the environment's language; else English is spoken.
 * @param asked a language that was typed; undefined when none was
 */
export function speaksSpanish(env: Readonly<Record<string, string | undefined>>, asked?: string): boolean {
  const set = [env["LC_ALL"], env["LC_MESSAGES"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return SPANISH.test(asked ?? set ?? "");
}
