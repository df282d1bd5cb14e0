/** The API's routes for the village: who belongs to it. Shapes: `kernel/village.ts`. @module */
import type { Hono } from "hono";
import { MAX_STATEMENT_FILE_BYTES } from "../dag/statement-file.ts";
import type { RequestReport, RosterReport, StatementReport } from "../kernel/village.ts";
import { readBytes } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

/** What the API needs of the village. In quarantine everything here throws AgentError "QUARANTINE". */
export interface VillageView {
  roster(): Promise<RosterReport>;
  /** @throws AgentError "RADIO_UNKNOWN" as long as the radio has not told its number */
  request(): Promise<RequestReport>;
  /**
   * Takes in a certificate or a revocation list, and passes it on to all neighbours. Resolves once it is on disk.
   * @throws AgentError "STATEMENT_INVALID", "NO_AUTHORITY", "TOO_MANY"
   */
  join(file: Uint8Array): Promise<StatementReport>;
}

export function villageRoutes(app: Hono, village: VillageView, allowed: (request: Request) => Request): void {
  app.get("/v1/roster", async () => answer(await village.roster()));
  app.get("/v1/village/request", async (context) => {
    allowed(context.req.raw);
    return answer(await village.request());
  });
  app.post("/v1/village/statements", async (context) => {
    const file = await readBytes(allowed(context.req.raw), MAX_STATEMENT_FILE_BYTES);
    return answer(await village.join(file), 201);
  });
}

function answer(value: object, status = 200): Response {
  return Response.json(value, { status, headers: COMMON_HEADERS });
}
