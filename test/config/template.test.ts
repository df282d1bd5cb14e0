/** The configuration file that a package brings. */
import { expect, test } from "vitest";
import { fieldRows } from "../../src/config/fields.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { configTemplate } from "../../src/config/template.ts";

test("changes nothing as it is", () => {
  expect(parseConfig(configTemplate(), {})).toEqual(parseConfig("", {}));
});

test("names every field once, and its default is taken when the comment's mark goes", () => {
  const file = configTemplate();
  for (const { key, initial } of fieldRows()) expect(file).toContain(`\n#${key} = ${initial}\n`);
  const opened = file.replaceAll(/^#([a-z_]+ = )/gm, "$1");
  expect(opened.match(/^[a-z_]+ = /gm)).toHaveLength(fieldRows().length);
  expect(parseConfig(opened, {})).toEqual(parseConfig("", {}));
});

test("has lines that fit a terminal", () => {
  const long = configTemplate()
    .split("\n")
    .filter((line) => line.length > 120 && !/^#[a-z_]+ = /.test(line));
  expect(long).toEqual([]);
});
