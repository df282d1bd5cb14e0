/** The package on Debian 12 and 13, by apt and dpkg themselves: into a machine that runs, and into an image's tree. @module */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StatusReport } from "../../src/kernel/reports.ts";
import { command } from "./command.ts";
import { builtDeb, installInto } from "./deb.ts";
import { bootTree } from "./nspawn.ts";
import { otherDeb } from "./other-deb.ts";
import { play, type Step } from "./story.ts";
import { NODE_PACKAGES, baseTree, copyOfTree, reasonNotToRunLong, type Suite } from "./trees.ts";

const NEWER = "99.0.1";
const ADVICE = "caye update rollback";
/** Everything but what the machine itself keeps on writing, and what dpkg and apt say of their work. */
const LISTING = `find / -xdev \\( ${[
  ..."dev proc sys run tmp var/tmp var/log var/cache var/lib/apt var/lib/systemd/timers".split(" "),
  ..."var/lib/systemd/random-seed var/lib/systemd/catalog etc/.pwd.lock etc/machine-id".split(" "),
]
  .map((path) => `-path /${path}`)
  .join(" -o ")} \\) -prune -o -path '/var/lib/dpkg/*-old' -o -printf '%M %u %g %p -> %l\\n' | sort
getent passwd | sort; getent group | cut -d: -f1,4 | sort`;
const INSTALL = "apt-get install -y --no-install-recommends";
const STEPS = {
  before: LISTING,
  install: `${INSTALL} /run/older/caye.deb`,
  active:
    "systemctl is-active caye.service && systemctl is-enabled caye.service && systemctl is-failed 'caye*' && exit 1; true",
  status: "caye health --wait 30 >&2 && caye status --json",
  doctor: "caye doctor || [ $? -eq 1 ]",
  scores:
    "systemd-analyze verify --man=no caye.service && systemd-analyze security caye.service --no-pager | tail -n 1",
  manual: "gunzip -c /usr/share/man/man1/caye.1.gz && bash -n /usr/share/bash-completion/completions/caye",
  keeps:
    "echo 'kept through all that comes' >/root/kept.txt && caye put /root/kept.txt && " +
    `printf '\\n# by the operator\\n' >>/etc/caye/caye.toml && sha256sum /etc/caye/caye.toml >/root/toml.sha256`,
  upgrade: `${INSTALL} /run/newer/caye.deb && caye health --wait 60`,
  upgraded: `caye version && sha256sum -c /root/toml.sha256 && caye get kept.txt -o /root/again.txt >&2 && cmp /root/kept.txt /root/again.txt`,
  downgrade: `apt-get install -y --allow-downgrades /run/older/caye.deb`,
  unharmed: "caye version && dpkg-query -W -f '${Status}' caye && systemctl is-active caye.service",
  remove: "apt-get remove -y caye",
  removed:
    "test ! -e /usr/lib/caye && test ! -e /usr/bin/caye && test -d /var/lib/caye/store && sha256sum -c /root/toml.sha256 && " +
    "getent passwd caye && ! systemctl cat caye.service && ! pgrep -u caye",
  reinstall: `${INSTALL} /run/newer/caye.deb && caye health --wait 60`,
  reinstalled:
    "systemctl is-enabled caye.service && caye get kept.txt -o /root/third.txt >&2 && cmp /root/kept.txt /root/third.txt",
  purge: "apt-get purge -y caye </dev/null && rm -f /root/kept.txt /root/again.txt /root/third.txt /root/toml.sha256",
  after: LISTING,
  units: "systemctl list-units --all --no-legend 'caye*'; systemctl list-unit-files --no-legend 'caye*'; pgrep -a node",
  freshly: `${INSTALL} /run/older/caye.deb && caye health --wait 60 && ! caye get kept.txt`,
} as const;
const BUILD_MS = 900_000;

const reason = reasonNotToRunLong();
let older: string;
let newer: string;
let scratch: string | undefined;

beforeAll(async () => {
  if (reason !== undefined) return;
  older = await builtDeb("amd64");
  scratch = await mkdtemp(join(tmpdir(), "caye-package-"));
  newer = await otherDeb(older, scratch, { version: NEWER });
}, BUILD_MS);

afterAll(async () => {
  if (scratch !== undefined) await rm(scratch, { recursive: true });
});

describe.each<Suite>(["bookworm", "trixie"])("on Debian's %s", (suite) => {
  let step: (name: keyof typeof STEPS) => Step;

  beforeAll(async () => {
    if (reason !== undefined) return;
    await using tree = await copyOfTree(await baseTree(suite, "amd64", NODE_PACKAGES));
    const debs = [`--bind-ro=${older}:/run/older/caye.deb`, `--bind-ro=${newer}:/run/newer/caye.deb`];
    step = await play(tree.path, STEPS, { seconds: 500, args: debs });
  }, BUILD_MS);

  const expectDone = (...names: (keyof typeof STEPS)[]): void => {
    for (const name of names) expect(step(name), name).toMatchObject({ status: 0 });
  };

  test("apt installs it, and the agent runs under its unit with a TPM in software", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("install", "active", "status");
    const report: StatusReport = JSON.parse(/^\{[\s\S]*^\}/m.exec(step("status").output)?.[0] ?? "{}");
    expect(report).toMatchObject({ state: "running", trust: { tpm: expect.stringContaining("swtpm") } });
  });

  test("root reads the agent's own checks: all that fails is the radio, which is not there", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("doctor");
    expect(step("doctor").output).toMatch(/\bOK\b/);
    expect(step("doctor").output.match(/^.*\bFAIL\b.*$/gm)).toEqual([expect.stringMatching(/radio/)]);
  });

  test("systemd finds nothing wrong with the unit, and reckons its exposure at 1.5 at most while the agent runs", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("scores");
    const exposure = /Overall exposure level for caye\.service: ([\d.]+)/.exec(step("scores").output)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(1.5);
    expect(step("scores").output.trim().split("\n")).toHaveLength(1);
  });

  test("the manual and the completions are there", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("manual");
    expect(step("manual").output).toMatch(/^\.TH CAYE 1/im);
  });

  test("an upgrade keeps state and configuration", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("keeps", "upgrade", "upgraded");
    expect(step("upgraded").output).toContain(NEWER);
  });

  test("a downgrade is refused with the reason, and harms nothing", (context) => {
    if (reason !== undefined) context.skip(reason);
    expect(step("downgrade").status).not.toBe(0);
    expect(step("downgrade").output).toContain(ADVICE);
    expectDone("unharmed");
    expect(step("unharmed").output).toContain(NEWER);
    expect(step("unharmed").output).toContain("install ok installed");
  });

  test("remove keeps state and configuration, and a reinstalled package finds them", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("remove", "removed", "reinstall", "reinstalled");
  });

  test("purge asks nothing and leaves no file, user, group, unit or process behind", (context) => {
    if (reason !== undefined) context.skip(reason);
    expectDone("before", "purge", "after");
    const before = new Set(step("before").output.split("\n"));
    const after = new Set(step("after").output.split("\n"));
    expect([...after].filter((line) => !before.has(line))).toEqual([]);
    expect([...before].filter((line) => !after.has(line))).toEqual([]);
    expect(before.size).toBeGreaterThan(5000);
    expect(step("units").output).not.toMatch(/caye/);
    expectDone("freshly");
  });

  test("into a tree that is not booted: nothing is started, and the agent runs at the first boot", async (context) => {
    if (reason !== undefined) context.skip(reason);
    await using tree = await copyOfTree(await baseTree(suite, "amd64", NODE_PACKAGES));
    await installInto(tree.path, older);
    expect((await command(["find", join(tree.path, "var/lib/caye"), "-mindepth", "1"], { seconds: 10 })).stdout).toBe(
      "",
    );
    const booted = await bootTree(tree.path, { script: "caye health --wait 60", seconds: 200 });
    expect(booted, booted.output).toMatchObject({ status: 0 });
  }, 500_000);
});
