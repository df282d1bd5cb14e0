/** The API's route for the report of a full self-test that was run on this machine. Shapes: `kernel/selftest.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import { AgentError } from "../kernel/errors.ts";
import { type SelfTestRecord, recordOf } from "../kernel/selftest.ts";
import { parseJson, readBytes } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

const MAX_RECORD_BYTES = 65_536;
const MAX_CASES = 1_000_000;

const text = z.string().max(200);
const result = z.strictObject({
  name: text.min(1),
  source: text,
  cases: z.int().min(0).max(MAX_CASES),
  failed: z.array(text).max(1_000),
});
const record = z.strictObject({
  report: z.strictObject({
    kind: z.enum(["power-up", "full"]),
    ok: z.boolean(),
    node: z.string().regex(/^[0-9A-Za-z.+-]{1,40}$/, "must be a version"),
    tests: z.array(result).min(1).max(200),
  }),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "must be 32 bytes in hex"),
});

export function selfTestRoute(
  app: Hono,
  keep: (record: SelfTestRecord) => void,
  allowed: (request: Request) => Request,
): void {
  app.post("/v1/selftest", async (context) => {
    const { report, sha256 } = parseJson(await readBytes(allowed(context.req.raw), MAX_RECORD_BYTES), record);
    if (recordOf(report).sha256 !== sha256) throw new AgentError("BAD_REQUEST", "the report has another hash");
    keep({ report, sha256 });
    return Response.json({ sha256 }, { status: 201, headers: COMMON_HEADERS });
  });
}
