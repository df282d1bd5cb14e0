/**
 * Secrets that open under a policy alone, in salted sessions: whoever listens on the wires to the chip learns nothing.
 * TCG TPM 2.0 Library, part 1, sections 19.7 and 27; part 3, sections 12 and 23.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteWriter, copyBytes, type Bytes } from "../../kernel/bytes.ts";
import { pcrSelection } from "../../kernel/pcr.ts";
import { approvalMessage } from "../../kernel/tpm-policy.ts";
import { ALGORITHM, objectName } from "../../kernel/tpm-public.ts";
import type { PolicyPath, SealedBlob, StateApproval } from "../../ports/tpm.ts";
import { RC, refusal } from "./return-code.ts";
import { finished, finishedBytes, requireLength, skipTicket, type LoadedKey, type TpmScopes } from "./scopes.ts";
import type { SaltedSession } from "./session.ts";
import { sealedTemplate } from "./templates.ts";

const DIGEST_BYTES = 32;
const COORDINATE_BYTES = 32;
const MAX_KEY_AREA_BYTES = 512;
/** Whatever else runs on the machine extends registers, too, and each of that undoes a policy session under way. */
const MAX_TRIES = 4;

export function seal(scopes: TpmScopes, secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob> {
  requireLength("secret", secret, 1, 128);
  requireLength("policy digest", policyDigest, DIGEST_BYTES, DIGEST_BYTES);
  const sensitive = new ByteWriter().u16(0).u16(secret.length).bytes(secret).finish();
  const template = sealedTemplate(policyDigest);
  return scopes.withStorageRoot((root) =>
    scopes.withSession("hmac", "command", root, async (session) => {
      const { parameters } = await scopes.execute({
        name: "Create",
        handles: [root.handle],
        handleNames: [root.key.name],
        authorizations: [session],
        parameters: new ByteWriter()
          .u16(sensitive.length)
          .bytes(sensitive)
          .u16(template.length)
          .bytes(template)
          .u16(0) // nothing from outside
          .u32(0) // no creation PCRs
          .finish(),
      });
      return finished("Create", parameters, (reader) => {
        const privatePart = copyBytes(reader.take(reader.u16()));
        const publicPart = copyBytes(reader.take(reader.u16()));
        reader.take(reader.u16()); // creation data
        reader.take(reader.u16()); // creation hash
        skipTicket(reader);
        return { publicPart, privatePart };
      });
    }),
  );
}

export function unseal(scopes: TpmScopes, blob: SealedBlob, path: PolicyPath): Promise<Uint8Array> {
  const commands = policyCommands(path);
  return scopes.withStorageRoot(async (root) => {
    for (let tries = 1; ; tries++) {
      const opened = await openOnce(scopes, root, blob, commands);
      if (opened instanceof Uint8Array) return opened;
      if (opened.rc !== RC.pcrChanged || tries >= MAX_TRIES) throw refusal(opened.rc, "Unseal");
    }
  });
}

/** What was sealed, or the response code of the refusal. */
function openOnce(
  scopes: TpmScopes,
  root: LoadedKey,
  blob: SealedBlob,
  fulfil: (scopes: TpmScopes, session: SaltedSession) => Promise<void>,
): Promise<Uint8Array | { readonly rc: number }> {
  return scopes.withSession("policy", "response", root, async (session) => {
    await fulfil(scopes, session);
    return scopes.withLoaded(root, blob, async (handle) => {
      const answer = await scopes.ask({
        name: "Unseal",
        handles: [handle],
        handleNames: [objectName(blob.publicPart)],
        authorizations: [session],
      });
      return answer.ok ? finishedBytes("Unseal", answer.response) : { rc: answer.rc };
    });
  });
}

/** @throws RangeError for a path that can't be one: a fault of the caller's */
function policyCommands({ pcrs, approval, branches }: PolicyPath) {
  const selection = pcrSelection(pcrs);
  if (approval !== undefined) {
    requireLength("signature", approval.signature, 2 * COORDINATE_BYTES, 2 * COORDINATE_BYTES);
    requireLength("policy reference", approval.policyRef, 0, DIGEST_BYTES);
    requireLength("authority's key", approval.key, 1, MAX_KEY_AREA_BYTES);
  }
  if (branches !== undefined) {
    if (branches.length < 2 || branches.length > 8) throw new RangeError("a choice has 2 to 8 branches");
    for (const branch of branches) requireLength("branch", branch, DIGEST_BYTES, DIGEST_BYTES);
  }
  return async (scopes: TpmScopes, { handle }: SaltedSession): Promise<void> => {
    await scopes.execute({
      name: "PolicyPCR",
      handles: [handle],
      parameters: new ByteWriter().u16(0).bytes(selection).finish(),
    });
    if (approval !== undefined) await authorize(scopes, handle, approval);
    if (branches !== undefined) await choose(scopes, handle, branches);
  };
}

/** Trades the digest of the present state for that of the authority's key, when it approved of that state. */
async function authorize(scopes: TpmScopes, session: number, approval: StateApproval): Promise<void> {
  const { key, policyRef } = approval;
  const reached = finishedBytes(
    "PolicyGetDigest",
    await scopes.execute({ name: "PolicyGetDigest", handles: [session] }),
  );
  const ticket = await scopes.withExternal(key, (handle) => verify(scopes, handle, reached, approval));
  const name = objectName(key);
  await scopes.execute({
    name: "PolicyAuthorize",
    handles: [session],
    parameters: new ByteWriter()
      .u16(reached.length)
      .bytes(reached)
      .u16(policyRef.length)
      .bytes(policyRef)
      .u16(name.length)
      .bytes(name)
      .bytes(ticket)
      .finish(),
  });
}

/** The TPM's own word that it checked the signature (TPMT_TK_VERIFIED). */
async function verify(
  scopes: TpmScopes,
  key: number,
  reached: Uint8Array,
  { policyRef, signature }: StateApproval,
): Promise<Bytes> {
  const digest = createHash("sha256").update(approvalMessage(reached, policyRef)).digest();
  const { parameters } = await scopes.execute({
    name: "VerifySignature",
    handles: [key],
    parameters: new ByteWriter()
      .u16(digest.length)
      .bytes(digest)
      .u16(ALGORITHM.ecdsa)
      .u16(ALGORITHM.sha256)
      .u16(COORDINATE_BYTES)
      .bytes(signature.subarray(0, COORDINATE_BYTES))
      .u16(COORDINATE_BYTES)
      .bytes(signature.subarray(COORDINATE_BYTES))
      .finish(),
  });
  return finished("VerifySignature", parameters, (reader) => copyBytes(reader.rest()));
}

async function choose(scopes: TpmScopes, session: number, branches: readonly Uint8Array[]): Promise<void> {
  const writer = new ByteWriter().u32(branches.length);
  for (const branch of branches) writer.u16(branch.length).bytes(branch);
  await scopes.execute({ name: "PolicyOR", handles: [session], parameters: writer.finish() });
}
