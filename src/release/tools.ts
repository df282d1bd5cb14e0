/** Releases and updates, put together for the commands. @module */
import { AgentError } from "../kernel/errors.ts";
import type { Bytes } from "../kernel/bytes.ts";
import { isOver, type NamedFile, type UpdateReport, type UpdateTools } from "../kernel/update.ts";
import type { Clock } from "../ports/clock.ts";
import type { Machine } from "../ports/machine.ts";
import type { Random } from "../ports/random.ts";
import { prepare, prepareBack } from "./apply.ts";
import { checkPackage, RELEASE_KEYS, verifyPackage } from "./check.ts";
import { createReleaseKeys, decodeReleaseSecret } from "./keys.ts";
import { fileRow, signManifest } from "./manifest.ts";
import { endWayBack, restartMachine } from "./node.ts";
import { installedFacts, keptVersions } from "./packages.ts";
import { confirmed, resume } from "./resume.ts";
import { readState, writeState, type UpdateState } from "./state.ts";

export interface UpdateParts {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly random: Random;
  /** Ends what waits. */
  readonly signal: AbortSignal;
}

const UNIT = "caye-update.service";

export function updateTools({ machine, clock, random, signal }: UpdateParts): UpdateTools {
  const report = (): Promise<UpdateReport> => reportOf(machine);
  return {
    createKeys: () => createReleaseKeys(random),
    sign: (deb, beside, secret) => sign(deb, beside, secret),
    verify: async (file, directory) => (await verifyPackage(machine, file, directory ?? RELEASE_KEYS)).report,
    check: async (file) => (await checkPackage(machine, file)).report,
    status: report,
    apply: async (file, options, tell) => {
      await begin(machine, await prepare(machine, file, options, tell), options.now);
      return report();
    },
    confirm: async () => {
      const state = await demandUnderWay(machine);
      if (state.step !== "watching" && state.step !== "installed") throw nothingToDo(`it is ${state.step}`);
      await confirmed(machine, state);
      return report();
    },
    rollback: async (options, tell) => {
      const state = await readState(machine);
      if (state === undefined || isOver(state.step)) {
        await begin(machine, await prepareBack(machine, options, tell), options.now);
      } else await takeBack(machine, state);
      return report();
    },
    resume: async (tell) => {
      await resume({ machine, clock, tell, signal });
      return report();
    },
  };
}

/** In a unit of its own, which a closed terminal does not end; with a chip at the next start of the machine. */
async function begin(machine: Machine, { reboot }: UpdateState, now: boolean): Promise<void> {
  if (!reboot) await startUnit(machine);
  else if (now) await restartMachine(machine);
}

async function startUnit(machine: Machine): Promise<void> {
  const ran = await machine.run("systemctl", ["start", UNIT]);
  if (ran.status === 0) return;
  throw new AgentError("UPDATE_UNIT", `all is prepared, but ${UNIT} does not start: ${ran.stderr.trim()}`, {
    fix: `journalctl -u ${UNIT}; or: caye update resume`,
  });
}

async function takeBack(machine: Machine, state: UpdateState): Promise<void> {
  const why = "the operator asked for it";
  if (state.step === "announced") {
    await endWayBack(machine);
    await writeState(machine, { ...state, step: "rolled-back", why });
  } else if (state.step === "watching" || state.step === "installed") {
    await writeState(machine, { ...state, step: "returning", why });
    await startUnit(machine);
  } else throw nothingToDo(`it is ${state.step} already`);
}

async function demandUnderWay(machine: Machine): Promise<UpdateState> {
  const state = await readState(machine);
  if (state === undefined) throw nothingToDo("there was none");
  return state;
}

function nothingToDo(how: string): AgentError {
  return new AgentError("UPDATE_NONE", `no update waits for that: ${how}`, { fix: "caye update status" });
}

async function reportOf(machine: Machine): Promise<UpdateReport> {
  const [state, installed, kept] = [
    await readState(machine),
    await installedFacts(machine),
    await keptVersions(machine),
  ];
  const { step = "none", from = "", to = "", why = "", reboot = false } = state ?? {};
  const needs_reboot = reboot && step === "announced";
  return { installed: installed?.version ?? "", step, from, to, why, needs_reboot, kept };
}

const DEB_NAME = /^caye_([0-9][0-9A-Za-z.+~]*)_(amd64|arm64)\.deb$/;
/** The first member of an `ar` archive: its time, in decimal, after a magic of 8 bytes and a name of 16. */
const TIME_AT = 24;
const TIME_DIGITS = 12;

function sign(deb: NamedFile, beside: readonly NamedFile[], secret: Uint8Array): Bytes {
  const signer = decodeReleaseSecret(secret);
  if (!signer.ok)
    throw new AgentError("RELEASE_KEY", `that file is ${signer.reason}`, { fix: "caye release keys --out FILE" });
  const [, version, arch] = DEB_NAME.exec(deb.name) ?? [];
  if (version === undefined || (arch !== "amd64" && arch !== "arm64")) {
    throw new AgentError("RELEASE_NAME", `${deb.name} is not named as npm run package names it`, {
      fix: "caye_VERSION_ARCH.deb",
    });
  }
  const time = String.fromCharCode(...deb.bytes.subarray(TIME_AT, TIME_AT + TIME_DIGITS)).trim();
  const files = [deb, ...beside].map(({ name, bytes }) => fileRow(name, bytes));
  return signManifest({ version, arch, sourceTimeS: Number(time) || 0, files }, signer.value);
}
