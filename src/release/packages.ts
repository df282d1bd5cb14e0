/** Packages as dpkg sees them: what a file is, what is installed, and which of two versions is newer. @module */
import { AgentError } from "../kernel/errors.ts";
import type { Machine } from "../ports/machine.ts";
import { UPDATE_HOME } from "./state.ts";

export const PACKAGES = `${UPDATE_HOME}/packages`;
const QUERY = "${db:Status-Status}\n${Version}\n${Architecture}\n${Installed-Size}\n${Caye-State-Format}\n";

export interface PackageFacts {
  readonly version: string;
  readonly arch: string;
  /** Of what is unpacked. */
  readonly installedBytes: number;
  /** Of the state directory that it writes; an older Caye can't read a newer one. */
  readonly stateFormat: number;
}

/** @throws AgentError "RELEASE_NONE" unless it is a package of Caye */
export async function factsOf(machine: Machine, deb: string): Promise<PackageFacts> {
  const fields = ["Package", "Version", "Architecture", "Installed-Size", "Caye-State-Format"];
  const { status, stdout, missing } = await machine.run("dpkg-deb", ["--field", deb, ...fields]);
  if (missing) throw new AgentError("NO_DPKG", "this machine has no dpkg: packages are for Debian and Raspberry Pi OS");
  const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(stdout)?.[1] ?? "";
  if (status !== 0 || field("Package") !== "caye") {
    throw new AgentError("RELEASE_NONE", `${deb} is no package of Caye`, { fix: "name a file caye_VERSION_ARCH.deb" });
  }
  return facts(field("Version"), field("Architecture"), field("Installed-Size"), field("Caye-State-Format"));
}

/** Undefined when caye is not installed whole. */
export async function installedFacts(machine: Machine): Promise<PackageFacts | undefined> {
  const { status, stdout } = await machine.run("dpkg-query", ["--show", `--showformat=${QUERY}`, "caye"]);
  const [state, version = "", arch = "", size = "", format = ""] = stdout.split("\n");
  return status === 0 && state === "installed" ? facts(version, arch, size, format) : undefined;
}

export async function isNewer(machine: Machine, version: string, than: string): Promise<boolean> {
  return (await machine.run("dpkg", ["--compare-versions", version, "gt", than])).status === 0;
}

export async function architecture(machine: Machine): Promise<string> {
  return (await machine.run("dpkg", ["--print-architecture"])).stdout.trim();
}

/** Where the package of a version is kept; the shell's `update.sh` knows the same place. */
export function keptPackage(version: string, arch: string): string {
  return `${PACKAGES}/caye_${version}_${arch}.deb`;
}

/** In rising order of their names. */
export async function keptVersions(machine: Machine): Promise<readonly string[]> {
  return (await machine.list(PACKAGES)).flatMap((name) => /^caye_(.+)_[a-z0-9]+\.deb$/.exec(name)?.[1] ?? []);
}

function facts(version: string, arch: string, kilobytes: string, format: string): PackageFacts {
  return { version, arch, installedBytes: Number(kilobytes) * 1024 || 0, stateFormat: Number(format) || 1 };
}
