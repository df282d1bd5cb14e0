/** The API's routes for backups: what the node holds, item by item, and back. Shapes: `kernel/upkeep.ts`. @module */
import type { Hono } from "hono";
import { AgentError } from "../kernel/errors.ts";
import { BACKUP_KINDS, MAX_BACKUP_ITEM_BYTES, type BackupAgent, type BackupItem } from "../kernel/upkeep.ts";
import type { BodyRoom } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

/** In quarantine everything here throws AgentError "QUARANTINE". */
export type BackupView = BackupAgent;

const ID = /^[A-Za-z0-9/_.-]{1,120}$/;

export function backupRoutes(
  app: Hono,
  backup: BackupView,
  allowed: (request: Request) => Request,
  room: BodyRoom,
): void {
  app.get("/v1/backup", async (context) => {
    allowed(context.req.raw);
    return Response.json(await backup.contents(), { headers: COMMON_HEADERS });
  });
  app.get("/v1/backup/item", async (context) => {
    allowed(context.req.raw);
    const bytes = await backup.item(demandItem(context.req.query()));
    if (bytes === undefined) throw new AgentError("NOT_FOUND", "that is not here any more");
    return new Response(new Uint8Array(bytes), {
      headers: { ...COMMON_HEADERS, "content-type": "application/octet-stream" },
    });
  });
  app.post("/v1/backup/item", async (context) => {
    const request = allowed(context.req.raw);
    const item = demandItem(context.req.query());
    return room.withBytes(request, MAX_BACKUP_ITEM_BYTES, async (bytes) =>
      Response.json(await backup.take(item, bytes), { headers: COMMON_HEADERS }),
    );
  });
}

function demandItem({ kind = "", id = "", name }: Record<string, string>): BackupItem {
  const known = BACKUP_KINDS.find((each) => each === kind);
  if (known !== undefined && ID.test(id)) return { kind: known, id, ...(name !== undefined && { name }) };
  throw new AgentError("BAD_REQUEST", "a backup has no such item");
}
