/** What apt is about to install: each package of caye is checked, under whatever name it comes. */
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";

const HOOK = new URL("../../provisioning/package/apt-hook.sh", import.meta.url);
const place = await mkdtemp(join(tmpdir(), "caye-hook-"));
afterAll(() => rm(place, { recursive: true, force: true }));

/** Notes what it is asked, and reads whatever it finds. */
const asked = join(place, "asked");
const stub = join(place, "caye");
await writeFile(
  stub,
  `#!/bin/sh\nprintf '%s|' "$@" >>'${asked}'\ncat >/dev/null\ncase "$3" in *bad*) exit 1 ;; esac\n`,
);
await chmod(stub, 0o755);
const hook = (await readFile(HOOK, "utf8")).replace("/usr/bin/caye", stub);

async function build(name: string, packaged: string): Promise<string> {
  const tree = join(place, "tree");
  await mkdir(join(tree, "DEBIAN"), { recursive: true });
  const fields = { Package: packaged, Version: "1.0", Architecture: "all", Maintainer: "x <x@example.org>" };
  const lines = Object.entries({ ...fields, Description: "x" }).map(([field, value]) => `${field}: ${value}\n`);
  await writeFile(join(tree, "DEBIAN/control"), lines.join(""));
  const path = join(place, name);
  const built = spawnSync("dpkg-deb", ["--build", tree, path], { encoding: "utf8" });
  expect(built.status, built.stderr).toBe(0);
  return path;
}

async function told(list: string): Promise<{ readonly status: number | null; readonly checked: readonly string[] }> {
  await writeFile(asked, "");
  const { status } = spawnSync("sh", ["-c", hook], { input: list, encoding: "utf8" });
  const words = (await readFile(asked, "utf8")).split("|");
  return { status, checked: words.filter((word) => word.startsWith("/")) };
}

const hasDpkg = spawnSync("dpkg-deb", ["--version"]).status === 0;

test("every package of caye in one call is checked, whatever the first check reads; one that is refused ends it", async (context) => {
  context.skip(!hasDpkg, "dpkg-deb is not here: run it on Debian");
  const renamed = await build("some thing $(x).deb", "caye");
  const capital = await build("tools.deb", "Caye");
  const other = await build("other.deb", "caye-doc");
  const plain = join(place, "caye_1.0_all.deb");
  expect(await told(`${plain}\n${other}\n${renamed}\n${capital}\n`)).toEqual({
    status: 0,
    checked: [plain, renamed, capital],
  });
  const bad = join(place, "caye_bad.deb");
  expect(await told(`${bad}\n${plain}\n`)).toEqual({ status: 1, checked: [bad, plain] });
  expect(await told(`${plain}\n${bad}\n`)).toEqual({ status: 1, checked: [plain, bad] });
});

test("the last line counts also without its end; a way out of apt's own archive is none", async (context) => {
  context.skip(!hasDpkg, "dpkg-deb is not here: run it on Debian");
  const renamed = await build("renamed.deb", "caye");
  expect(await told(renamed)).toEqual({ status: 0, checked: [renamed] });
  // The directory need not be there for the name to begin so.
  const detour = `/var/cache/apt/archives/../../../..${renamed}`;
  expect((await told(`${detour}\n`)).checked).toEqual([detour]);
  expect(await told("/var/cache/apt/archives/curl_8.0_amd64.deb\n")).toEqual({ status: 0, checked: [] });
});
