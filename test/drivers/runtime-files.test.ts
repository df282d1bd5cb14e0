/** What runs the code, on disk: which files are measured, and that one changed byte in any of them shows. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { codeDigest, runtimeDigest } from "../../src/attest/logs/own.ts";
import { codeIn, ownFiles } from "../../src/drivers/own-files.ts";
import { runtimeFiles } from "../../src/drivers/runtime-files.ts";
import { toHex } from "../../src/kernel/bytes.ts";
import { temporaryDirectory } from "../fakes/chips.ts";
import { sha256 } from "../fakes/tpm.ts";

let directory: ReturnType<typeof temporaryDirectory>;
const at = (path: string): string => join(directory.path, path);
const put = (path: string, content: string): void => {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
};
const node = (): { path: string; version: string } => ({ path: at("bin/node"), version: "v24.0.0" });
const measured = () => runtimeFiles(directory.path, node());
const paths = async () => (await measured()).files.map(({ path }) => path);

const LOCK = {
  packages: {
    "": {},
    "node_modules/a": {},
    "node_modules/a/node_modules/inner": {},
    "node_modules/@scope/b": {},
    "node_modules/tester": { dev: true },
    "node_modules/elsewhere": { optional: true },
  },
};

beforeEach(() => {
  directory = temporaryDirectory();
  put("bin/node", "node");
  put("package-lock.json", JSON.stringify(LOCK));
  put("node_modules/a/index.js", "a");
  put("node_modules/a/package.json", "{}");
  put("node_modules/a/node_modules/inner/index.js", "inner");
  put("node_modules/@scope/b/native.node", "b");
  put("node_modules/tester/index.js", "not measured");
});
afterEach(() => directory.remove());

test("Node and every file of the libraries that run with the code is hashed, in one order", async () => {
  const { nodeVersion, files } = await measured();
  expect(nodeVersion).toBe("v24.0.0");
  expect(files.map(({ path, sha256: digest }) => [path, toHex(digest)])).toEqual(
    [
      ["node", "node"],
      ["node_modules/@scope/b/native.node", "b"],
      ["node_modules/a/index.js", "a"],
      ["node_modules/a/node_modules/inner/index.js", "inner"],
      ["node_modules/a/package.json", "{}"],
    ].map(([path, content]) => [path, toHex(sha256(content ?? ""))]),
  );
});

test("one changed byte in any measured file is another digest, and so is a new file, or one that is gone", async () => {
  put("src/a.ts", "code");
  put("package.json", "{}");
  const all = ownFiles(directory.path, node());
  const digest = async () => toHex(runtimeDigest(await all.runtime())) + toHex(codeDigest(await all.list()));
  const before = await digest();
  const files = [...(await all.runtime()).files.slice(1), ...(await all.list())].map(({ path }) => path);
  expect(files).toHaveLength(7);
  for (const path of ["bin/node", ...files]) {
    const content = readFileSync(at(path));
    for (const offset of [0, content.length - 1]) {
      const changed = Buffer.from(content);
      changed[offset] = (changed[offset] ?? 0) ^ 1;
      writeFileSync(at(path), changed);
      // The list of packages may be no list any more: then nothing is measured at all.
      expect(await digest().catch(String), path).not.toBe(before);
    }
    writeFileSync(at(path), content);
    expect(await digest()).toBe(before);
  }
  put("node_modules/a/new.js", "");
  expect(await digest()).not.toBe(before);
  rmSync(at("node_modules/a/new.js"));
  rmSync(at("node_modules/a/index.js"));
  expect(await digest()).not.toBe(before);
});

test("what is in no list is measured, too: a library that tries for it would load it", async () => {
  put("node_modules/planted/index.js", "");
  put("node_modules/a.js", "shadows a package");
  put("node_modules/@scope/planted/index.js", "");
  const found = await paths();
  expect(found).toContain("node_modules/planted/index.js");
  expect(found).toContain("node_modules/a.js");
  expect(found).toContain("node_modules/@scope/planted/index.js");
});

test("what Node can't run or find is left out", async () => {
  const before = await paths();
  for (const path of ["a/README.md", "a/index.js.map", "a/index.d.ts", "a/deps/x.cc", ".bin/x", ".cache/x.js"]) {
    put(`node_modules/${path}`, "x");
  }
  expect(await paths()).toEqual(before);
});

test("Node's own package is measured by its executable alone", async () => {
  put("node_modules/node-here/bin/node", "node");
  put("node_modules/node-here/include/a.js", "x");
  const { files } = await runtimeFiles(directory.path, { path: at("node_modules/node-here/bin/node"), version: "v24" });
  expect(files[0]).toEqual({ path: "node", sha256: sha256("node") });
  expect(files.some(({ path }) => path.includes("node-here"))).toBe(false);
});

test.each([
  ["a file in a package", "node_modules/a/link.js"],
  ["a package", "node_modules/linked"],
])("a link instead of %s is refused", async (_name, path) => {
  symlinkSync(at("bin"), at(path));
  await expect(measured()).rejects.toMatchObject({ code: "OWN_FILES", message: `${path} is not a regular file` });
});

test.each([
  ["a library that is not installed", () => rmSync(at("node_modules/a"), { recursive: true })],
  ["no libraries at all", () => rmSync(at("node_modules"), { recursive: true })],
  ["no list of packages", () => rmSync(at("package-lock.json"))],
  ["a list that is none", () => put("package-lock.json", "[]")],
  ["no Node", () => rmSync(at("bin/node"))],
])("%s is a foreseen failure with what to do", async (_name, damage) => {
  damage();
  await expect(measured()).rejects.toMatchObject({ code: "OWN_FILES", fix: expect.stringContaining("npm ci") });
});

test("a large executable is hashed whole", async () => {
  const large = "0123456789abcdef".repeat(200_000);
  put("bin/node", large);
  expect((await measured()).files[0]?.sha256).toEqual(sha256(large));
});

test("this very project's runtime can be measured", async () => {
  const { nodeVersion, files } = await ownFiles(join(import.meta.dirname, "../..")).runtime();
  expect(nodeVersion).toBe(process.version);
  expect(files[0]).toEqual({ path: "node", sha256: sha256(readFileSync(process.execPath)) });
  expect(files.some(({ path }) => path.startsWith("node_modules/zod/"))).toBe(true);
  expect(files.some(({ path }) => path.startsWith("node_modules/vitest/"))).toBe(false);
});

test("of another directory its own libraries are measured, and the Node that would run it", async () => {
  const today = { path: at("node_modules/node-here/bin/node"), version: "v24.0.0" };
  put("next/src/a.ts", "code");
  put("next/package.json", "{}");
  put("next/package-lock.json", '{"packages": {}}');
  const codeOnly = await codeIn(at("next"), directory.path, today);
  expect([codeOnly.files.length, codeOnly.runtime]).toEqual([3, undefined]);
  put("next/node_modules/node-here/bin/node", "newer");
  await expect(codeIn(at("next"), directory.path, today)).rejects.toMatchObject({ code: "OWN_FILES" });
  put("next/node_modules/node-here/package.json", '{"version": "24.1.0"}');
  const newer = { nodeVersion: "v24.1.0", files: [{ path: "node", sha256: sha256("newer") }] };
  expect((await codeIn(at("next"), directory.path, today)).runtime).toEqual(newer);
  const elsewhere = await codeIn(at("next"), directory.path, node());
  expect([elsewhere.runtime?.nodeVersion, elsewhere.runtime?.files[0]?.sha256]).toEqual(["v24.0.0", sha256("node")]);
});
