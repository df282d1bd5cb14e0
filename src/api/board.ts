/** The API's routes for what is wired to the node. Shapes: `kernel/board-reports.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import { LAMP_SIGNS, type BoardReport, type BoardTest } from "../kernel/board-reports.ts";
import { readJson } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

/** Answers in quarantine, too. */
export interface BoardView {
  report(): Promise<BoardReport>;
  /** Begins; a reset of the radio is over when this resolves. @throws AgentError "BOARD_LINE", "BAD_REQUEST" */
  test(wish: BoardTest, signal: AbortSignal): Promise<BoardReport>;
  /** @throws AgentError "BOARD_OPEN": the case is open now */
  clearTamper(): Promise<BoardReport>;
}

const testBody = z
  .strictObject({
    line: z.enum(["lamp", "siren", "radio_reset"]),
    sign: z.enum(LAMP_SIGNS).optional(),
    seconds: z.int().min(1).max(60),
  })
  .transform(({ line, sign, seconds }): BoardTest => ({ line, seconds, ...(sign === undefined ? {} : { sign }) }));

export function boardRoutes(app: Hono, board: BoardView, allowed: (request: Request) => Request): void {
  const answer = (report: BoardReport, status = 200): Response =>
    Response.json(report, { status, headers: COMMON_HEADERS });
  app.get("/v1/board", async () => answer(await board.report()));
  app.post("/v1/board/test", async (context) => {
    const request = allowed(context.req.raw);
    return answer(await board.test(await readJson(request, testBody), request.signal), 202);
  });
  app.post("/v1/board/clear-tamper", async (context) => {
    allowed(context.req.raw);
    return answer(await board.clearTamper());
  });
}
