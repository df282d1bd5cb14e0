/**
 * The end of a node: its agent is stopped, its keys are removed, then all else that it kept. In this order, so that a power cut
 * in between leaves data without keys, and never keys that are forgotten.
 * @module
 */
import { describeError } from "../kernel/errors.ts";
import type { RetireReport, RetireWish } from "../kernel/upkeep.ts";
import type { Machine } from "../ports/machine.ts";

const UNIT = "caye.service";
/** The units that would start something again. */
const UNITS = [UNIT, "caye-card.service", "caye-clock.timer", "caye-clock.service", "caye-backup.timer"];
/** In the state directory: what opens the store, proves the node, or is the chip in software. */
const KEYS = [
  "store.key",
  "sealed.bin",
  "sealed-next.bin",
  "sealed-before.bin",
  "sealed-fallback.bin",
  "sealed-damaged.bin",
  "recovery.bin",
  "token",
  "swtpm",
];
const CARD_SECRETS = "/boot/firmware/caye/secrets.toml";
const STOP_MS = 60_000;

export async function retire(machine: Machine, wish: RetireWish): Promise<RetireReport> {
  const { node, author, statePath, groupKeyFile, clearTpm } = wish;
  const wiped: string[] = [];
  const failed: { what: string; reason: string }[] = [];
  await stop(machine, wish, failed);
  if (failed.length > 0) return { node, author, wiped, failed };
  const keys = KEYS.map((name) => `${statePath}/${name}`);
  const secrets = groupKeyFile === "" ? [CARD_SECRETS] : [groupKeyFile, draftOf(groupKeyFile), CARD_SECRETS];
  for (const path of [...keys, ...secrets]) await wipe(machine, path, { wiped, failed });
  if (clearTpm) await clear(machine, { wiped, failed });
  for (const name of await machine.list(statePath)) await wipe(machine, `${statePath}/${name}`, { wiped, failed });
  return { node, author, wiped, failed };
}

/** What a power cut leaves while the file is written. */
function draftOf(path: string): string {
  return path.replace(/[^/]+$/, ".$&.new");
}

interface Outcome {
  readonly wiped: string[];
  readonly failed: { what: string; reason: string }[];
}

/** A node whose agent still runs would write its keys again. */
async function stop(machine: Machine, { pid }: RetireWish, failed: Outcome["failed"]): Promise<void> {
  if ((await machine.status("/run/systemd/system"))?.kind === "directory") {
    await machine.run("systemctl", ["disable", "--now", ...UNITS], { timeoutMs: STOP_MS });
  }
  if (pid !== undefined && (await machine.status(`/proc/${pid}`)) !== undefined) {
    failed.push({ what: `the agent (process ${pid})`, reason: "it still runs: stop it, then type this again" });
  }
}

async function wipe(machine: Machine, path: string, { wiped, failed }: Outcome): Promise<void> {
  try {
    if ((await machine.status(path)) === undefined) return;
    await machine.remove(path);
    wiped.push(path);
  } catch (error) {
    failed.push({ what: path, reason: describeError(error) });
  }
}

/** The chip's storage seed changes: what was sealed opens nowhere any more, also from a copy of the card. */
async function clear(machine: Machine, { wiped, failed }: Outcome): Promise<void> {
  const what = "the chip's storage hierarchy";
  const ran = await machine.run("tpm2_clear", ["--auth-hierarchy=l"], {
    env: { TPM2TOOLS_TCTI: "device:/dev/tpmrm0" },
  });
  if (ran.status === 0) wiped.push(what);
  else failed.push({ what, reason: ran.missing ? "tpm2_clear is not installed (tpm2-tools)" : ran.stderr.trim() });
}
