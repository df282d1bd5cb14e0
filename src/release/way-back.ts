/**
 * The package to go back to. dpkg keeps none of what it installed; so unless an earlier update left it here, the package
 * of what runs is put together again from the installed files, once these are what their own list of hashes says.
 * @module
 */
import { utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Machine, Ran, RunLimits } from "../ports/machine.ts";
import { factsOf, keptPackage, keptVersions, PACKAGES, type PackageFacts } from "./packages.ts";
import { UPDATE_HOME } from "./state.ts";

const HOME = "/usr/lib/caye";
const WORK = `${UPDATE_HOME}/repack`;
const SCRIPTS = ["preinst", "postinst", "prerm", "postrm"];
const LONG_MS = 600_000;

/** Afterwards the package of the installed version lies in {@link PACKAGES}. @throws AgentError "UPDATE_NO_WAY_BACK" */
export async function keepInstalled(machine: Machine, { version, arch }: PackageFacts): Promise<void> {
  const kept = keptPackage(version, arch);
  if ((await machine.status(kept)) !== undefined) {
    const known = await factsOf(machine, kept).catch(() => undefined);
    if (known?.version === version) return;
  }
  await machine.remove(WORK);
  try {
    await repack(machine, kept);
  } finally {
    await machine.remove(WORK);
  }
}

/** All but these versions. */
export async function dropPackages(machine: Machine, keep: readonly string[], arch: string): Promise<void> {
  for (const version of await keptVersions(machine)) {
    if (keep.includes(version)) continue;
    const path = keptPackage(version, arch);
    await machine.remove(path);
    await machine.remove(`${path}.manifest`);
  }
}

async function repack(machine: Machine, kept: string): Promise<void> {
  const demand = async (
    what: string,
    command: string,
    args: readonly string[],
    limits: RunLimits = {},
  ): Promise<Ran> => {
    const ran = await machine.run(command, args, { timeoutMs: LONG_MS, ...limits });
    if (ran.status === 0) return ran;
    throw new AgentError("UPDATE_NO_WAY_BACK", `there would be no way back: ${what}: ${lastLine(ran)}`, {
      fix: "install the version that runs once more: apt install --reinstall ./caye_VERSION_ARCH.deb",
    });
  };
  const changed = "the installed files are not what was installed";
  const script = 'cd "$1" && exec sha256sum --check --quiet SHA256SUMS';
  await demand(changed, "sh", ["-c", script, "check", HOME]);
  const listed = await demand("dpkg does not list its files", "dpkg-query", ["--listfiles", "caye"]);
  const names = listed.stdout.split("\n").filter((name) => name.startsWith("/") && name !== "/.");
  const input = utf8(names.map((name) => `${name.slice(1)}\n`).join(""));
  const archive = `${WORK}/files.tar`;
  await machine.write(`${WORK}/tree/DEBIAN/control`, utf8(await controlOf(demand)));
  await demand("tar", "tar", ["-C", "/", "--no-recursion", "-cf", archive, "-T", "-"], { input });
  await demand("tar", "tar", ["-C", `${WORK}/tree`, "-xf", archive]);
  await machine.remove(archive);
  for (const name of SCRIPTS) {
    const { stdout } = await demand(`no ${name}`, "dpkg-query", ["--control-path", "caye", name]);
    await demand(`no ${name}`, "cp", ["--preserve=mode", stdout.trim(), `${WORK}/tree/DEBIAN/${name}`]);
  }
  const draft = `${WORK}/package.deb`;
  await demand("dpkg-deb", "dpkg-deb", ["--root-owner-group", "-Zgzip", "-z1", "--build", `${WORK}/tree`, draft]);
  await demand("mkdir", "mkdir", ["-p", PACKAGES]);
  await demand("sync", "sync", [draft]);
  await demand("mv", "mv", [draft, kept]);
  await demand("sync", "sync", [PACKAGES]);
}

type Demand = (what: string, command: string, args: readonly string[]) => Promise<Ran>;

/** As it stood in the package: without what dpkg adds of its own. */
async function controlOf(demand: Demand): Promise<string> {
  const { stdout } = await demand("dpkg does not know it", "dpkg-query", ["--status", "caye"]);
  return stdout.replaceAll(/^(?:Status|Conffiles|Config-Version):.*\n(?: .*\n)*/gm, "");
}

export function lastLine({ stdout, stderr, missing, status }: Ran): string {
  if (missing) return "it is not installed";
  return (stderr.trim() || stdout.trim()).split("\n").at(-1) || `it ended with ${status ?? "a signal"}`;
}
