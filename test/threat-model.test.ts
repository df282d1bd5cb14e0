/** The threat model claims nothing that no test shows: every row of its tables names one, and that one is there. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const ROOT = resolve(import.meta.dirname, "..");
const page = readFileSync(join(ROOT, "docs/threat-model.md"), "utf8");

/** Rows of the tables whose last column says `shown by`. */
const claims = page.split(/\n(?=#)/).flatMap((section) => tablesOf(section));

function tablesOf(section: string): readonly { readonly claim: string; readonly proofs: readonly string[] }[] {
  const heading = /^#+ (.*)/.exec(section)?.[1] ?? "";
  return section.split(/\n\n+/).flatMap((block) => {
    const lines = block.split("\n").filter((line) => line.startsWith("|"));
    if (!/\| *shown by *\|$/.test(lines[0] ?? "")) return [];
    return lines.slice(2).map((line) => {
      const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
      const proofs = [...(cells.at(-2) ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
      return { claim: `${heading}: ${cells[1] ?? ""}`, proofs };
    });
  });
}

/** `trust/seal.test.ts: the name of a test`; a name that ends in … is the beginning of one. */
function isThere(proof: string): boolean {
  const [, file = "", name = ""] = /^([\w/.-]+\.test\.ts): (.+)$/.exec(proof) ?? [];
  const path = join(ROOT, "test", file);
  if (name === "" || !existsSync(path)) return false;
  return namesIn(readFileSync(path, "utf8")).some((found) =>
    name.endsWith("…") ? found.startsWith(name.slice(0, -1)) : found === name,
  );
}

/** What stands first in each call of `test`, `describe` and their kind. */
function namesIn(source: string): readonly string[] {
  const named =
    /\b(?:test|describe|it)(?:\.\w+(?:<[^>]*>)?(?:\((?:[^()]|\([^()]*\))*\))?)*\(\s*(["'`])((?:\\.|(?!\1)[\s\S])*)\1/g;
  const rows = /^\s*(?:\[\s*)?(["'`])((?:\\.|(?!\1)[^\n])*)\1,?/gm;
  return [...source.matchAll(named), ...source.matchAll(rows)].map((match) =>
    (match[2] ?? "").replaceAll(/\\(.)/g, "$1"),
  );
}

describe("the threat model", () => {
  test("makes claims", () => {
    expect(claims.length).toBeGreaterThan(40);
  });

  test.each(claims)("$claim", ({ proofs }) => {
    expect(proofs).not.toEqual([]);
    expect(proofs.filter((proof) => !isThere(proof))).toEqual([]);
  });

  test("a proof that does not exist would be noticed", () => {
    expect(isThere("boot.test.ts: no test has ever had this name")).toBe(false);
    expect(isThere("no-such.test.ts: makes a key at the first boot and opens with it at every later one")).toBe(false);
    expect(isThere("boot.test.ts: makes a key at the first boot and opens with it at every later one")).toBe(true);
  });
});
