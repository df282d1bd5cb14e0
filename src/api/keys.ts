/** The API's routes for the node's keys. No answer holds a secret, and no request does. Shapes: `kernel/keys.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import { fromHex } from "../kernel/bytes.ts";
import type { ApprovalReport, KeysReport, StoreKeyReport } from "../kernel/keys.ts";
import { readBytes, readJson } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

const MAX_APPROVAL_BYTES = 4_096;

/** What the API needs of the keys. In quarantine only `report` and `approve` answer; the rest throws "QUARANTINE". */
export interface KeysView {
  report(): Promise<KeysReport>;
  /**
   * Closes the store's key in a box for new recovery words. @param publicKey 32 bytes, of the words
   * @throws AgentError "RECOVERY_KEY", "TRUST_KEY_AWAY", "TPM_GONE"
   */
  makeRecovery(publicKey: Uint8Array): Promise<{ readonly words: string }>;
  /** @throws AgentError "ROTATION_UNDER_WAY", "TRUST_KEY_AWAY", "TPM_GONE" */
  rotateStoreKey(): Promise<StoreKeyReport>;
  /** @throws AgentError "ROTATION_UNDER_WAY", "TPM_NONE" */
  rotateAttestationKey(): Promise<{ readonly next_generation: number }>;
  /** From the next start on. @throws AgentError "QUARANTINE" */
  rotateAuthorKey(): Promise<KeysReport["author_key"]>;
  /** @throws AgentError "APPROVAL_INVALID", "APPROVAL_FOREIGN", "NO_UPDATE_KEY", "TOO_MANY" */
  approve(file: Uint8Array): Promise<ApprovalReport>;
}

const recoveryBody = z.strictObject({ public_key: z.string().regex(/^[0-9a-f]{64}$/, "must be 32 bytes in hex") });
const emptyBody = z.strictObject({});

export function keyRoutes(app: Hono, keys: KeysView, allowed: (request: Request) => Request): void {
  app.get("/v1/keys", async (context) => {
    allowed(context.req.raw);
    return answer(await keys.report());
  });
  app.post("/v1/keys/recovery", async (context) => {
    const { public_key } = await readJson(allowed(context.req.raw), recoveryBody);
    return answer(await keys.makeRecovery(fromHex(public_key) ?? new Uint8Array()), 201);
  });
  app.post("/v1/keys/store", async (context) => {
    await readJson(allowed(context.req.raw), emptyBody);
    return answer(await keys.rotateStoreKey(), 202);
  });
  app.post("/v1/keys/attestation", async (context) => {
    await readJson(allowed(context.req.raw), emptyBody);
    return answer(await keys.rotateAttestationKey(), 202);
  });
  app.post("/v1/keys/author", async (context) => {
    await readJson(allowed(context.req.raw), emptyBody);
    return answer(await keys.rotateAuthorKey(), 202);
  });
  app.post("/v1/keys/approvals", async (context) => {
    const file = await readBytes(allowed(context.req.raw), MAX_APPROVAL_BYTES);
    return answer(await keys.approve(file), 201);
  });
}

function answer(value: object, status = 200): Response {
  return Response.json(value, { status, headers: COMMON_HEADERS });
}
