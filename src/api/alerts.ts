/** The API's routes for alerts. Shapes: `kernel/alert-reports.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import { CATEGORIES, CERTAINTIES, RESPONSE_TYPES, SEVERITIES, URGENCIES } from "../alert/cap.ts";
import { NOTICE_STATUSES, NOTICE_TYPES } from "../alert/notice.ts";
import { MAX_XML_BYTES } from "../alert/xml.ts";
import { AgentError } from "../kernel/errors.ts";
import type { AlertDraft } from "../kernel/alert-reports.ts";
import type { AlertsView } from "./alerts-view.ts";
import { readJson, type BodyRoom } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

const ID = /^[0-9a-f]{8,16}-\d{1,10}$/i;
const MAX_REFERENCES = 8;
/** Longer than any radio carries: what does not fit is told, and goes into a file. */
const text = z.string().max(2_000).optional();
const id = z.string().regex(ID, "must be an alert's id, for example 3f9a1c20-7");
const seconds = z.int().min(-31_536_000).max(31_536_000);

const draftBody: z.ZodType<AlertDraft> = z.strictObject({
  msg_type: z.enum(NOTICE_TYPES).optional(),
  references: z.array(id).max(MAX_REFERENCES).optional(),
  status: z.enum(NOTICE_STATUSES).optional(),
  severity: z.enum(SEVERITIES).optional(),
  urgency: z.enum(URGENCIES).optional(),
  certainty: z.enum(CERTAINTIES).optional(),
  categories: z.array(z.enum(CATEGORIES)).min(1).max(CATEGORIES.length).optional(),
  response_types: z.array(z.enum(RESPONSE_TYPES)).max(RESPONSE_TYPES.length).optional(),
  language: z
    .string()
    .regex(/^[a-zA-Z]{2,8}(?:-[a-zA-Z0-9]{1,8}){0,3}$/, "must be a language tag, for example en or es-BZ")
    .optional(),
  event: text,
  headline: text,
  instruction: text,
  description: text,
  sender_name: text,
  audience: text,
  web: text,
  contact: text,
  areas: z.array(z.string().min(1).max(500)).max(15).optional(),
  polygons: z.array(z.string().max(2_000)).max(15).optional(),
  circles: z.array(z.string().max(100)).max(15).optional(),
  expires_in_s: seconds.min(60, "must be a minute or more from now").optional(),
  onset_in_s: seconds.optional(),
  note: text,
});

type Allowed = (request: Request) => Request;

export function alertRoutes(app: Hono, alerts: AlertsView, allowed: Allowed, room: BodyRoom): void {
  app.get("/v1/alerts", async () => report(await alerts.list()));
  app.get("/v1/alerts/:id", async (context) => report(await alerts.show(demandId(context.req.param("id")))));
  app.get("/v1/alerts/:id/seen", async (context) => report(await alerts.seen(demandId(context.req.param("id")))));
  app.get("/v1/alerts/:id/cap", async (context) => {
    allowed(context.req.raw);
    const xml = await alerts.exportCap(demandId(context.req.param("id")));
    const headers = { "content-type": "application/cap+xml; charset=utf-8", "content-disposition": "attachment" };
    return new Response(xml, { headers: { ...COMMON_HEADERS, ...headers } });
  });
  app.post("/v1/alerts", async (context) => {
    const draft = await readJson(allowed(context.req.raw), draftBody);
    return report(await alerts.send(draft), 201);
  });
  app.post("/v1/alerts/cap", async (context) => {
    const request = allowed(context.req.raw);
    const references = (context.req.queries("references") ?? []).slice(0, MAX_REFERENCES).map(demandId);
    return room.withBytes(request, MAX_XML_BYTES, async (xml) => report(await alerts.importCap(xml, references), 201));
  });
  app.post("/v1/alerts/:id/ack", async (context) => {
    allowed(context.req.raw);
    return report(await alerts.acknowledge(demandId(context.req.param("id"))));
  });
}

function demandId(text: string): string {
  if (ID.test(text)) return text.toLowerCase();
  throw new AgentError("BAD_REQUEST", "that is no alert's id", { fix: "`caye alert list` shows the ids." });
}

function report(value: object, status = 200): Response {
  return Response.json(value, { status, headers: COMMON_HEADERS });
}
