/**
 * Approvals of states to come, as the village's authority gives them out: files in the state directory, at most eight.
 * They are no secret and grant nothing by themselves: the TPM checks each before it opens the key, and takes only those
 * of the authority and for the node that the key was sealed for.
 * @module
 */
import { type Approval, decodeApproval, updatePolicyRef, verifyApproval } from "../attest/approval.ts";
import { copyBytes, equalBytes, fromHex, toHex, type Bytes } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import { pointOf } from "../kernel/p256.ts";
import { pcrPolicyDigest, sortedPcrs } from "../kernel/pcr.ts";
import { authorityKeyArea } from "../kernel/tpm-public.ts";
import type { Memory } from "../ports/memory.ts";
import type { StateApproval, Tpm } from "../ports/tpm.ts";
import { readSealed, SEALED_FILE, type SealedKey, type UpdateAuthority } from "./key-files.ts";

export const MAX_APPROVALS = 8;
const NAMES: readonly string[] = Array.from({ length: MAX_APPROVALS }, (_, i) => `approval-${i + 1}.txt`);

/** The registers' values on a machine that just started into the state. */
interface ExpectedState {
  readonly expected: ReadonlyMap<number, Uint8Array>;
}

interface Held {
  readonly name: string;
  readonly approval: Approval;
}

/** The approval that opens the key in a state; undefined when there is none. @param values of the registers, now */
export async function matchingApproval(
  sealed: SealedKey,
  values: ReadonlyMap<number, Uint8Array>,
  memory: Memory,
): Promise<StateApproval | undefined> {
  if (sealed.authority === undefined) return undefined;
  const digest = pcrPolicyDigest(sealed.pcrs, values);
  const { held } = await heldApprovals(memory);
  const found = held.find(({ approval }) => isFor(approval, sealed) && equalBytes(approval.approved, digest));
  if (found === undefined) return undefined;
  const { x, y, policyRef, signature } = found.approval;
  return { key: authorityKeyArea(x, y), policyRef, signature };
}

/** True when the authority approved that state. Whether the key opens is for the TPM to say. */
export async function isApproved({ expected }: ExpectedState, memory: Memory): Promise<boolean> {
  const sealed = await readSealed(memory, SEALED_FILE);
  if (sealed?.ok !== true || !coversAll(expected, sealed.value)) return false;
  return (await matchingApproval(sealed.value, expected, memory)) !== undefined;
}

/** False where `trust.pcrs` names other registers now than when the key was sealed, or somebody changed the sealed file. */
function coversAll(expected: ExpectedState["expected"], { pcrs }: SealedKey): boolean {
  return pcrs.every((pcr) => expected.has(pcr));
}

/** What to do about a state that the key does not open in: with an authority, which approval it needs. */
export async function fixWithApproval({ expected }: ExpectedState, memory: Memory, fix: string): Promise<string> {
  const sealed = await readSealed(memory, SEALED_FILE);
  if (sealed?.ok !== true || sealed.value.authority === undefined || !coversAll(expected, sealed.value)) return fix;
  return `${fix}; ${approvalAdvice(pcrPolicyDigest(sealed.value.pcrs, expected))}`;
}

/** The same, when the TPM has refused. */
export async function needsApproval(
  tpm: Tpm,
  memory: Memory,
  { fix }: { readonly fix: string },
): Promise<{ readonly fix: string }> {
  const sealed = await readSealed(memory, SEALED_FILE);
  if (sealed?.ok !== true || sealed.value.authority === undefined) return { fix };
  try {
    const values = await tpm.pcrRead(sealed.value.pcrs);
    return { fix: `${fix}; ${approvalAdvice(pcrPolicyDigest(sealed.value.pcrs, values))}` };
  } catch (error) {
    if (!isAgentError(error)) throw error;
    return { fix };
  }
}

function approvalAdvice(digest: Uint8Array): string {
  return `or let the village's authority approve this state, ${toHex(digest)}, and hand its file to: caye allow-update --approval FILE`;
}

export interface TakenApproval {
  /** The approved state, 32 bytes. */
  readonly digest: Bytes;
  readonly verdict: "new" | "known";
}

/**
 * Keeps an approval. Before that it is checked as the TPM will check it.
 * @throws AgentError "APPROVAL_INVALID", "APPROVAL_FOREIGN" (of another authority, or for another node),
 *   "NO_UPDATE_KEY" (the key is sealed without an authority), "TOO_MANY"
 */
export async function takeApproval(memory: Memory, file: Uint8Array): Promise<TakenApproval> {
  const found = decodeApproval(file);
  if (!found.ok) throw new AgentError("APPROVAL_INVALID", `that is no approval of an update: ${found.reason}`);
  const approval = found.value;
  if (!verifyApproval(approval)) {
    throw new AgentError("APPROVAL_INVALID", "the approval's signature does not hold: it was changed on its way");
  }
  await demandOwn(approval, memory);
  const { held, free } = await heldApprovals(memory);
  const digest = approval.approved;
  if (held.some((other) => equalBytes(other.approval.approved, digest))) return { digest, verdict: "known" };
  const [name] = free;
  if (name === undefined) {
    throw new AgentError("TOO_MANY", `${MAX_APPROVALS} approvals are kept already`, {
      fix: `remove those that are no longer needed from the state directory: ${NAMES[0]} and its like`,
    });
  }
  await memory.writeAtomic(name, file);
  return { digest, verdict: "new" };
}

async function demandOwn(approval: Approval, memory: Memory): Promise<void> {
  const sealed = await readSealed(memory, SEALED_FILE);
  if (sealed?.ok !== true || sealed.value.authority === undefined) {
    throw new AgentError("NO_UPDATE_KEY", "no key is sealed here that an authority could open", {
      fix: "set trust.update_key while the node is attested, and announce that change: caye allow-update --config FILE",
    });
  }
  if (isFor(approval, sealed.value)) return;
  throw new AgentError(
    "APPROVAL_FOREIGN",
    "the approval is another authority's, for another node, or for other registers",
    {
      fix: "ask for one made with this node's own enrolment: caye attest policy approve",
    },
  );
}

/** Removes what has become superfluous, since the key is sealed to that state now. @param digest of the state */
export async function dropApprovals(memory: Memory, digest: Uint8Array): Promise<void> {
  const { held } = await heldApprovals(memory);
  for (const { name, approval } of held) if (equalBytes(approval.approved, digest)) await memory.remove(name);
}

/**
 * Whose approvals shall open this node's key.
 * @param updateKey compressed point of P-256 in hex; empty: nobody's
 * @param authorId of this node, 8 bytes: an approval is for one node
 */
export async function updateAuthority(
  updateKey: string,
  authorId: () => Promise<Uint8Array>,
): Promise<UpdateAuthority | undefined> {
  const point = pointOf(fromHex(updateKey) ?? new Uint8Array());
  if (point === undefined) return undefined;
  return { x: copyBytes(point.x), y: copyBytes(point.y), policyRef: updatePolicyRef(await authorId()) };
}

/** Of the approved states. */
export async function heldDigests(memory: Memory): Promise<readonly Bytes[]> {
  return (await heldApprovals(memory)).held.map(({ approval }) => approval.approved);
}

function isFor(approval: Approval, { authority, pcrs }: SealedKey): boolean {
  if (authority === undefined || sortedPcrs(approval.pcrs).join() !== pcrs.join()) return false;
  const sameKey = equalBytes(approval.x, authority.x) && equalBytes(approval.y, authority.y);
  return sameKey && equalBytes(approval.policyRef, authority.policyRef);
}

/** `free`: names that stand for no file. What can't be read, or was not signed so, takes its place and is passed over. */
async function heldApprovals(
  memory: Memory,
): Promise<{ readonly held: readonly Held[]; readonly free: readonly string[] }> {
  const held: Held[] = [];
  const free: string[] = [];
  for (const name of NAMES) {
    const bytes = await memory.read(name);
    const approval = bytes === undefined ? undefined : decodeApproval(bytes);
    if (bytes === undefined) free.push(name);
    else if (approval?.ok === true && verifyApproval(approval.value)) held.push({ name, approval: approval.value });
  }
  return { held, free };
}
