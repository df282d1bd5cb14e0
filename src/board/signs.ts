/** What the status lamp says by its blinking: counted flashes, which people can tell apart without a clock. @module */
import type { LampSign } from "../kernel/board-reports.ts";

/** On or off for so long, in ms. */
export interface Phase {
  readonly on: boolean;
  readonly ms: number;
}

const SHORT_MS = 150;
const LONG_MS = 900;
const GAP_MS = 300;
const PAUSE_MS = 2_000;

/** Repeated for as long as the sign holds. The table for people: docs/board.md. */
export const SIGNS: Readonly<Record<LampSign, readonly Phase[]>> = {
  booting: even(500),
  running: flashes(SHORT_MS),
  warned: flashes(SHORT_MS, SHORT_MS),
  quarantine: flashes(SHORT_MS, SHORT_MS, SHORT_MS),
  "no-radio": flashes(SHORT_MS, SHORT_MS, SHORT_MS, SHORT_MS),
  tamper: flashes(SHORT_MS, SHORT_MS, SHORT_MS, SHORT_MS, SHORT_MS),
  alert: even(100),
  stopping: [{ on: true, ms: 10_000 }],
  "provision-failed": flashes(LONG_MS, SHORT_MS),
  "not-started": flashes(LONG_MS, LONG_MS),
};

/** What a node in this state says; the gravest thing alone. */
export interface NodeFacts {
  readonly state: "running" | "warned" | "quarantine";
  readonly radioReady: boolean;
  readonly tampered: boolean;
  /** An alert holds that nobody here has acknowledged. */
  readonly alerted: boolean;
}

export function signOf({ state, radioReady, tampered, alerted }: NodeFacts): LampSign {
  if (alerted) return "alert";
  if (state === "quarantine") return "quarantine";
  if (tampered) return "tamper";
  if (!radioReady) return "no-radio";
  return state;
}

function even(ms: number): readonly Phase[] {
  return [
    { on: true, ms },
    { on: false, ms },
  ];
}

function flashes(...lengthsMs: readonly number[]): readonly Phase[] {
  return lengthsMs.flatMap((ms, at) => [
    { on: true, ms },
    { on: false, ms: at === lengthsMs.length - 1 ? PAUSE_MS : GAP_MS },
  ]);
}
