/** The API's routes for the time: what the node knows of it, and somebody's clock. Shapes: `kernel/time.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import type { TimeReport, TimeWish } from "../kernel/time.ts";
import { readJson } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

/** In quarantine, too: a node that does not know the date may be there for that. */
export interface TimeView {
  report(): Promise<TimeReport>;
  /** @throws AgentError "TIME_REFUSED" */
  set(wish: TimeWish): Promise<TimeReport>;
}

const wish = z.strictObject({
  at_s: z.int().min(0).max(4_294_967_295),
  from: z.string().regex(/^[^\p{Cc}\p{Cf}]{1,40}$/u, "must be 1 to 40 characters"),
  force: z.boolean().optional(),
});

export function timeRoutes(app: Hono, time: TimeView, allowed: (request: Request) => Request): void {
  app.get("/v1/time", async () => Response.json(await time.report(), { headers: COMMON_HEADERS }));
  app.post("/v1/time", async (context) => {
    const told = await readJson(allowed(context.req.raw), wish);
    return Response.json(await time.set(told), { headers: COMMON_HEADERS });
  });
}
