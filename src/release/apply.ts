/**
 * The first half of an update: everything that can go wrong is tried while the old version still runs. Nothing is
 * changed before the state file says `announced`; from then on the update goes on by itself, whatever is cut short.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import { isOver, type ApplyOptions, type Tell } from "../kernel/update.ts";
import type { Machine } from "../ports/machine.ts";
import { checkPackage, type CheckedPackage } from "./check.ts";
import { announce, healthNow, type Health } from "./node.ts";
import { factsOf, installedFacts, keptPackage, type PackageFacts } from "./packages.ts";
import { isPlainVersion, readState, UPDATE_HOME, writeState, type UpdateState } from "./state.ts";
import { dropPackages, keepInstalled } from "./way-back.ts";

/** Besides what the package itself takes: twice unpacked, once more packed. */
const SPARE_BYTES = 64 * 1_048_576;

/**
 * @throws AgentError "NOT_ROOT", "UPDATE_UNDER_WAY", "UPDATE_SAME", "RELEASE_NO_KEYS", "DISK_FULL", "UPDATE_ONE_WAY",
 *   "UPDATE_NO_WAY_BACK", "UPDATE_NOT_ALLOWED", and those of `checkPackage`
 */
export async function prepare(machine: Machine, file: string, options: ApplyOptions, tell: Tell): Promise<UpdateState> {
  const running = await demandReady(machine);
  tell("checking the package");
  const checked = await checkPackage(machine, file);
  if (checked.report.key === "") {
    throw new AgentError("RELEASE_NO_KEYS", "this node has no release keys, so nobody can vouch for a package", {
      fix: "put the release's .pub file into /etc/caye/release-keys",
    });
  }
  if (checked.facts.version === running.version) {
    throw new AgentError("UPDATE_SAME", `caye ${running.version} is installed already`);
  }
  await demandRoom(machine, checked);
  demandSameFormat(running, checked.facts);
  tell("keeping the version that runs, to go back to");
  await dropPackages(machine, [running.version], running.arch);
  await keepInstalled(machine, running);
  const { version, arch } = checked.facts;
  const deb = keptPackage(version, arch);
  // The very bytes that were checked: what lies on a stick may change meanwhile.
  await machine.write(deb, checked.bytes, 0o600);
  // dpkg-deb read that file once more, perhaps another one.
  demandSameFormat(running, await factsOf(machine, deb));
  if (checked.manifest !== undefined) await machine.write(`${deb}.manifest`, checked.manifest, 0o600);
  return begin(machine, { from: running.version, to: version, deb }, options, tell);
}

/** Goes back to the version before, after that was long confirmed. @throws as {@link prepare}, "UPDATE_NONE", "STATE_NEWER" */
export async function prepareBack(machine: Machine, options: ApplyOptions, tell: Tell): Promise<UpdateState> {
  const running = await demandReady(machine);
  const last = await readState(machine);
  const to = last?.step === "confirmed" && last.to === running.version ? last.from : undefined;
  const deb = keptPackage(to ?? "", running.arch);
  if (to === undefined || (await machine.status(deb)) === undefined) {
    throw new AgentError("UPDATE_NONE", "there is no version before to go back to", {
      fix: "`caye update status` says which are kept",
    });
  }
  const before = await factsOf(machine, deb);
  if (before.stateFormat < running.stateFormat) {
    throw new AgentError(
      "STATE_NEWER",
      `caye ${running.version} writes the state in format ${running.stateFormat}; caye ${to} reads up to ${before.stateFormat}`,
      { fix: "stay with it; or export the files, and set the node up anew: docs/runbook.md" },
    );
  }
  await keepInstalled(machine, running);
  return begin(machine, { from: running.version, to, deb }, options, tell);
}

interface Change {
  readonly from: string;
  readonly to: string;
  readonly deb: string;
}

async function begin(
  machine: Machine,
  { from, to, deb }: Change,
  { waitS }: ApplyOptions,
  tell: Tell,
): Promise<UpdateState> {
  const health = await healthNow(machine, false);
  tell("announcing the new state, so that the store opens in it");
  await announce(machine, deb, health.mode === "" ? "warn" : health.mode);
  return writeState(machine, {
    step: "announced",
    from,
    to,
    waitS,
    radio: health.radio === "ready",
    reboot: hasChip(health),
    tries: 0,
    why: "",
  });
}

/** What a chip's register holds, only a restart of the machine takes away. */
function hasChip({ tpm, mode }: Health): boolean {
  return mode === "enforce" && tpm !== "" && !tpm.startsWith("swtpm:");
}

/** @returns what is installed */
async function demandReady(machine: Machine): Promise<PackageFacts> {
  if (!machine.isRoot()) {
    throw new AgentError("NOT_ROOT", "an update changes what is installed: only root may", { fix: "use sudo" });
  }
  const state = await readState(machine);
  if (state !== undefined && !isOver(state.step)) {
    throw new AgentError(
      "UPDATE_UNDER_WAY",
      `an update from ${state.from} to ${state.to} is under way: ${state.step}`,
      {
        fix:
          state.reboot && state.step === "announced"
            ? "restart the machine"
            : "caye update status; caye update rollback",
      },
    );
  }
  const running = await installedFacts(machine);
  if (running === undefined) {
    throw new AgentError("UPDATE_NONE", "caye is not installed here as a package", { fix: "dpkg --configure -a" });
  }
  if (!isPlainVersion(running.version)) {
    throw new AgentError("UPDATE_NO_WAY_BACK", `caye ${running.version} is not as any release is numbered`, {
      fix: "install a release by hand first: apt install ./caye_VERSION_ARCH.deb",
    });
  }
  return running;
}

async function demandRoom(machine: Machine, { facts, bytes }: CheckedPackage): Promise<void> {
  const wanted = 2 * facts.installedBytes + 3 * bytes.length + SPARE_BYTES;
  const free = (await machine.freeBytes(UPDATE_HOME)) ?? (await machine.freeBytes("/var/lib"));
  if (free === undefined || free >= wanted) return;
  const megabytes = (count: number): string => `${Math.ceil(count / 1_000_000)} MB`;
  throw new AgentError("DISK_FULL", `the update needs ${megabytes(wanted)} on the disk; ${megabytes(free)} are free`, {
    fix: "sudo apt-get clean; sudo journalctl --vacuum-size=50M",
  });
}

/** An older version could not read the state once the new one has written it; so there would be no going back. */
function demandSameFormat(running: PackageFacts, next: PackageFacts): void {
  if (next.stateFormat === running.stateFormat) return;
  throw new AgentError(
    "UPDATE_ONE_WAY",
    `caye ${next.version} writes the state in format ${next.stateFormat}, which ${running.version} can't read (STATE_NEWER)`,
    { fix: "export what must not be lost, then without a way back: apt install ./caye_VERSION_ARCH.deb" },
  );
}
