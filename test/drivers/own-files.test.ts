import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeDigest } from "../../src/attest/logs/own.ts";
import { ownFiles } from "../../src/drivers/own-files.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { temporaryDirectory } from "../fakes/chips.ts";
import { sha256 } from "../fakes/tpm.ts";

const ROOT = join(import.meta.dirname, "../..");

let directory: ReturnType<typeof temporaryDirectory>;
const put = (path: string, content: string): void => writeFileSync(join(directory.path, path), content);

beforeEach(() => {
  directory = temporaryDirectory();
  mkdirSync(join(directory.path, "src/radio"), { recursive: true });
  put("src/main.ts", "main");
  put("src/radio/x.ts", "x");
  put("src/Zebra.ts", "z");
  put("package.json", "{}");
  put("package-lock.json", "{ }");
  put("README.md", "not measured");
});
afterEach(() => directory.remove());

test("all code and the list of libraries is hashed, in one order on every machine", async () => {
  const files = await ownFiles(directory.path).list();
  expect(files.map(({ path }) => path)).toEqual([
    "package-lock.json",
    "package.json",
    "src/Zebra.ts",
    "src/main.ts",
    "src/radio/x.ts",
  ]);
  expect(files[3]?.sha256).toEqual(sha256("main"));
});

test("a link in the code is refused: what it points to could change unseen", async () => {
  symlinkSync("/etc/hostname", join(directory.path, "src/link.ts"));
  await expect(ownFiles(directory.path).list()).rejects.toMatchObject({
    code: "OWN_FILES",
    message: expect.stringMatching(/link\.ts/),
  });
});

test("code that can't be read is a foreseen failure", async () => {
  await expect(ownFiles(join(directory.path, "nowhere")).list()).rejects.toMatchObject({ code: "OWN_FILES" });
});

test("this very project can be measured, and the document tells how to do it without Caye", async () => {
  const files = await ownFiles(ROOT).list();
  expect(files.some(({ path }) => path === "src/boot.ts")).toBe(true);
  const document = readFileSync(join(ROOT, "docs/measured-boot.md"), "utf8");
  const [, command = ""] = /```sh\n(.*)\n```/u.exec(document) ?? [];
  const { stdout } = spawnSync("sh", ["-c", command], { cwd: ROOT, encoding: "utf8" });
  expect(stdout).toBe(`${toHex(codeDigest(files))}  -\n`);
});
