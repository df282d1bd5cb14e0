/**
 * The fourth step: the store's key, 32 bytes, which the TPM keeps sealed to the accepted state.
 *
 * Under `enforce` the key exists in no other form, and a state that was not accepted, announced or approved by the
 * village's authority can't open it. Under `warn` a second copy opens on this TPM in any state, so that a changed node
 * still serves its village and says so. A key is made only where there is none: a node whose key is out of reach stays
 * shut, since a new key would not open the old store. The way back from there are the recovery words.
 * @module
 */
import { isAgentError } from "../kernel/errors.ts";
import { pcrPolicyDigest } from "../kernel/pcr.ts";
import type { Memory } from "../ports/memory.ts";
import type { KeysInUse } from "../ports/store.ts";
import type { PolicyPath, Tpm } from "../ports/tpm.ts";
import { matchingApproval, needsApproval } from "./approvals.ts";
import { isAttested, type SealTarget, type Standing, type TrustMode } from "./attest.ts";
import {
  anySealed,
  branchesOf,
  encodeSealed,
  KEY_FILE,
  objectPolicy,
  readSealed,
  RECOVERED_FILE,
  SEALED_FALLBACK_FILE,
  SEALED_FILE,
  SEALED_BEFORE_FILE,
  SEALED_NEXT_FILE,
  type SealedKey,
  type UpdateAuthority,
  termsOf,
} from "./key-files.ts";
import { failure, failureFrom, tpmFailureKind, type Failure, type TpmFailureKind } from "./outcome.ts";
import type { Seeded } from "./seed.ts";
import {
  decodeKeys,
  encodeKeys,
  idsOf,
  keysInForce,
  proofsOf,
  STORE_KEY_BYTES,
  type KeyIds,
  type StoreKeys,
  wipeKeys,
} from "./store-keys.ts";

/** How the key came: from which file, or made at this first boot. */
export type KeyOrigin =
  | { readonly kind: "sealed" }
  | { readonly kind: "announced" }
  | { readonly kind: "approved" }
  | { readonly kind: "fallback" }
  | { readonly kind: "key-file" }
  | { readonly kind: "recovered" }
  | { readonly kind: "created"; readonly into: "tpm" | "key-file" };

const madeByUnseal: unique symbol = Symbol("unsealed");

/** Evidence that the store's key is in hand. Only {@link unseal} makes it. */
export interface Unsealed extends KeyIds {
  readonly [madeByUnseal]: true;
  readonly standing: Standing;
  readonly origin: KeyOrigin;
  /** Zeros once {@link wipe} was called. */
  readonly keys: StoreKeys;
}

export type Unsealing =
  | { readonly kind: "unsealed"; readonly evidence: Unsealed }
  /** The TPM refuses in this state; or its chip is away, locked or fails; or no file can be read. */
  | Failure<"mismatch" | "sealed-away" | "damaged" | TpmFailureKind>;

export interface UnsealInputs {
  readonly memory: Memory;
  readonly mode: TrustMode;
}

type Refusal = Exclude<Unsealing, { kind: "unsealed" }>;

/** @throws AgentError only when the state directory fails */
export async function unseal(standing: Standing, seeded: Seeded, inputs: UnsealInputs): Promise<Unsealing> {
  if (!isAttested(standing) && inputs.mode === "enforce") {
    return failure("mismatch", standing.because.detail, standing.because.fix);
  }
  const recovered = await fromRecovery(standing, inputs.memory);
  if (recovered !== undefined) return recovered;
  const tpm = tpmOf(standing);
  if (tpm === undefined) return withoutTpm(standing, seeded, inputs);
  const opened = await openAny(tpm, standing, inputs);
  if (opened !== undefined) return opened;
  const bare = await inputs.memory.read(KEY_FILE);
  if (bare !== undefined) return fromKeyFile(standing, bare);
  if (await anySealed(inputs.memory)) {
    const detail = "the store's key was never sealed to a good state, only to this TPM";
    return failure("mismatch", detail, 'set trust.mode = "warn", restart until the node is attested, then enforce');
  }
  return create(tpm, standing, seeded, inputs);
}

export function tpmOf(standing: Standing): Tpm | undefined {
  return isAttested(standing) ? standing.measured.tpm : standing.tpm;
}

/** Overwrites the keys in memory. */
export function wipe(unsealed: Unsealed): void {
  wipeKeys(unsealed.keys);
}

/** The keys that the open store has proven to be in use. @throws RangeError after {@link wipe}: a fault of ours */
export function provenKeys({ keys }: Unsealed, inUse: KeysInUse): StoreKeys {
  if (keys.key.every((byte) => byte === 0)) throw new RangeError("the keys were wiped");
  return keysInForce(keys, inUse);
}

/** Under what a key is sealed. */
export type SealPolicy = Pick<SealedKey, "pcrs" | "policyDigest" | "authority">;

/** In any state of this TPM. */
export const ANY_STATE: SealPolicy = {
  pcrs: [],
  policyDigest: pcrPolicyDigest([], new Map()),
  authority: undefined,
};

export function policyOf({ pcrs, expected }: SealTarget, authority?: UpdateAuthority): SealPolicy {
  return { pcrs, policyDigest: pcrPolicyDigest(pcrs, expected), authority };
}

/** Seals the keys and writes the file. @throws AgentError of the TPM or the state directory */
export async function sealTo(
  tpm: Tpm,
  memory: Memory,
  name: string,
  keys: StoreKeys,
  { pcrs, policyDigest, authority }: SealPolicy,
): Promise<void> {
  const secret = encodeKeys(keys);
  try {
    const blob = await tpm.seal(secret, objectPolicy({ policyDigest, authority }));
    const terms = { pcrs, policyDigest, authority };
    const proofs = proofsOf(keys, termsOf(terms));
    await memory.writeAtomic(name, encodeSealed({ ...terms, ...idsOf(keys), blob, proofs }));
  } finally {
    secret.fill(0);
  }
}

/** What the sealed file holds, or why it does not open; undefined when there is no such file. */
export async function openSealed(tpm: Tpm, memory: Memory, name: string): Promise<StoreKeys | Refusal | undefined> {
  const sealed = await readSealed(memory, name);
  if (sealed === undefined) return undefined;
  if (!sealed.ok) return damagedFile(name, `can't be read: ${sealed.reason}`);
  return openWith(tpm, name, sealed.value, pathOf(sealed.value));
}

/** The registers, then the choice if there is one. */
function pathOf({ pcrs, policyDigest, authority }: SealedKey): PolicyPath {
  return authority === undefined ? { pcrs } : { pcrs, branches: branchesOf(policyDigest, authority) };
}

async function openWith(tpm: Tpm, name: string, { blob }: SealedKey, path: PolicyPath): Promise<StoreKeys | Refusal> {
  try {
    const secret = await tpm.unseal(blob, path);
    const keys = decodeKeys(secret);
    secret.fill(0);
    return keys ?? damagedFile(name, "holds no key of 32 bytes");
  } catch (error) {
    if (isAgentError(error, "TPM_GONE")) return failureFrom("sealed-away", error);
    return failureFrom(isAgentError(error, "TPM_POLICY") ? "mismatch" : tpmFailureKind(error), error);
  }
}

function damagedFile(name: string, how: string): Refusal {
  return failure("damaged", `${name} ${how}`, `put ${name} back from a backup; or: caye recovery open`);
}

const ATTEMPTS = [
  { file: SEALED_FILE, origin: { kind: "sealed" }, open: openSealed },
  { file: SEALED_NEXT_FILE, origin: { kind: "announced" }, open: openSealed },
  { file: SEALED_BEFORE_FILE, origin: { kind: "announced" }, open: openSealed },
  { file: SEALED_FILE, origin: { kind: "approved" }, open: openApproved },
  { file: SEALED_FALLBACK_FILE, origin: { kind: "fallback" }, open: openSealed },
] as const;

async function openAny(tpm: Tpm, standing: Standing, { memory, mode }: UnsealInputs): Promise<Unsealing | undefined> {
  const refusals: Refusal[] = [];
  for (const { file, origin, open } of ATTEMPTS) {
    if (origin.kind === "fallback" && mode === "enforce") continue;
    const opened = await open(tpm, memory, file);
    if (opened === undefined) continue;
    if (!("kind" in opened)) return unsealed(standing, opened, origin);
    refusals.push(opened);
    // Asking again would not make it better, and a chip that fails or is locked should be left in peace.
    if (opened.kind === "tpm-failed" || opened.kind === "tpm-locked") break;
  }
  // Under `warn` the bare key may still lie there: a move into the TPM that the power cut short.
  const bare = mode === "warn" && refusals.length > 0 ? await memory.read(KEY_FILE) : undefined;
  if (bare !== undefined) return fromKeyFile(standing, bare);
  const refused = refusals.find(({ kind }) => kind === "mismatch") ?? refusals[0];
  return refused?.kind === "mismatch" ? { ...refused, ...(await needsApproval(tpm, memory, refused)) } : refused;
}

/** By an approval of the village's authority that fits the state which runs; undefined when there is none. */
async function openApproved(tpm: Tpm, memory: Memory, name: string): Promise<StoreKeys | Refusal | undefined> {
  const sealed = await readSealed(memory, name);
  if (sealed?.ok !== true) return undefined;
  try {
    const approval = await matchingApproval(sealed.value, await tpm.pcrRead(sealed.value.pcrs), memory);
    if (approval === undefined) return undefined;
    return await openWith(tpm, name, sealed.value, { ...pathOf(sealed.value), approval });
  } catch (error) {
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    return failureFrom(tpmFailureKind(error), error);
  }
}

async function withoutTpm(standing: Standing, seeded: Seeded, { memory }: UnsealInputs): Promise<Unsealing> {
  const bare = await memory.read(KEY_FILE);
  if (bare !== undefined) return fromKeyFile(standing, bare);
  if (await anySealed(memory)) {
    const detail = "the store's key is sealed in a TPM that is not there";
    const fix =
      "connect the TPM that the node was set up with, or put its state back; if it is lost: caye recovery open, with the recovery words";
    return failure("sealed-away", detail, fix);
  }
  const key = seeded.random.bytes(STORE_KEY_BYTES);
  await memory.writeAtomic(KEY_FILE, key);
  return unsealed(standing, { key, next: undefined }, { kind: "created", into: "key-file" });
}

/** On disk before anything is encrypted with it. */
async function create(tpm: Tpm, standing: Standing, seeded: Seeded, inputs: UnsealInputs): Promise<Unsealing> {
  const { memory, mode } = inputs;
  const keys: StoreKeys = { key: seeded.random.bytes(STORE_KEY_BYTES), next: undefined };
  try {
    if (standing.target !== undefined) await sealTo(tpm, memory, SEALED_FILE, keys, policyOf(standing.target));
    if (mode === "warn") await sealTo(tpm, memory, SEALED_FALLBACK_FILE, keys, ANY_STATE);
  } catch (error) {
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    if (mode === "enforce" || (await anySealed(memory))) return failureFrom(tpmFailureKind(error), error);
    return withoutTpm(standing, seeded, inputs);
  }
  return unsealed(standing, keys, { kind: "created", into: "tpm" });
}

/** Who has the recovery words has the store: under any policy, and before the files of a TPM that may be gone. */
async function fromRecovery(standing: Standing, memory: Memory): Promise<Unsealing | undefined> {
  if ((await memory.read(RECOVERED_FILE)) === undefined) return undefined;
  const bare = await memory.read(KEY_FILE);
  return bare === undefined ? undefined : fromKeyFile(standing, bare, { kind: "recovered" });
}

function fromKeyFile(standing: Standing, bare: Uint8Array, origin: KeyOrigin = { kind: "key-file" }): Unsealing {
  const keys = decodeKeys(bare);
  bare.fill(0);
  if (keys !== undefined) return unsealed(standing, keys, origin);
  return damagedFile(KEY_FILE, "holds no key of 32 bytes");
}

function unsealed(standing: Standing, keys: StoreKeys, origin: KeyOrigin): Unsealing {
  return { kind: "unsealed", evidence: { [madeByUnseal]: true, standing, origin, ...idsOf(keys), keys } };
}
