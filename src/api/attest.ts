/** The API's routes for attestation: what this node's TPM says, and what others' say to it. Shapes: `kernel/attest-reports.ts`. @module */
import type { Hono } from "hono";
import { z } from "zod";
import type {
  AttestAnswerReport,
  AttestRequestReport,
  EvidenceReport,
  ReferenceReport,
  RemoteVerdictReport,
  WatchReport,
} from "../kernel/attest-reports.ts";
import { EVIDENCE_FILES, type VerifyRequest } from "../kernel/attest-tools.ts";
import { fromHex } from "../kernel/bytes.ts";
import type { KeyKind } from "../ports/tpm.ts";
import { type BodyRoom, parseJson, readBytes, readJson } from "./body.ts";
import { COMMON_HEADERS } from "./failure.ts";

/** What will run: paths on the node's own disk, and a policy's file; what is undefined stays as it is. */
export interface PlannedState {
  readonly code: string | undefined;
  readonly config: string | undefined;
  readonly policy: Uint8Array | undefined;
}

/** What the API needs of attestation. {@link quote}, {@link verify} and {@link reference} answer in quarantine, too. */
export interface AttestView {
  /** @throws AgentError "TPM_NONE", "QUARANTINE" (the node's own keys are shut), "RADIO_UNKNOWN" */
  request(): Promise<AttestRequestReport>;
  /** @throws AgentError as {@link request}; "CHALLENGE_INVALID" for what is no challenge, or one for another node */
  answer(challenge: Uint8Array): Promise<AttestAnswerReport>;
  /** @param nonce 16 … 32 bytes @throws AgentError "TPM_NONE", "TPM_GONE", … */
  quote(nonce: Uint8Array, key: KeyKind): Promise<EvidenceReport>;
  /** Over bytes and this node's clock alone. Bad evidence is a verdict, not a failure. */
  verify(request: Omit<VerifyRequest, "nowS">): Promise<RemoteVerdictReport>;
  /** @throws AgentError "OWN_FILES", "CONFIG_MISSING", "CONFIG_INVALID" */
  reference(planned: PlannedState): Promise<ReferenceReport>;
  /** @throws AgentError "ENROLMENT_INVALID", "TOO_MANY", "QUARANTINE" */
  watch(enrolment: Uint8Array): Promise<WatchReport>;
}

const MAX_TEXT_BYTES = 65_536;
/** With a policy in base64. */
const MAX_REFERENCE_BYTES = 262_144;
/** Four logs, of which the kernel's and the firmware's may be long, in base64. */
const MAX_VERIFY_BYTES = 16 * 1_048_576;

const nonce = z
  .string()
  .regex(/^(?:[0-9a-fA-F]{2}){16,32}$/, "must be 16 to 32 bytes in hex")
  .transform((hex) => fromHex(hex) ?? new Uint8Array(0));
const base64 = z.base64().transform((text) => new Uint8Array(Buffer.from(text, "base64")));
const path = z.string().min(1).max(1_024).startsWith("/", "must be an absolute path").optional();

const quoteBody = z.strictObject({ nonce, key: z.enum(["ecc", "rsa"]).default("ecc") });
const referenceBody = z
  .strictObject({ code: path, config: path, policy: base64.optional() })
  .transform(({ code, config, policy }): PlannedState => ({ code, config, policy }));
const verifyBody = z
  .strictObject({
    nonce,
    files: z.partialRecord(z.enum(EVIDENCE_FILES), base64),
    enrolment: base64,
    policy: base64.optional(),
    authority: z
      .string()
      .regex(/^[0-9a-f]{128}$/, "must be 128 hex digits")
      .optional(),
    reboots: z.int().min(0).max(1_000_000).default(0),
    quote_only: z.boolean().default(false),
  })
  .refine(({ policy, authority }) => (policy === undefined) === (authority === undefined), "policy needs an authority");

export function attestRoutes(
  app: Hono,
  view: AttestView,
  allowed: (request: Request) => Request,
  room: BodyRoom,
): void {
  app.get("/v1/attest/request", async (context) => {
    allowed(context.req.raw);
    return answer(await view.request());
  });
  app.post("/v1/attest/answer", async (context) => {
    const challenge = await readBytes(allowed(context.req.raw), MAX_TEXT_BYTES);
    return answer(await view.answer(challenge));
  });
  app.post("/v1/attest/quote", async (context) => {
    const body = await readJson(allowed(context.req.raw), quoteBody);
    return answer(await view.quote(body.nonce, body.key));
  });
  app.post("/v1/attest/reference", async (context) => {
    const body = await readBytes(allowed(context.req.raw), MAX_REFERENCE_BYTES);
    return answer(await view.reference(parseJson(body, referenceBody)));
  });
  app.post("/v1/attest/neighbours", async (context) => {
    return answer(await view.watch(await readBytes(allowed(context.req.raw), MAX_TEXT_BYTES)), 201);
  });
  app.post("/v1/attest/verify", async (context) =>
    room.withBytes(allowed(context.req.raw), MAX_VERIFY_BYTES, async (bytes) =>
      answer(await view.verify(verifyRequest(parseJson(bytes, verifyBody)))),
    ),
  );
}

function verifyRequest(body: z.infer<typeof verifyBody>): Omit<VerifyRequest, "nowS"> {
  const { nonce, enrolment, reboots, quote_only: quoteOnly, policy, authority } = body;
  const files = new Map(Object.entries(body.files));
  const signed = policy !== undefined && authority !== undefined ? { policy: { file: policy, authority } } : {};
  return { files, enrolment, nonce, reboots, quoteOnly, ...signed };
}

function answer(value: object, status = 200): Response {
  return Response.json(value, { status, headers: COMMON_HEADERS });
}
