/** Units, rules and maintainer scripts, checked by systemd's own tools and by shellcheck. */
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { describe, expect, test, type TestContext } from "vitest";

const ROOT = resolve(import.meta.dirname, "../..");
const UNITS = readdirSync(join(ROOT, "systemd")).filter((name) => /\.(?:service|timer)$/.test(name));

function ran(context: TestContext, command: string, args: readonly string[]) {
  const result = spawnSync(command, args, { cwd: ROOT, encoding: "utf8" });
  if (result.error !== undefined) context.skip(`${command} is not installed`);
  return { status: result.status, text: `${result.stdout}${result.stderr}` };
}

test("there are units", () => {
  expect(UNITS).toContain("caye.service");
});

describe.each(UNITS.filter((name) => name.endsWith(".service")))("%s", (name) => {
  test("is exposed to 1.5 at most, by systemd's own reckoning", (context) => {
    const { text } = ran(context, "systemd-analyze", ["security", "--offline=yes", join(ROOT, "systemd", name)]);
    const exposure = /Overall exposure level for .*: ([\d.]+)/.exec(text)?.[1];
    expect(Number(exposure), text).toBeLessThanOrEqual(1.5);
  });

  test("has no word that systemd does not know", async (context) => {
    // What the package brings is not here: the programs are named by ones that are.
    const text = readFileSync(join(ROOT, "systemd", name), "utf8").replaceAll(
      /^(Exec\w+=)\/usr\/lib\/caye\S+/gm,
      "$1/bin/true",
    );
    const directory = await mkdtemp(join(tmpdir(), "caye-unit-"));
    try {
      const path = join(directory, name);
      await writeFile(path, text);
      const verify = ran(context, "systemd-analyze", ["verify", "--man=no", path]);
      expect(verify.text.split("\n").filter((line) => line.includes(name))).toEqual([]);
      await writeFile(path, text.replace("[Service]", "[Service]\nNoSuchWord=yes"));
      expect(ran(context, "systemd-analyze", ["verify", "--man=no", path]).text).toContain("NoSuchWord");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

test("udev takes the rules", (context) => {
  const { status, text } = ran(context, "udevadm", ["verify", join(ROOT, "systemd/udev/70-caye.rules")]);
  if (/unknown|Unknown command/i.test(text) || status === 127)
    context.skip("this udevadm can't verify rules (systemd 254 can)");
  expect(status, text).toBe(0);
});

test("every group that the agent's unit names is made by sysusers.d", () => {
  const unit = readFileSync(join(ROOT, "systemd/caye.service"), "utf8");
  const groups = /^SupplementaryGroups=(.*)$/m.exec(unit)?.[1]?.split(" ") ?? [];
  const made = [...readFileSync(join(ROOT, "systemd/sysusers.d/caye.conf"), "utf8").matchAll(/^[gu] (\S+)/gm)];
  expect(groups.length).toBeGreaterThan(0);
  expect(groups.filter((group) => !made.some(([, name]) => name === group))).toEqual([]);
});

test("shellcheck finds nothing in the package's scripts", (context) => {
  const scripts = ["preinst", "postinst", "prerm", "postrm"].map((name) => `provisioning/package/debian/${name}`);
  const { status, text } = ran(context, "shellcheck", ["--severity=style", ...scripts]);
  expect(status, text).toBe(0);
});
