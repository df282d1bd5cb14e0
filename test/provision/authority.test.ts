/** The authority: made once with words that are typed back, brought back from them, and closed by a real TPM in software. @module */
import { beforeEach, expect, test } from "vitest";
import { provisionTools } from "../../src/compose/provision-tools.ts";
import { fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";
import { missingFor, startSwtpmServer } from "../fakes/swtpm-server.ts";

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
});

const make = (...more: readonly string[]) => cli.run("provision", "authority", ...more);

/** The fakes' authority is made of the same numbers each time, so that its words can be typed. */
async function wordsShown(...more: readonly string[]): Promise<string> {
  const { err } = await make("--words", ...more);
  return [...err.matchAll(/\d+\. (\p{L}+)/gu)].map(([, word]) => word).join(" ");
}

test("nothing is written before the words on paper are right", async () => {
  const words = await wordsShown();
  expect(words.split(" ")).toHaveLength(24);
  const [first = "", second = "", ...rest] = words.split(" ");
  for (const typed of ["", [second, first, ...rest].join(" "), rest.join(" "), "abandon ".repeat(23) + "art"]) {
    cli.stdin = typed;
    const { code, err } = await make("--words");
    expect([code, cli.files.has("village.authority")], typed).toEqual([1, false]);
    expect(err).toMatch(/24|fit|not the ones/);
  }
  cli.stdin = words;
  const { code, out } = await make("--words", "--json");
  expect([code, cli.files.has("village.authority")]).toEqual([0, true]);
  // The words went to people, never to where a program reads.
  for (const word of words.split(" ").slice(0, 3)) expect(out).not.toContain(`${word} `);
  expect(fromUtf8(cli.files.get("village.authority") ?? new Uint8Array())).not.toContain(first);
});

test("the words bring back the same authority, in either language", async () => {
  for (const language of ["en", "es"]) {
    cli = fakeCli();
    cli.stdin = await wordsShown("--language", language);
    const made = await make("--words", "--language", language, "--json");
    const again = await make("--restore", "--out", "./other", "--json");
    expect([made.code, again.code], language).toEqual([0, 0]);
    const { authority, update_key } = JSON.parse(made.out);
    expect(JSON.parse(again.out)).toMatchObject({ authority, update_key });
    // And the village's own command knows the file.
    const shown = await cli.run("village", "show", "--authority", "./other", "--json");
    expect(JSON.parse(shown.out)).toEqual({ authority, update_key });
  }
});

test("an authority is never overwritten; one that only a TPM opens needs words", async () => {
  await make("--out", "village.authority");
  const before = cli.files.get("village.authority");
  expect((await make("--out", "village.authority")).code).toBe(1);
  expect(cli.files.get("village.authority")).toBe(before);
  const { code, err } = await make("--out", "./sealed", "--tpm", "tpm:/dev/tpmrm0");
  expect([code, err]).toEqual([2, expect.stringContaining("--words")]);
});

test("closed by a TPM: it opens there for every command, and nowhere else", async (context) => {
  const missing = missingFor("swtpm");
  if (missing !== undefined) context.skip(missing);
  await using own = await startSwtpmServer("tcp");
  await using other = await startSwtpmServer("tcp");
  cli.stdin = await wordsShown();
  cli.files.set("pass", utf8("pan dulce"));
  const made = await make("--words", "--tpm", own.uri, "--passphrase-file", "pass", "--json");
  expect([made.code, made.err]).toEqual([0, expect.any(String)]);
  const sealed = cli.files.get("village.authority") ?? new Uint8Array();
  expect(fromUtf8(sealed)).toMatch(/^caye-authority 1 tpm /m);
  expect(fromUtf8(sealed)).not.toMatch(/caye-authority 1 (plain|scrypt)/);
  const show = ["village", "show", "--authority", "village.authority", "--passphrase-file", "pass", "--json"];
  const shown = await cli.run(...show);
  expect([shown.code, shown.err]).toEqual([0, ""]);
  const { authority, update_key } = JSON.parse(made.out);
  expect(JSON.parse(shown.out)).toEqual({ authority, update_key });
  // The passphrase counts besides.
  expect((await cli.run(...show.filter((word) => !["--passphrase-file", "pass"].includes(word)))).err).toContain(
    "passphrase",
  );
  // On another machine.
  const elsewhere = utf8((fromUtf8(sealed) ?? "").replace(own.uri, other.uri));
  const tools = provisionTools(process.cwd());
  await expect(tools.openSealedAuthority(elsewhere)).rejects.toMatchObject({ code: "AUTHORITY_KEY" });
  // Cut short, or bent by one digit.
  const text = (fromUtf8(sealed) ?? "").trimEnd();
  const bent = `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}\n`;
  for (const spoiled of [text.slice(0, -9), bent]) {
    await expect(tools.openSealedAuthority(utf8(spoiled))).rejects.toMatchObject({ code: "AUTHORITY_KEY" });
  }
});
