/** What the agent tells the outside of its board: the JSON of the HTTP API. Names here are fixed, as in `reports.ts`. @module */

export const BOARD_LINES = ["lamp", "siren", "tamper", "radio_reset", "power_fail", "power_done"] as const;
export type BoardLineName = (typeof BOARD_LINES)[number];

/** What the status lamp can say; its blinking: docs/board.md. */
export const LAMP_SIGNS = [
  "booting",
  "running",
  "warned",
  "quarantine",
  "no-radio",
  "tamper",
  "alert",
  "stopping",
  "provision-failed",
  "not-started",
] as const;
export type LampSign = (typeof LAMP_SIGNS)[number];

/** One line that the configuration names. */
export interface BoardLine {
  readonly name: BoardLineName;
  /** As the configuration names it. */
  readonly wire: string;
  /** `fault`: it can't be used; the node works without it. */
  readonly state: "active" | "idle" | "fault";
  /** What is wrong, and what to do about it; empty when nothing is. */
  readonly detail: string;
  readonly fix: string;
}

export interface BoardReport {
  readonly lines: readonly BoardLine[];
  /** What the lamp says, or would say. */
  readonly lamp: LampSign;
  /** Ids of the alerts for which the siren sounds. */
  readonly siren_alerts: readonly string[];
  readonly tamper: {
    /** True from the moment the case was opened until the operator says that it was seen. */
    readonly opened: boolean;
    /** ISO 8601; empty when it was not, or the clock was not set. */
    readonly at: string;
  };
  /** Resets of the radio since the agent started. */
  readonly radio_resets: number;
}

/** A try of one output, for somebody who stands before it. */
export interface BoardTest {
  readonly line: "lamp" | "siren" | "radio_reset";
  /** What the lamp is to say; left out: `alert`. */
  readonly sign?: LampSign;
  /** 1 … 60; of the siren 1 … 10. */
  readonly seconds: number;
}
