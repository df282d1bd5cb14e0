/** What an agent says of its board, from memory: for tests of the API and of the commands. @module */
import type { BoardView } from "../../src/api/board.ts";
import type { BoardReport, BoardTest } from "../../src/kernel/board-reports.ts";
import { AgentError } from "../../src/kernel/errors.ts";

export interface FakeBoard extends BoardView {
  says: BoardReport;
  readonly tests: BoardTest[];
  /** True while the case is open. */
  open: boolean;
}

export function boardReport(changes: Partial<BoardReport> = {}): BoardReport {
  return {
    lines: [
      { name: "lamp", wire: "gpio:pinctrl-rp1/GPIO17", state: "active", detail: "", fix: "" },
      {
        name: "siren",
        wire: "gpio:pinctrl-rp1/GPIO27",
        state: "fault",
        detail: "gpio:pinctrl-rp1/GPIO27: the line is in use by spi0",
        fix: "Each line has one holder.",
      },
    ],
    lamp: "running",
    siren_alerts: [],
    tamper: { opened: true, at: "2026-02-03T04:05:06.000Z" },
    radio_resets: 2,
    ...changes,
  };
}

export function fakeBoard(): FakeBoard {
  const board: FakeBoard = {
    says: boardReport(),
    tests: [],
    open: false,
    report: async () => board.says,
    test: async (wish) => {
      board.tests.push(wish);
      return board.says;
    },
    clearTamper: async () => {
      if (board.open) throw new AgentError("BOARD_OPEN", "the case is open now", { fix: "Close it." });
      board.says = { ...board.says, tamper: { opened: false, at: "" } };
      return board.says;
    },
  };
  return board;
}
