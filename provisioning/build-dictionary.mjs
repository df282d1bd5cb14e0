/**
 * Builds src/codec/dictionary-1.ts from the texts of provisioning/dictionary/: `node provisioning/build-dictionary.mjs`.
 *
 * names.txt holds a name a line. Every other .txt file holds texts of one kind, divided by lines of "~~~~". Texts are taken in
 * turn from each file, the shortest files' texts spread evenly over the whole, so that no kind comes last.
 * @module
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";

const ROOT = join(import.meta.dirname, "..");
const SOURCES = join(import.meta.dirname, "dictionary");
const TARGET = join(ROOT, "src/codec/dictionary-1.ts");

const read = (file) => readFileSync(join(SOURCES, file), "utf8");

/** Text number i of n of a file stands at (i + 1/2) / n of the whole; at the same place the files' order decides. */
function contents() {
  const files = readdirSync(SOURCES)
    .filter((file) => file.endsWith(".txt") && file !== "names.txt")
    .sort();
  return files
    .flatMap((file, order) => {
      const texts = read(file).split(/^~~~~\n/m);
      return texts.map((text, i) => ({ text, order, place: (2 * i + 1) / (2 * texts.length) }));
    })
    .sort((a, b) => a.place - b.place || a.order - b.order)
    .map(({ text }) => text);
}

function names() {
  return read("names.txt").split("\n").filter(Boolean);
}

function packed(texts) {
  const bytes = Buffer.from(texts.map((text) => `${text}\0`).join(""), "utf8");
  return deflateRawSync(bytes, { level: 9 }).toString("base64");
}

writeFileSync(
  TARGET,
  `/**
 * The first dictionary, built by provisioning/build-dictionary.mjs: texts in UTF-8, each followed by a zero byte, deflated,
 * in base64. Never edit it: what was packed with it could not be read again.
 * @module
 */

export const CONTENTS = "${packed(contents())}";

export const NAMES = "${packed(names())}";
`,
);
