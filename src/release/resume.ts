/**
 * The second half of an update, which goes on by itself: from whatever step the state file names, to the end. Each step
 * may be cut short and begun again: what dpkg did half it does whole, an agent is looked at anew.
 * @module
 */
import { isOver, type Tell, type UpdateStep } from "../kernel/update.ts";
import type { Clock } from "../ports/clock.ts";
import type { Machine } from "../ports/machine.ts";
import { endWayBack, type Health, healthNow, install, restartMachine, startAgent, stopAgent } from "./node.ts";
import { architecture } from "./packages.ts";
import { readState, writeState, type UpdateState } from "./state.ts";
import { dropPackages } from "./way-back.ts";

const LOOK_EVERY_MS = 2_000;
/** So long it must stay healthy, in one process: a tenth of the time that it has to become so, at most. */
const MAX_STEADY_MS = 30_000;
/** For the old version, which ran before. */
const OLD_WAIT_S = 180;
const BUSY_MS = 5_000;
const MAX_BUSY = 120;

export interface ResumeParts {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly tell: Tell;
  readonly signal: AbortSignal;
}

/** @returns the state that it came to; undefined when there is no update */
export async function resume(parts: ResumeParts): Promise<UpdateState | undefined> {
  const { machine, signal } = parts;
  for (;;) {
    const state = await readState(machine);
    if (state === undefined || isOver(state.step) || signal.aborted) return state;
    const next = await step(state, parts);
    if (next === undefined) return await readState(machine);
  }
}

/** One step further; undefined when it must wait for a restart of the machine. */
function step(state: UpdateState, parts: ResumeParts): Promise<UpdateState | undefined> {
  const { machine, tell } = parts;
  const stay = async (): Promise<UpdateState> => state;
  const steps: Readonly<Record<UpdateStep, () => Promise<UpdateState | undefined>>> = {
    announced: async () => (state.reboot ? undefined : writeState(machine, { ...state, step: "installing" })),
    installing: () => exchange(state, parts),
    installed: async () => {
      await startAgent(machine);
      return writeState(machine, { ...state, step: "watching" });
    },
    watching: () => {
      tell(`looking whether ${state.to} does its work`);
      return watch(state, parts);
    },
    returning: () => takeBack(state, parts),
    returned: () => lookAtOld(state, parts),
    confirmed: stay,
    "rolled-back": stay,
    failed: stay,
  };
  return steps[state.step]();
}

async function exchange(state: UpdateState, parts: ResumeParts): Promise<UpdateState | undefined> {
  // With a chip the exchange is made by the shell, before the agent starts.
  if (state.reboot) return undefined;
  parts.tell(`installing ${state.to}`);
  const problem = await installAlone(state.to, parts);
  if (problem === undefined) return writeState(parts.machine, { ...state, step: "installed" });
  return writeState(parts.machine, { ...state, step: "returning", why: problem });
}

async function watch(state: UpdateState, parts: ResumeParts): Promise<UpdateState> {
  const { machine } = parts;
  const proof = await proven(state, { version: state.to, radio: state.radio, waitS: state.waitS }, parts);
  if (proof.kind === "cut") return state;
  if (proof.kind === "failed") return writeState(machine, { ...state, step: "returning", why: proof.why });
  return confirmed(machine, state);
}

/** The old state no longer opens the store. */
export async function confirmed(machine: Machine, state: UpdateState): Promise<UpdateState> {
  await endWayBack(machine);
  const over = await writeState(machine, { ...state, step: "confirmed", why: "" });
  await dropPackages(machine, [state.from, state.to], await architecture(machine));
  return over;
}

async function takeBack(state: UpdateState, parts: ResumeParts): Promise<UpdateState | undefined> {
  const { machine, tell } = parts;
  tell(`going back to ${state.from}: ${state.why}`);
  const problem = await installAlone(state.from, parts);
  if (problem !== undefined) {
    await startAgent(machine);
    return writeState(machine, { ...state, step: "failed", why: `${state.why}; and no way back: ${problem}` });
  }
  const returned = await writeState(machine, { ...state, step: "returned" });
  if (!state.reboot) return returned;
  await restartMachine(machine);
  return undefined;
}

async function lookAtOld(state: UpdateState, parts: ResumeParts): Promise<UpdateState> {
  const { machine } = parts;
  await startAgent(machine);
  const proof = await proven(state, { version: state.from, radio: false, waitS: OLD_WAIT_S }, parts);
  if (proof.kind === "cut") return state;
  if (proof.kind === "failed") {
    return writeState(machine, {
      ...state,
      step: "failed",
      why: `${state.why}; ${state.from} is back, but ${proof.why}`,
    });
  }
  await endWayBack(machine);
  return writeState(machine, { ...state, step: "rolled-back" });
}

interface Wanted {
  readonly version: string;
  readonly radio: boolean;
  /** Seconds that it has to become healthy. */
  readonly waitS: number;
}

/** `cut`: somebody else decided meanwhile, or this program is to end. */
type Proof = { readonly kind: "healthy" | "cut" } | { readonly kind: "failed"; readonly why: string };

/** Healthy is what was so for a while, in one process. */
async function proven(state: UpdateState, wanted: Wanted, { machine, clock, signal }: ResumeParts): Promise<Proof> {
  const endMs = clock.monotonicMs() + wanted.waitS * 1000;
  const steadyMs = Math.min(MAX_STEADY_MS, state.waitS * 100);
  let well: { readonly pid: number; readonly sinceMs: number } | undefined;
  for (;;) {
    const health = await healthNow(machine, wanted.radio);
    const nowMs = clock.monotonicMs();
    if (!health.healthy || health.version !== wanted.version) well = undefined;
    else if (well?.pid !== health.pid) well = { pid: health.pid, sinceMs: nowMs };
    if (well !== undefined && nowMs - well.sinceMs >= steadyMs) return { kind: "healthy" };
    // One that became healthy in time gets the time to stay so.
    if (nowMs >= (well === undefined ? endMs : endMs + steadyMs))
      return { kind: "failed", why: whyNot(health, wanted) };
    if (signal.aborted || (await readState(machine))?.step !== state.step) return { kind: "cut" };
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

function whyNot({ version, reasons }: Health, wanted: Wanted): string {
  if (version !== "" && version !== wanted.version) return `${version} runs instead of ${wanted.version}`;
  return reasons.length === 0 ? "it did not stay healthy" : reasons.join("; ");
}

/** Waits for another dpkg: apt, or one that an updater left behind when it was killed. */
async function installAlone(version: string, { machine, clock, signal }: ResumeParts): Promise<string | undefined> {
  await stopAgent(machine);
  const arch = await architecture(machine);
  for (let tries = 0; tries < MAX_BUSY && !signal.aborted; tries++) {
    const problem = await install(machine, version, arch);
    if (problem !== "busy") return problem;
    await clock.sleep(BUSY_MS, signal);
  }
  return "another dpkg does not end";
}
