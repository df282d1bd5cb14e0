/** Names of files as villagers give them: short, plain, each used once. @module */
import type { Random } from "../ports/random.ts";
import { drawBelow } from "./seeded-random.ts";

const WORDS: readonly string[] = [
  "boat",
  "tide",
  "clinic",
  "water",
  "school",
  "market",
  "road",
  "storm",
  "farm",
  "fish",
  "bus",
  "shelter",
];
const KINDS: readonly string[] = ["times", "list", "prices", "notes", "plan", "hours", "stock", "report"];
const ENDINGS: readonly string[] = ["txt", "csv", "json", "md"];

/** For example `boat-times-7.csv`; unique by its number. */
export function fileName(random: Random, number: number): string {
  return `${draw(random, WORDS)}-${draw(random, KINDS)}-${number}.${draw(random, ENDINGS)}`;
}

function draw(random: Random, words: readonly string[]): string {
  return words[drawBelow(random, words.length)] ?? "";
}
