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

/** What works as root on the whole machine can't be shut in as the rest: each with its own limit, and why. */
const OPEN: Readonly<Record<string, number>> = {
  // dpkg runs the scripts of packages.
  "caye-update-early.service": 9.6,
  "caye-update.service": 9.6,
  // It sets up the machine as the card orders: writes to the card, stops and starts the agent.
  "caye-card.service": 2.4,
};

test.each(UNITS.filter((name) => name.endsWith(".timer")))("%s starts a unit that there is", (name) => {
  const text = readFileSync(join(ROOT, "systemd", name), "utf8");
  const started = /^Unit=(.*)$/m.exec(text)?.[1] ?? name.replace(".timer", ".service");
  expect(UNITS).toContain(started);
  expect(text).toMatch(/^\[Install\]\nWantedBy=timers\.target$/m);
});

describe.each(UNITS)("%s", (name) => {
  test("is exposed to 1.5 at most, or to its own limit, by systemd's own reckoning", (context) => {
    if (name.endsWith(".timer")) context.skip("a timer runs nothing itself");
    const { text } = ran(context, "systemd-analyze", ["security", "--offline=yes", join(ROOT, "systemd", name)]);
    const exposure = /Overall exposure level for .*: ([\d.]+)/.exec(text)?.[1];
    expect(Number(exposure), text).toBeLessThanOrEqual(OPEN[name] ?? 1.5);
  });

  test("has no word that systemd does not know", async (context) => {
    // What the package brings is not here: the programs are named by ones that are.
    const text = readFileSync(join(ROOT, "systemd", name), "utf8").replaceAll(
      /^(Exec\w+=[-+:!@]*)\/usr\/(?:lib|bin)\/caye\S*/gm,
      "$1/bin/true",
    );
    const directory = await mkdtemp(join(tmpdir(), "caye-unit-"));
    try {
      const path = join(directory, name);
      await writeFile(path, text);
      const verify = ran(context, "systemd-analyze", ["verify", "--man=no", path]);
      expect(verify.text.split("\n").filter((line) => line.includes(name))).toEqual([]);
      await writeFile(path, text.replace(/^\[(?:Service|Timer)\]/m, "$&\nNoSuchWord=yes"));
      expect(ran(context, "systemd-analyze", ["verify", "--man=no", path]).text).toContain("NoSuchWord");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

test("every group that a unit names is made by sysusers.d, or is systemd's own", () => {
  const units = UNITS.map((name) => readFileSync(join(ROOT, "systemd", name), "utf8")).join("\n");
  const named = [...units.matchAll(/^(?:SupplementaryGroups|Group)=(.*)$/gm)].flatMap(([, names = ""]) =>
    names.split(" "),
  );
  const groups = [...new Set(named)].filter((group) => group !== "systemd-journal" && group !== "root");
  const made = [...readFileSync(join(ROOT, "systemd/sysusers.d/caye.conf"), "utf8").matchAll(/^[gu] (\S+)/gm)];
  expect(groups.length).toBeGreaterThan(0);
  expect(groups.filter((group) => !made.some(([, name]) => name === group))).toEqual([]);
});

test("shellcheck finds nothing in the package's scripts", (context) => {
  const scripts = ["preinst", "postinst", "prerm", "postrm"].map((name) => `provisioning/package/debian/${name}`);
  const { status, text } = ran(context, "shellcheck", ["--severity=style", ...scripts]);
  expect(status, text).toBe(0);
});
