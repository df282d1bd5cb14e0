import { spawnSync } from "node:child_process";
import { cp, mkdtempDisposable, readdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stripTypes, toScript } from "../../provisioning/package/strip.ts";
import { ROOT } from "../e2e/agent-process.ts";

test("types go, lines stay, and files are named as they are called then", () => {
  const source = [
    'import type { A } from "./a.ts";',
    'import { b } from "../b.ts";',
    "const c: A = await b<A>();",
    'export { d } from "./d.ts";',
    'const e = await import("./e.ts");',
    'new Worker(new URL("./f.ts", import.meta.url));',
    'const told = "see ./g.ts";',
  ].join("\n");
  expect(toScript(source).split("\n")).toEqual([
    "",
    'import { b } from "../b.js";',
    "const c    = await b   ();",
    'export { d } from "./d.js";',
    'const e = await import("./e.js");',
    'new Worker(new URL("./f.js", import.meta.url));',
    'const told = "see ./g.ts";',
  ]);
});

test("the whole agent runs without its types, on a Node that strips none", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "caye-strip-"));
  const at = directory.path;
  await cp(join(ROOT, "src"), join(at, "src"), { recursive: true });
  await cp(join(ROOT, "package.json"), join(at, "package.json"));
  stripTypes(join(at, "src"));
  const names = await readdir(join(at, "src"), { recursive: true });
  expect(names.filter((name) => name.endsWith(".ts"))).toEqual([]);
  await symlink(join(ROOT, "node_modules"), join(at, "node_modules"));
  const flags = ["--no-experimental-strip-types", "--preserve-symlinks"];
  const main = join(at, "src/main.js");
  const told = spawnSync(process.execPath, [...flags, main, "selftest", "--json"], { encoding: "utf8" });
  expect(told.stderr).toBe("");
  expect(JSON.parse(told.stdout)).toMatchObject({ report: { ok: true } });
});
