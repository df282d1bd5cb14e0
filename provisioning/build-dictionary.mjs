/**
 * Builds src/codec/dictionary-1.ts from the texts of provisioning/dictionary/: `node provisioning/build-dictionary.mjs`.
 * With `--hash` it writes nothing and prints the SHA-256 of the texts.
 *
 * names.txt holds a name a line. Every other .txt file holds texts of one kind, divided by lines of "~~~~". The texts of
 * each file are spread evenly over the whole, so that no kind comes last.
 * @module
 */
import { createHash } from "node:crypto";
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

function joined(texts) {
  return Buffer.from(texts.map((text) => `${text}\0`).join(""), "utf8");
}

const sections = { CONTENTS: joined(contents()), NAMES: joined(names()) };

if (process.argv.includes("--hash")) {
  // Of the texts, not of the file: another zlib may deflate the same texts to other bytes.
  const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");
  console.log(JSON.stringify({ contents: hash(sections.CONTENTS), names: hash(sections.NAMES) }));
} else {
  const constants = Object.entries(sections).map(
    ([name, bytes]) => `export const ${name} =
  "${deflateRawSync(bytes, { level: 9 }).toString("base64")}";\n`,
  );
  writeFileSync(
    TARGET,
    `/**
 * The first dictionary, built by provisioning/build-dictionary.mjs: texts in UTF-8, each followed by a zero byte, deflated,
 * in base64. Never edit it: what was packed with it could not be read again.
 * @module
 */

${constants.join("\n")}`,
  );
}
