/** Answers the agent's operators about what is wired to the node. @module */
import type { BoardView } from "../api/board.ts";
import type { BoardLine, BoardReport, BoardTest } from "../kernel/board-reports.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Check } from "../kernel/reports.ts";
import type { DeskParts } from "./parts.ts";

export class BoardDesk implements BoardView {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  async report(): Promise<BoardReport> {
    return this.#board().report();
  }

  test(wish: BoardTest, signal: AbortSignal): Promise<BoardReport> {
    return this.#board().test(wish, signal);
  }

  clearTamper(): Promise<BoardReport> {
    return this.#board().clearTamper();
  }

  #board() {
    const { board } = this.#parts;
    if (board !== undefined) return board;
    throw new AgentError("BOARD_LINE", "this agent has no board", { fix: "docs/board.md shows how to wire one." });
  }
}

/** Nothing where nothing is wired. */
export function boardChecks({ board }: DeskParts): readonly Check[] {
  const lines = board?.report().lines ?? [];
  if (lines.length === 0) return [];
  const faults = lines.filter(({ state }) => state === "fault");
  if (faults.length > 0) return faults.map(faultCheck);
  const detail = `${lines.map(({ name }) => name.replace("_", " ")).join(", ")}: every line is held`;
  return [{ name: "board", state: "OK", detail, fix: "" }];
}

function faultCheck({ name, detail, fix }: BoardLine): Check {
  return { name: "board", state: "WARN", detail: `${name.replace("_", " ")}: ${detail}`, fix };
}
