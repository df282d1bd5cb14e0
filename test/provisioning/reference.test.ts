import { spawnSync } from "node:child_process";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test, type TestContext } from "vitest";
import {
  bashCompletion,
  entries,
  fishCompletion,
  manPage,
  zshCompletion,
} from "../../provisioning/package/reference.ts";

/** What a program prints when it is given a text as a file; skips when it is not installed. */
async function given(
  context: TestContext | undefined,
  text: string,
  command: string,
  ...args: readonly string[]
): Promise<string> {
  await using directory = await mkdtempDisposable(join(tmpdir(), "caye-reference-"));
  const file = join(directory.path, "text");
  await writeFile(file, text);
  const ran = spawnSync(command, args.length === 0 ? [file] : args.map((arg) => arg.replace("FILE", file)), {
    encoding: "utf8",
  });
  if (ran.error !== undefined) context?.skip(`${command} is not installed`);
  expect({ status: ran.status, stderr: ran.stderr }).toEqual({ status: 0, stderr: "" });
  return ran.stdout;
}

describe("the man page", () => {
  test("is sound roff, and tells every command with its options", async (context) => {
    const page = manPage("1.2.3", "2026-01-31");
    expect(await given(context, page, "mandoc", "-T", "lint", "-W", "warning", "FILE")).toBe("");
    const text = (await given(context, page, "mandoc", "-T", "utf8", "-O", "width=200", "FILE")).replace(/.[\b]/gu, "");
    for (const { words, options } of entries().slice(1)) {
      expect(text).toContain(`caye ${words.join(" ")}`);
      for (const { long, short } of options) expect(text).toContain(long ?? short);
    }
    expect(text).toContain("caye 1.2.3");
    expect(text).toContain("Exit codes: 0 done, 1 failed");
  });
});

describe("completions", () => {
  const typed = (...words: string[]): string =>
    `source FILE; compopt() { :; }; COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${
      words.length - 1
    }; _caye; echo "\${COMPREPLY[*]}"`;

  test.each([
    [["caye", "att"], "attest"],
    [["caye", "village", "re"], "revoke request"],
    [["caye", "attest", "enrol", "chal"], "challenge"],
    [["caye", "get", "a.txt", "--tim"], "--timeout"],
    [["caye", "--json", "villa"], "village"],
    // The name of a file that is called like a command is no command.
    [["caye", "put", "status", "--na"], "--name"],
    [["caye", "get", "a.txt", "-o", "b"], ""],
  ] as const)("bash: %s", async (words, expected) => {
    expect((await given(undefined, bashCompletion(), "bash", "-c", typed(...words))).trim()).toBe(expected);
  });

  test("fish: commands, and the options of the command that is typed", async (context) => {
    const asked = (line: string): Promise<string> =>
      given(context, fishCompletion(), "fish", "--no-config", "-c", `source FILE; complete -C '${line}'`);
    expect(await asked("caye vil")).toMatch(/^village\t/);
    expect(await asked("caye village rev")).toMatch(/^revoke\t/);
    expect(await asked("caye get a.txt --tim")).toMatch(/^--timeout\t/);
    expect(await asked("caye ls --tim")).toBe("");
  });

  test("zsh: sound, and knows every command", async (context) => {
    const script = zshCompletion();
    expect(await given(context, script, "zsh", "-n", "FILE")).toBe("");
    for (const { words } of entries()) expect(script).toContain(`    '${words.join(" ")}') commands=(`);
  });
});
