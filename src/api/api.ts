/**
 * The HTTP API, version 1. Reads of figures are open; whatever changes something, and content and quotes, needs the
 * node's token. Shapes: `kernel/reports.ts`.
 * @module
 */
import { Hono } from "hono";
import { z } from "zod";
import { fromHex } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { SelfTestRecord } from "../kernel/selftest.ts";
import { MAX_CAR_BYTES } from "../dag/car.ts";
import { alertRoutes } from "./alerts.ts";
import { attestRoutes } from "./attest.ts";
import { backupRoutes } from "./backup.ts";
import { boardRoutes } from "./board.ts";
import { BodyRoom, readJson } from "./body.ts";
import { entropyRoutes } from "./entropy.ts";
import { COMMON_HEADERS, failureOf } from "./failure.ts";
import { keyRoutes } from "./keys.ts";
import { selfTestRoute } from "./selftest.ts";
import { timeRoutes } from "./time.ts";
import { villageRoutes } from "./village.ts";
import { checkHost, checkOrigin, checkToken } from "./guard.ts";
import type { AgentView, PlannedUpdate } from "./view.ts";

export interface ApiOptions {
  /** The secret that writers must know, 1 … 512 printable ASCII characters. */
  readonly token: string;
  /** The configured host: requests may name it besides the loopback addresses. */
  readonly host: string;
  /** Told of failures that nobody foresaw: for the log. */
  readonly onFault: (error: unknown) => void;
  /** Is given the reports of full self-tests: for the log. Left out: nobody may hand one in. */
  readonly onSelfTest?: (record: SelfTestRecord) => void;
}

/** Of all requests under way: each byte is in memory two or three times while it is taken in. */
const MAX_BODIES_BYTES = 96 * 1_048_576;
export const MAX_FILE_BYTES = 64 * 1_048_576;
const DEFAULT_LOG_ENTRIES = 100;
const MAX_LOG_ENTRIES = 10_000;
const MAX_NAME_CHARACTERS = 255;
/** A CIDv1 in base32; the view parses it strictly. */
const CID = /^b[a-z2-7]{10,120}$/;
const TRANSFER_ID = /^[A-Za-z0-9_-]{1,64}$/;

const getBody = z.strictObject({ target: z.string().min(1).max(MAX_NAME_CHARACTERS), now: z.boolean().optional() });
const quoteBody = z.strictObject({
  nonce: z
    .string()
    .regex(/^(?:[0-9a-fA-F]{2}){16,32}$/, "must be 16 to 32 bytes in hex")
    .optional(),
});
const path = z.string().min(1).max(1_024).startsWith("/", "must be an absolute path");
const allowBody = z
  .strictObject({ code: path.optional(), config: path.optional(), way_back: z.boolean().optional() })
  .transform(({ code, config, way_back }): PlannedUpdate => ({ code, config, wayBack: way_back === true }))
  .refine((update) => update.code !== undefined || update.config !== undefined, "must name code, config or both");

/** Answers every request, whatever it holds; never rejects. */
export function createApi(view: AgentView, options: ApiOptions): (request: Request) => Promise<Response> {
  const app = new Hono({ strict: false });
  reads(app, view);
  const allowed = (request: Request): Request => {
    checkOrigin(request);
    checkToken(request, options.token);
    return request;
  };
  const room = new BodyRoom(MAX_BODIES_BYTES);
  files(app, view, allowed, room);
  archives(app, view, allowed, room);
  alertRoutes(app, view.alerts, allowed, room);
  villageRoutes(app, view.village, allowed);
  keyRoutes(app, view.keys, allowed);
  attestRoutes(app, view.attest, allowed, room);
  entropyRoutes(app, view.entropy, allowed);
  boardRoutes(app, view.board, allowed);
  backupRoutes(app, view.backup, allowed, room);
  timeRoutes(app, view.time, allowed);
  if (options.onSelfTest !== undefined) selfTestRoute(app, options.onSelfTest, allowed);
  trust(app, view, allowed);
  app.notFound(() => failureOf(new AgentError("NOT_FOUND", "the API has no such route")));
  app.onError((error) => {
    if (!isAgentError(error)) options.onFault(error);
    return failureOf(error);
  });
  return async (request) => {
    try {
      checkHost(request, options.host);
      return await app.fetch(request);
    } catch (error) {
      if (!isAgentError(error)) options.onFault(error);
      return failureOf(error);
    }
  };
}

function reads(app: Hono, view: AgentView): void {
  app.get("/v1/status", async () => report(await view.status()));
  app.get("/v1/checks", async () => report(await view.checks()));
  app.get("/v1/files", async () => report(await view.files()));
  app.get("/v1/log", async (context) => report(await view.log(logLimit(context.req.query("limit")))));
  app.get("/v1/gets/:id", async (context) => {
    const id = context.req.param("id");
    const transfer = TRANSFER_ID.test(id) ? await view.transfer(id) : undefined;
    if (transfer === undefined) throw new AgentError("NOT_FOUND", "no such transfer is under way");
    return report(transfer);
  });
}

/** The request, if it comes from no foreign page and with the token. */
type Allowed = (request: Request) => Request;

function files(app: Hono, view: AgentView, allowed: Allowed, room: BodyRoom): void {
  app.post("/v1/files", async (context) => {
    const request = allowed(context.req.raw);
    const name = demandName(context.req.query("name") ?? "");
    return room.withBytes(request, MAX_FILE_BYTES, async (bytes) => report(await view.put(name, bytes), 201));
  });
  app.post("/v1/gets", async (context) => {
    const { target, now } = await readJson(allowed(context.req.raw), getBody);
    return report(await view.startGet(target, now), 202);
  });
  app.get("/v1/content/:cid", async (context) => {
    allowed(context.req.raw);
    const cid = demandCid(context.req.param("cid"));
    const bytes = await view.content(cid);
    if (bytes === undefined) {
      throw new AgentError("NOT_FOUND", "this node does not hold all of that file", { fix: `caye get ${cid}` });
    }
    return attachment(bytes, { "content-type": "application/octet-stream", "content-disposition": "attachment" });
  });
}

function archives(app: Hono, view: AgentView, allowed: Allowed, room: BodyRoom): void {
  app.get("/v1/cars/:cid", async (context) => {
    const request = allowed(context.req.raw);
    const cid = demandCid(context.req.param("cid"));
    const bytes = await view.exportCar(cid);
    if (bytes === undefined) throw noCid();
    // One file has one archive, so its CID names the archive's bytes too.
    const etag = `"${cid}.car"`;
    const headers = {
      "content-type": "application/vnd.ipld.car; version=1; order=dfs; dups=n",
      "content-disposition": `attachment; filename="${cid}.car"`,
      etag,
    };
    const known = request.headers.get("if-none-match")?.split(",") ?? [];
    if (!known.some((tag) => tag.trim().replace(/^W\//, "") === etag)) return attachment(bytes, headers);
    return new Response(null, { status: 304, headers: { ...COMMON_HEADERS, etag } });
  });
  app.post("/v1/cars", async (context) => {
    const request = allowed(context.req.raw);
    const given = context.req.query("name");
    const name = given === undefined ? undefined : demandName(given);
    return room.withBytes(request, MAX_CAR_BYTES, async (bytes) => report(await view.importCar(bytes, name), 201));
  });
}

function trust(app: Hono, view: AgentView, allowed: Allowed): void {
  app.post("/v1/quote", async (context) => {
    const { nonce } = await readJson(allowed(context.req.raw), quoteBody);
    return report(await view.quote(nonce === undefined ? undefined : fromHex(nonce)));
  });
  app.post("/v1/trust/allow", async (context) => {
    const update = await readJson(allowed(context.req.raw), allowBody);
    return report(await view.allowUpdate(update));
  });
}

function demandName(name: string): string {
  if (name !== "" && name.length <= MAX_NAME_CHARACTERS) return name;
  throw new AgentError("BAD_REQUEST", "the file needs a name of 1 to 64 bytes of text: ?name=…", {
    fix: "caye put FILE --name NAME",
  });
}

function demandCid(text: string): string {
  if (CID.test(text)) return text;
  throw noCid();
}

function noCid(): AgentError {
  return new AgentError("BAD_REQUEST", "that is no CID of this network");
}

function attachment(bytes: Uint8Array, headers: Readonly<Record<string, string>>): Response {
  return new Response(new Uint8Array(bytes), { headers: { ...COMMON_HEADERS, ...headers } });
}

function report(value: object, status = 200): Response {
  return Response.json(value, { status, headers: COMMON_HEADERS });
}

function logLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LOG_ENTRIES;
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= MAX_LOG_ENTRIES) return limit;
  throw new AgentError("BAD_REQUEST", `limit is a whole number from 1 to ${MAX_LOG_ENTRIES}`);
}
