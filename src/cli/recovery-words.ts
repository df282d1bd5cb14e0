/**
 * Recovery words: 24 words of BIP-39 that stand for 32 bytes, the last one partly for their checksum. English or Spanish,
 * as they were shown; accents and capitals may be left out, and four letters of a word are enough.
 * @module
 */
import { entropyToMnemonic, mnemonicToEntropy } from "@scure/bip39";
import { wordlist as english } from "@scure/bip39/wordlists/english.js";
import { wordlist as spanish } from "@scure/bip39/wordlists/spanish.js";
import { AgentError } from "../kernel/errors.ts";
import { nearest } from "../kernel/nearest.ts";
import { printable } from "./text.ts";

export type WordLanguage = "en" | "es";

export const RECOVERY_WORDS = 24;

/** By this many letters every word of a list is known. */
const TELLING_LETTERS = 4;

interface List {
  /** As BIP-39 has them: NFKD. */
  readonly words: readonly string[];
  /** As they are compared. */
  readonly plain: readonly string[];
}

/** @param secret 32 bytes @returns 24 words, as they are shown */
export function wordsOf(secret: Uint8Array, language: WordLanguage): readonly string[] {
  const mnemonic = entropyToMnemonic(secret, [...(language === "es" ? spanish : english)]);
  return mnemonic.split(/\s+/).map((word) => word.normalize("NFC"));
}

/**
 * The 32 bytes that the words stand for.
 * @throws AgentError "RECOVERY_TYPED": not 24 words, one that is in no list (with the nearest that is), or words that
 *   can't stand together
 */
export function secretOf(text: string): Uint8Array {
  const typed = text
    .split(/[\s,]+/)
    .map((word) => word.replace(/^\d+[.)]/, ""))
    .filter((word) => word !== "");
  if (typed.length !== RECOVERY_WORDS) {
    throw wrong(`there are ${typed.length} words, not ${RECOVERY_WORDS}`, "type all of them, in their order");
  }
  const list = likelier(typed.map(plainOf));
  const words = typed.map((word, i) => known(word, i + 1, list));
  try {
    return mnemonicToEntropy(words.join(" "), [...list.words]);
  } catch {
    // Not the reason itself: it may quote a word.
    throw wrong(
      "each of the words is in the list, but together they do not fit",
      "one is mistaken for another, or two have changed places: compare them with the paper, one by one",
    );
  }
}

function known(word: string, position: number, { words, plain }: List): string {
  const at = indexOf(plainOf(word), plain);
  const found = words[at];
  if (found !== undefined) return found;
  const near = nearest(plainOf(word), plain);
  const meant = near === undefined ? "" : `; did you mean “${words[plain.indexOf(near)]?.normalize("NFC") ?? ""}”?`;
  throw wrong(
    `word ${position}, “${printable(word.slice(0, 24))}”, is not in the list${meant}`,
    "compare that word with the paper",
  );
}

function indexOf(word: string, plain: readonly string[]): number {
  const exact = plain.indexOf(word);
  if (exact !== -1 || word.length !== TELLING_LETTERS) return exact;
  return plain.findIndex((candidate) => candidate.startsWith(word));
}

/** The list that more of the words are in. */
function likelier(typed: readonly string[]): List {
  const lists = [english, spanish].map((words): List => ({ words, plain: words.map(plainOf) }));
  const counts = lists.map(({ plain }) => typed.filter((word) => indexOf(word, plain) !== -1).length);
  const [inEnglish = 0, inSpanish = 0] = counts;
  const [first, second] = lists;
  const chosen = inSpanish > inEnglish ? second : first;
  return chosen ?? { words: english, plain: english };
}

function plainOf(word: string): string {
  return word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function wrong(message: string, fix: string): AgentError {
  return new AgentError("RECOVERY_TYPED", message, { fix });
}
