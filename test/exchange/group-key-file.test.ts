/** The file of a group key: what is taken, and that no error tells the secret. @module */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSecretFile } from "../../src/drivers/secret-file.ts";
import { parseGroupKeys } from "../../src/exchange/group-key-file.ts";
import { utf8 } from "../../src/kernel/bytes.ts";

const SECRET = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

test("one key, or two during a change, with lines for people", () => {
  const numbers = (text: string): number[] => parseGroupKeys(utf8(text)).map(({ number }) => number);
  expect(numbers(`caye-group-key 1 ${SECRET}\n`)).toEqual([1]);
  expect(numbers(`# from May on\ncaye-group-key 2 ${SECRET.toUpperCase()}\r\n\ncaye-group-key 1 ${SECRET}`)).toEqual([
    2, 1,
  ]);
});

test("anything else is refused, and the error does not tell the secret", () => {
  const line = `caye-group-key 1 ${SECRET}`;
  for (const text of [
    "",
    "# nothing",
    `${line}0`,
    `${line}\n${line}`,
    `${line}\n${line.replace(" 1 ", " 5 ")}`,
    "\xff",
  ]) {
    let failure: unknown;
    try {
      parseGroupKeys(Buffer.from(text, "latin1"));
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: "GROUP_KEY_INVALID" });
    expect(String(failure)).not.toContain("0011");
  }
});

test("a secret that others may read is no secret", async () => {
  const directory = await mkdtemp(join(tmpdir(), "caye-"));
  try {
    const path = join(directory, "group.key");
    await writeFile(path, "x", { mode: 0o644 });
    await expect(readSecretFile(path)).rejects.toMatchObject({ code: "SECRET_OPEN" });
    await expect(readSecretFile(`${path}.gone`)).rejects.toMatchObject({ code: "SECRET_UNREADABLE" });
    await rm(path);
    await writeFile(path, "x", { mode: 0o600 });
    expect(await readSecretFile(path)).toEqual(utf8("x"));
  } finally {
    await rm(directory, { recursive: true });
  }
});
