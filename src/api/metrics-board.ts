/** The figures of what is wired to the node. @module */
import type { BoardReport } from "../kernel/board-reports.ts";
import type { Page } from "./metrics-page.ts";

export function addBoard(page: Page, { lines, siren_alerts, tamper, radio_resets }: BoardReport): void {
  for (const { name, state } of lines) {
    page.gauge("caye_board_line_ok", "1 while a line of the board can be used", Number(state !== "fault"), {
      line: name,
    });
  }
  page.gauge("caye_board_siren_alerts", "Alerts for which the siren sounds now", siren_alerts.length);
  page.gauge(
    "caye_board_tamper_opened",
    "1 from when the case was opened until the operator has seen to it",
    Number(tamper.opened),
  );
  page.counter("caye_board_radio_resets_total", "Resets of a silent radio since the start", radio_resets);
}
