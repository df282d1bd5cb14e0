/**
 * Takes secrets out of texts that leave the node. Two ways, each enough for most: values that are known, because the files are
 * known that hold them, in every form they may be written in; and what looks like a secret, whatever it says.
 * @module
 */
import { fromUtf8, toHex } from "../kernel/bytes.ts";

export const BLANK = "[removed]";

/** Shorter values are words of every language: they would blank half a log. */
const LEAST_CHARACTERS = 6;
/** Bounded: whoever has a long line logged must not keep the bundle waiting. */
const NAME = String.raw`[\w.-]{0,40}(?:psk|passw(?:or)?d|passphrase|contrase(?:ñ|n\u0303|n)a|clave|token|secret|api[_-]?key|private[_-]?key|group[_-]?key|wep[_-]?key)[\w.-]{0,40}`;
/** In TOML's and YAML's long forms; in quotes, also escaped ones; else to the end of the line: passphrases have spaces. */
const VALUE = [
  String.raw`"""[\s\S]*?(?:"""|$(?![\s\S]))|'''[\s\S]*?(?:'''|$(?![\s\S]))`,
  String.raw`[|>][+-]?\n(?:[ \t]+[^\n]*\n?)+`,
  String.raw`\\+"[^"\n]*"|"(?:\\.|[^"\\\n])*"|'[^'\n]*'`,
  String.raw`[^\s,;&}"'][^\n,;&}"']*`,
].join("|");

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, BLANK],
  [/(caye-group-key \d+ )[0-9a-f]+/gi, `$1${BLANK}`],
  [/(caye-authority 1 (?:plain|scrypt) )[0-9a-f ]+/gi, `$1${BLANK}`],
  // A journal puts its own words before each line.
  [/(caye-backup-secret 1 \w+[\s\S]{0,160}?)[A-Za-z0-9+/]{100,}={0,2}/g, `$1${BLANK}`],
  [/(meshtastic\.org\/e\/[^\s#%]{0,100}(?:#|%23))[\w+/=%-]+/gi, `$1${BLANK}`],
  [/(\bauthorization["']?\s*[=:]\s*["']?)[^\n"']+/gi, `$1${BLANK}`],
  [/((?:bearer|basic)\s+)[\w.~+/=-]{6,}/gi, `$1${BLANK}`],
  [/(:\/\/[^\s/:@]{0,100}:)[^\s@]{1,200}(?=@)/g, `$1${BLANK}`],
  // `curl -u NAME:PASSWORD`, `--user`, `--proxy-user`.
  [/((?:^|\s)(?:-[uU]|--(?:proxy-)?user)[\s=]*["']?[^\s:"']{1,100}:)(?!\d+(?:\s|$))[^\s"']+/gm, `$1${BLANK}`],
  // Hashed passwords are secrets, too: they can be guessed at leisure.
  [/\$(?:1|2[aby]?|5|6|7|y|gy)\$[\w./$=,-]{8,}/g, BLANK],
  // `psk=…`, `"password": "…"`, `passphrase: …`, `--token …`; paths, true and false, and empty values stay.
  [new RegExp(String.raw`((?:^|[\s"'{,;?&#(\\[-])${NAME}\\*["']?\s*[=:]\s*)(${VALUE})`, "gim"), ""],
  [new RegExp(String.raw`(\s--${NAME}\s+)("[^"\n]*"|'[^'\n]*'|[^\s"'-][^\s"']*)`, "gi"), ""],
  // Twenty-four words of a word list in a row, numbered or not.
  [/(?:(?:\d{1,2}[.)]\s*)?\b[a-záéíóúñ]{3,8}\b[ \t\n,]+){23}(?:\d{1,2}[.)]\s*)?\b[a-záéíóúñ]{3,8}\b/gi, BLANK],
];
/** Keys in base64 may begin with a slash, too. */
const PLACES = "boot|dev|etc|home|media|mnt|opt|proc|root|run|srv|sys|tmp|usr|var";
const HARMLESS = new RegExp(
  String.raw`^["']?(?:|true|false|null|none|auto|yes|no|\d{1,5}|/(?:${PLACES})(?:/[\w./-]*)?|\[removed\]|FILE|[\w./-]{1,200}\.(?:key|pub|secret|toml|txt))["']?$`,
  "i",
);

export function redacted(text: string, known: readonly string[]): string {
  let clean = text;
  for (const value of known) if (value.length >= LEAST_CHARACTERS) clean = clean.replaceAll(value, BLANK);
  for (const [pattern, replacement] of PATTERNS) {
    clean =
      replacement === ""
        ? clean.replace(pattern, (all: string, head: string, value: string) =>
            HARMLESS.test(value) ? all : `${head}${BLANK}`,
          )
        : clean.replace(pattern, replacement);
  }
  return clean;
}

/** All forms in which somebody may have printed a value. */
export function formsOf(secret: Uint8Array): readonly string[] {
  const text = fromUtf8(secret)?.trim();
  const bytes = Buffer.from(secret);
  const readable = text !== undefined && /^[\x20-\x7e\n\r\t]+$/.test(text) ? text.split(/\s*\n\s*/) : [];
  return [
    ...new Set([
      ...readable,
      toHex(secret),
      toHex(secret).toUpperCase(),
      bytes.toString("base64"),
      bytes.toString("base64").replace(/=+$/, ""),
      bytes.toString("base64url"),
      ...readable.map((line) => Buffer.from(line).toString("base64").replace(/=+$/, "")),
    ]),
  ].toSorted((a, b) => b.length - a.length);
}

/** Values in files that hold settings besides: `psk=…`, `password: …`, `channel_url = "…"`. */
export function valuesIn(text: string): readonly string[] {
  const names = new RegExp(String.raw`${NAME}|channel_url|psk|passwd`, "i");
  return text.split("\n").flatMap((line) => {
    const [, name = "", value = ""] = /^\s*["']?([\w.-]+)["']?\s*[=:]\s*(.*?)\s*$/.exec(line) ?? [];
    const bare = value.replace(/^(["'])(.*)\1$/, "$2");
    return names.test(name) && !HARMLESS.test(bare) && bare.length >= LEAST_CHARACTERS ? [bare] : [];
  });
}
