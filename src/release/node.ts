/** What an update asks of the node that it changes: its service, its health, its promise to open after the change. @module */
import { z } from "zod";
import { utf8 } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { parseJson } from "../kernel/json.ts";
import type { Machine } from "../ports/machine.ts";
import { keptPackage } from "./packages.ts";
import { UPDATE_HOME } from "./state.ts";
import { lastLine } from "./way-back.ts";

const CAYE = "/usr/bin/caye";
const SERVICE = "caye.service";
const NEXT = `${UPDATE_HOME}/next`;
/** Removed, the store opens in the confirmed state alone. */
const SEALED_BEFORE = "/var/lib/caye/sealed-before.bin";
const LONG_MS = 900_000;
const START_MS = 150_000;

const Health = z.looseObject({
  healthy: z.boolean(),
  reasons: z.array(z.string()),
  version: z.string(),
  pid: z.number(),
  radio: z.string(),
  tpm: z.string(),
  mode: z.enum(["enforce", "warn", ""]),
});
export type Health = z.infer<typeof Health>;

/** Asked through the node's own command, of the version that is installed now. */
export async function healthNow(machine: Machine, radio: boolean): Promise<Health> {
  const ran = await machine.run(CAYE, ["health", "--json", ...(radio ? ["--radio"] : [])]);
  const health = Health.safeParse(parseJson(utf8(ran.stdout)));
  if (health.success) return health.data;
  const reasons = [`caye health gives no answer: ${lastLine(ran)}`];
  return { healthy: false, reasons, version: "", pid: 0, radio: "", tpm: "", mode: "" };
}

export async function stopAgent(machine: Machine): Promise<void> {
  await machine.run("systemctl", ["stop", SERVICE], { timeoutMs: START_MS });
}

/** Whether it came up, its health tells. */
export async function startAgent(machine: Machine): Promise<void> {
  await machine.run("systemctl", ["daemon-reload"]);
  await machine.run("systemctl", ["reset-failed", SERVICE]);
  await machine.run("systemctl", ["start", SERVICE], { timeoutMs: START_MS });
}

export async function restartMachine(machine: Machine): Promise<void> {
  await machine.run("systemctl", ["reboot"]);
}

/**
 * Lets dpkg exchange the code; asks nobody, and starts nothing. Another dpkg is waited for by the caller.
 * @returns what went wrong; `busy` when another one is at work; undefined when all went well
 */
export async function install(machine: Machine, version: string, arch: string): Promise<string | undefined> {
  const env = { CAYE_UPDATING: "1", CAYE_ROLLBACK: version, DEBIAN_FRONTEND: "noninteractive" };
  const options = { env, timeoutMs: LONG_MS };
  const ran = await machine.run("dpkg", ["--force-confold", "--install", keptPackage(version, arch)], options);
  if (ran.status !== 0) return /lock/.test(ran.stderr) ? "busy" : `dpkg could not install it: ${lastLine(ran)}`;
  await machine.run("dpkg", ["--force-confold", "--configure", "--pending"], options);
  return undefined;
}

/**
 * Has the running agent seal its key to the state to come, too, so that both open until {@link endWayBack}.
 * @throws AgentError "UPDATE_NOT_ALLOWED" where that is needed and can't be had
 */
export async function announce(machine: Machine, deb: string, mode: Health["mode"]): Promise<void> {
  await machine.remove(NEXT);
  try {
    const unpacked = await machine.run("dpkg-deb", ["--extract", deb, NEXT], { timeoutMs: LONG_MS });
    if (unpacked.status !== 0) throw new AgentError("RELEASE_NONE", `${deb} can't be unpacked: ${lastLine(unpacked)}`);
    const code = `${NEXT}/usr/lib/caye`;
    const allowed = await machine.run(CAYE, ["allow-update", "--code", code, "--way-back"], { timeoutMs: LONG_MS });
    // Under warn a changed node opens all the same.
    if (allowed.status === 0 || mode === "warn") return;
    throw new AgentError("UPDATE_NOT_ALLOWED", `the store would not open after it: ${allowed.stderr.trim()}`, {
      fix: "caye doctor; or let the village's authority approve the new state: caye attest policy approve",
    });
  } finally {
    await machine.remove(NEXT);
  }
}

export async function endWayBack(machine: Machine): Promise<void> {
  await machine.remove(SEALED_BEFORE);
}
