/** The API's routes for the sources of randomness: how they are, and their enrolment. Shapes: `kernel/entropy-reports.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import type { EntropyReport } from "../kernel/entropy-reports.ts";
import { readJson } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

export interface EntropyWish {
  /** Its URI; undefined: the first of the configuration. */
  readonly source: string | undefined;
  /** Undefined: a million. */
  readonly samples: number | undefined;
}

/** What the API needs of entropy. Throws AgentError "QUARANTINE" where the boot ended before the sources were watched. */
export interface EntropyView {
  report(): Promise<EntropyReport>;
  /** Begins; {@link report} tells how far it is. @throws AgentError "NOT_FOUND", "BAD_REQUEST", "ENTROPY_BUSY" */
  enrol(wish: EntropyWish): Promise<EntropyReport>;
}

const enrolBody = z
  .strictObject({ source: z.string().min(1).max(300).optional(), samples: z.int().min(1).max(1e9).optional() })
  .transform(({ source, samples }): EntropyWish => ({ source, samples }));

export function entropyRoutes(app: Hono, view: EntropyView, allowed: (request: Request) => Request): void {
  const answer = (report: EntropyReport, status = 200): Response =>
    Response.json(report, { status, headers: COMMON_HEADERS });
  app.get("/v1/entropy", async () => answer(await view.report()));
  app.post("/v1/entropy/enrol", async (context) => {
    const wish = await readJson(allowed(context.req.raw), enrolBody);
    return answer(await view.enrol(wish), 202);
  });
}
