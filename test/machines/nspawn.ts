/**
 * Boots a tree with its own systemd, by systemd-nspawn: in mounts, cgroups and a network of its own, so that machines don't
 * meet each other, nor the machine that they run on.
 * @module
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "./command.ts";

export interface BootOptions {
  /** For bash, which stops at the first command that fails (`-euo pipefail`); begins once multi-user.target is reached. */
  readonly script: string;
  /** For all of it, until the machine is off. */
  readonly seconds: number;
  /** Further options of systemd-nspawn, such as `--volatile=overlay` or `--bind=…`. */
  readonly args?: readonly string[];
  /** `own`, when left out, has a loopback device only; `host` is the network of the machine that this runs on. */
  readonly network?: "own" | "host";
}

export interface Booted {
  /** Exit code of the script. */
  readonly status: number;
  /** What the script wrote, to stdout and stderr. */
  readonly output: string;
  /** What systemd said while it booted and stopped. */
  readonly console: string;
}

/**
 * A pure cgroup2, whatever the host has, and a group of its own, by which all of the machine is killed at the end. Arguments:
 * the machine's name, the time limit in seconds, systemd-nspawn's command line.
 */
const BOOT = `
name=$1 seconds=$2; shift 2
mount --make-rprivate /
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir -p "/sys/fs/cgroup/$name" /run/systemd/nspawn
mount -t tmpfs tmpfs /run/systemd/nspawn
(
  echo $BASHPID > "/sys/fs/cgroup/$name/cgroup.procs"
  exec timeout -s KILL "$seconds" "$@"
) || true
echo 1 > "/sys/fs/cgroup/$name/cgroup.kill"
for try in 1 2 3 4 5 6 7 8 9 10; do
  find "/sys/fs/cgroup/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
  test -d "/sys/fs/cgroup/$name" || exit 0
  sleep 0.2
done
exit 1`;
const UNIT = `[Unit]
Description=The script of the test
After=multi-user.target
[Service]
Type=exec
ExecStart=/bin/bash -c 'bash -euo pipefail /run/machine/script; echo $? > /run/machine/status; systemctl poweroff --no-block'
StandardOutput=file:/run/machine/output
StandardError=inherit
Environment=HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
`;

/**
 * Boots it, runs the script as root, powers it off. The tree stays changed.
 * @throws with the console's last lines when the machine is not off in time, or ended before its script did
 */
export async function bootTree(tree: string, options: BootOptions): Promise<Booted> {
  const name = `caye-${randomBytes(6).toString("hex")}`;
  const home = await mkdtemp(join(tmpdir(), "caye-machine-"));
  try {
    prepare(home, options.script);
    const nspawn = [
      "systemd-nspawn",
      "--boot",
      "--quiet",
      "--register=no",
      "--keep-unit",
      `--machine=${name}`,
      "-D",
      tree,
      "--timezone=off",
      "--link-journal=no",
      "--console=read-only",
      ...(options.network === "host" ? ["--resolv-conf=replace-host"] : ["--private-network", "--resolv-conf=off"]),
      `--bind=${join(home, "machine")}:/run/machine`,
      `--bind=${join(home, "units")}:/run/systemd/system`,
      ...(options.args ?? []),
    ];
    const limits = [`${options.seconds}`, ...nspawn];
    const { stdout, stderr } = await command(["unshare", "-m", "bash", "-euc", BOOT, "boot", name, ...limits], {
      seconds: options.seconds + 30,
    });
    return await outcome(home, plain(stdout + stderr), options.seconds);
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function prepare(home: string, script: string): void {
  mkdirSync(join(home, "machine"));
  mkdirSync(join(home, "units/multi-user.target.wants"), { recursive: true });
  writeFileSync(join(home, "machine/script"), script);
  writeFileSync(join(home, "machine/output"), "");
  writeFileSync(join(home, "units/machine-script.service"), UNIT);
  symlinkSync("../machine-script.service", join(home, "units/multi-user.target.wants/machine-script.service"));
}

async function outcome(home: string, console: string, seconds: number): Promise<Booted> {
  const output = await readFile(join(home, "machine/output"), "utf8");
  const status = await readFile(join(home, "machine/status"), "utf8").catch(() => undefined);
  if (status !== undefined) return { status: Number(status), output, console };
  const tail = (text: string): string => text.trim().split("\n").slice(-40).join("\n");
  throw new Error(
    `the machine's script did not end in ${seconds} s.\nIt wrote:\n${tail(output)}\nThe console:\n${tail(console)}`,
  );
}

/** Without colours, bells and returns. */
function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- terminal control sequences begin with one
  return text.replaceAll(/\u001B(?:\[[0-9;?!]*[A-Za-z]|[()][A-Z0-9])|\r|\u0007/g, "");
}
