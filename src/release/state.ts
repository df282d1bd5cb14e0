/**
 * How far an update is: a small text file that a shell can read, too, since `provisioning/package/update.sh` must go on with
 * nothing else when the power failed in the middle. First line `caye-update 1`, then `field=value`, one form alone.
 * @module
 */
import { equalBytes, fromUtf8, utf8, type Bytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import type { UpdateStep } from "../kernel/update.ts";
import type { Machine } from "../ports/machine.ts";

export const UPDATE_HOME = "/var/lib/caye-update";
export const STATE_FILE = `${UPDATE_HOME}/state`;
const HEAD = "caye-update 1";
const MAX_BYTES = 4_096;
const MAX_WHY = 500;
const MAX_WAIT_S = 86_400;
const STEPS: readonly UpdateStep[] = [
  "announced",
  "installing",
  "installed",
  "watching",
  "confirmed",
  "returning",
  "returned",
  "rolled-back",
  "failed",
];
const VERSION = /^[0-9][0-9A-Za-z.+~]{0,63}$/;

/** As releases have it: without epoch and revision. Others have no place in the state. */
export function isPlainVersion(version: string): boolean {
  return VERSION.test(version);
}

export interface UpdateState {
  readonly step: UpdateStep;
  readonly from: string;
  readonly to: string;
  /** Seconds that the new version has to become healthy. */
  readonly waitS: number;
  /** The radio was ready before, and must be again. */
  readonly radio: boolean;
  /** The TPM's register can't be set back: each exchange of the code needs a restart of the machine. */
  readonly reboot: boolean;
  /** Starts of the machine since it was installed; counted by the shell. */
  readonly tries: number;
  readonly why: string;
}

export function encodeState(state: UpdateState): Bytes {
  const { step, from, to, waitS, radio, reboot, tries } = state;
  const yes = (value: boolean): string => (value ? "yes" : "no");
  const lines = [
    HEAD,
    `step=${step}`,
    `from=${from}`,
    `to=${to}`,
    `wait=${waitS}`,
    `radio=${yes(radio)}`,
    `reboot=${yes(reboot)}`,
    `tries=${tries}`,
    `why=${oneLine(state.why)}`,
  ];
  return utf8(`${lines.join("\n")}\n`);
}

export function decodeState(bytes: Uint8Array): Decoded<UpdateState> {
  if (bytes.length > MAX_BYTES) return refused("too long");
  const [head, ...lines] = (fromUtf8(bytes) ?? "").split("\n");
  if (head !== HEAD) return refused("not the state of an update");
  const fields = new Map(lines.map((line) => [line.split("=", 1)[0] ?? "", line.slice(line.indexOf("=") + 1)]));
  const text = (name: string): string => fields.get(name) ?? "";
  const step = STEPS.find((known) => known === text("step"));
  if (step === undefined) return refused("unknown step");
  if (!VERSION.test(text("from")) || !VERSION.test(text("to"))) return refused("no version");
  const [waitS, tries] = [Number(text("wait")), Number(text("tries"))];
  if (!(Number.isInteger(waitS) && waitS <= MAX_WAIT_S && Number.isInteger(tries))) return refused("no number");
  const state: UpdateState = {
    step,
    from: text("from"),
    to: text("to"),
    waitS,
    radio: text("radio") === "yes",
    reboot: text("reboot") === "yes",
    tries,
    why: text("why"),
  };
  return equalBytes(encodeState(state), bytes) ? decoded(state) : refused("not in its one form");
}

/** Undefined when there is none. One that can't be read is none: an update begins anew then. */
export async function readState(machine: Machine): Promise<UpdateState | undefined> {
  const bytes = await machine.read(STATE_FILE);
  const state = bytes === undefined ? undefined : decodeState(bytes);
  return state?.ok === true ? state.value : undefined;
}

export async function writeState(machine: Machine, state: UpdateState): Promise<UpdateState> {
  await machine.write(STATE_FILE, encodeState(state), 0o644);
  return state;
}

/** What `sed` in the shell can replace, and a terminal can show. */
function oneLine(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, MAX_WHY);
}
