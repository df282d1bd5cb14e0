/** Whether a package may be installed here: who vouches for it, for which machine it is, and that it is no older one. @module */
import { AgentError } from "../kernel/errors.ts";
import type { Bytes } from "../kernel/bytes.ts";
import type { PackageReport } from "../kernel/update.ts";
import type { Machine } from "../ports/machine.ts";
import { decodeReleaseKey, type ReleaseKey } from "./keys.ts";
import { isOfRelease, MAX_MANIFEST_BYTES, verifyManifest, type Release } from "./manifest.ts";
import { architecture, factsOf, installedFacts, isNewer, type PackageFacts } from "./packages.ts";

export const RELEASE_KEYS = "/etc/caye/release-keys";
const MAX_PACKAGE_BYTES = 512 * 1_048_576;
const KEEP_OUT = "take it from where you trust, with its file .manifest beside it; install nothing else";

export interface CheckedPackage {
  readonly report: PackageReport;
  readonly facts: PackageFacts;
  /** What was checked: the file itself may be another by now. */
  readonly bytes: Bytes;
  readonly manifest: Bytes | undefined;
}

/**
 * Every file `*.pub` of a directory. @throws AgentError "RELEASE_KEY" for one that is no key, "NOT_ROOT" where nobody but root
 * may look: that there are none must not be taken from there
 */
export async function releaseKeys(machine: Machine, directory: string): Promise<readonly ReleaseKey[]> {
  await machine.status(directory).catch((cause: unknown) => {
    throw new AgentError("NOT_ROOT", `${directory} can't be looked at`, { cause, fix: "use sudo" });
  });
  const keys: ReleaseKey[] = [];
  for (const name of (await machine.list(directory)).filter((name) => name.endsWith(".pub"))) {
    const key = decodeReleaseKey((await machine.read(`${directory}/${name}`)) ?? new Uint8Array());
    if (!key.ok) {
      throw new AgentError("RELEASE_KEY", `${directory}/${name}: ${key.reason}`, {
        fix: "remove or replace that file",
      });
    }
    keys.push(key.value);
  }
  return keys;
}

/**
 * Who vouches for the file. Without release keys nobody can be asked: that is told by an empty key in the report.
 * @throws AgentError "RELEASE_MISSING", "RELEASE_NONE", "RELEASE_UNSIGNED", "RELEASE_FOREIGN", "RELEASE_CHANGED", "RELEASE_KEY", "NOT_ROOT"
 */
export async function verifyPackage(machine: Machine, file: string, directory: string): Promise<CheckedPackage> {
  const bytes = await machine.read(file, MAX_PACKAGE_BYTES);
  if (bytes === undefined) throw new AgentError("RELEASE_MISSING", `there is no file ${file}`);
  const facts = await factsOf(machine, file);
  const keys = await releaseKeys(machine, directory);
  const manifest = await machine.read(`${file}.manifest`, MAX_MANIFEST_BYTES + 1);
  const key = keys.length === 0 ? "" : vouchedFor({ file, bytes, facts, manifest }, keys).key;
  const installed = (await installedFacts(machine))?.version ?? "";
  const { version, arch } = facts;
  return { report: { file, version, arch, key, installed }, facts, bytes, manifest };
}

/** All that a change of this node demands. @throws AgentError as {@link verifyPackage}, "RELEASE_ARCH", "RELEASE_OLDER" */
export async function checkPackage(machine: Machine, file: string): Promise<CheckedPackage> {
  const checked = await verifyPackage(machine, file, RELEASE_KEYS);
  const { version, arch, installed } = checked.report;
  const own = await architecture(machine);
  if (arch !== own) {
    throw new AgentError("RELEASE_ARCH", `caye ${version} is for ${arch}; this machine is ${own}`, {
      fix: `take caye_${version}_${own}.deb`,
    });
  }
  if (installed !== "" && (await isNewer(machine, installed, version))) {
    throw new AgentError("RELEASE_OLDER", `caye ${version} is older than ${installed}, which is installed`, {
      fix: "to go back to the version before the last update: caye update rollback",
    });
  }
  return checked;
}

interface Offered {
  readonly file: string;
  readonly bytes: Bytes;
  readonly facts: PackageFacts;
  readonly manifest: Bytes | undefined;
}

function vouchedFor({ file, bytes, facts, manifest }: Offered, keys: readonly ReleaseKey[]): Release {
  if (manifest === undefined) {
    throw new AgentError("RELEASE_UNSIGNED", `nobody vouches for ${file}: there is no ${file}.manifest`, {
      fix: KEEP_OUT,
    });
  }
  const release = verifyManifest(manifest, keys);
  if (!release.ok) {
    const known = `this node trusts ${keys.map(({ id }) => id).join(", ")}`;
    const why =
      release.reason === "unknown key" ? `it is signed with a key that is not trusted here; ${known}` : release.reason;
    const code = release.reason === "unknown key" ? "RELEASE_FOREIGN" : "RELEASE_CHANGED";
    throw new AgentError(code, `${file}.manifest does not vouch for the package: ${why}`, { fix: KEEP_OUT });
  }
  // Under whatever name it came.
  const deb = release.value.files.find(({ name }) => name.endsWith(".deb"));
  const same = isOfRelease(release.value, deb?.name ?? "", bytes).ok;
  if (!same || release.value.version !== facts.version || release.value.arch !== facts.arch) {
    throw new AgentError("RELEASE_CHANGED", `${file} is not the file that was signed`, { fix: KEEP_OUT });
  }
  return release.value;
}
