/**
 * The fourth step: the store's key, 32 bytes, which the TPM keeps sealed to the accepted state.
 *
 * Under `enforce` the key exists in no other form, and a state that was not accepted or announced can't open it. Under
 * `warn` a second copy opens on this TPM in any state, so that a changed node still serves its village and says so.
 * A key is made only where there is none: a node whose key is out of reach stays shut, since a new key would not open
 * the old store.
 * @module
 */
import { isAgentError } from "../kernel/errors.ts";
import { pcrPolicyDigest } from "../kernel/pcr.ts";
import type { Memory } from "../ports/memory.ts";
import type { Tpm } from "../ports/tpm.ts";
import { isAttested, type SealTarget, type Standing, type TrustMode } from "./attest.ts";
import {
  anySealed,
  encodeSealed,
  KEY_FILE,
  keyId,
  readSealed,
  SEALED_FALLBACK_FILE,
  SEALED_FILE,
  SEALED_NEXT_FILE,
  STORE_KEY_BYTES,
} from "./key-files.ts";
import { failure, failureFrom, type Failure } from "./outcome.ts";
import type { Seeded } from "./seed.ts";

/** How the key came: from which file, or made at this first boot. */
export type KeyOrigin =
  | { readonly kind: "sealed" }
  | { readonly kind: "announced" }
  | { readonly kind: "fallback" }
  | { readonly kind: "key-file" }
  | { readonly kind: "created"; readonly into: "tpm" | "key-file" };

const madeByUnseal: unique symbol = Symbol("unsealed");

/** Evidence that the store's key is in hand. Only {@link unseal} makes it. */
export interface Unsealed {
  readonly [madeByUnseal]: true;
  readonly standing: Standing;
  readonly origin: KeyOrigin;
  /** 8 bytes that name the key. */
  readonly keyId: Uint8Array;
  /** 32 bytes; zeros once {@link wipe} was called. */
  readonly storeKey: Uint8Array<ArrayBuffer>;
}

export type Unsealing =
  | { readonly kind: "unsealed"; readonly evidence: Unsealed }
  /** The TPM refuses in this state; or its chip is away or fails; or no file can be read. */
  | Failure<"mismatch" | "sealed-away" | "tpm-error" | "damaged">;

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

/** Overwrites the key in memory. */
export function wipe(unsealed: Unsealed): void {
  unsealed.storeKey.fill(0);
}

/** Seals the key to an accepted state and writes the file. @throws AgentError of the TPM or the state directory */
export async function sealTo(
  tpm: Tpm,
  memory: Memory,
  name: string,
  key: Uint8Array,
  target?: SealTarget,
): Promise<void> {
  const pcrs = target?.pcrs ?? [];
  const policyDigest = pcrPolicyDigest(pcrs, target?.expected ?? new Map());
  const blob = await tpm.seal(key, policyDigest);
  await memory.writeAtomic(name, encodeSealed({ pcrs, policyDigest, keyId: keyId(key), blob }));
}

/** What the sealed file holds, or why it does not open; undefined when there is no such file. */
export async function openSealed(tpm: Tpm, memory: Memory, name: string): Promise<Uint8Array | Refusal | undefined> {
  const sealed = await readSealed(memory, name);
  if (sealed === undefined) return undefined;
  if (!sealed.ok)
    return failure("damaged", `${name} can't be read: ${sealed.reason}`, `put ${name} back from a backup`);
  try {
    const key = await tpm.unseal(sealed.value.blob, { pcrs: sealed.value.pcrs });
    return key.length === STORE_KEY_BYTES
      ? key
      : failure("damaged", `${name} holds no key of 32 bytes`, `put ${name} back from a backup`);
  } catch (error) {
    if (isAgentError(error, "TPM_GONE")) return failureFrom("sealed-away", error);
    return failureFrom(isAgentError(error, "TPM_POLICY") ? "mismatch" : "tpm-error", error);
  }
}

const ATTEMPTS = [
  { file: SEALED_FILE, origin: { kind: "sealed" } },
  { file: SEALED_NEXT_FILE, origin: { kind: "announced" } },
  { file: SEALED_FALLBACK_FILE, origin: { kind: "fallback" } },
] as const;

async function openAny(tpm: Tpm, standing: Standing, { memory, mode }: UnsealInputs): Promise<Unsealing | undefined> {
  const refusals: Refusal[] = [];
  for (const { file, origin } of ATTEMPTS) {
    if (origin.kind === "fallback" && mode === "enforce") continue;
    const opened = await openSealed(tpm, memory, file);
    if (opened instanceof Uint8Array) return unsealed(standing, opened, origin);
    if (opened !== undefined) refusals.push(opened);
  }
  // Under `warn` the bare key may still lie there: a move into the TPM that the power cut short.
  const bare = mode === "warn" && refusals.length > 0 ? await memory.read(KEY_FILE) : undefined;
  if (bare !== undefined) return fromKeyFile(standing, bare);
  return refusals.find(({ kind }) => kind === "mismatch") ?? refusals[0];
}

async function withoutTpm(standing: Standing, seeded: Seeded, { memory }: UnsealInputs): Promise<Unsealing> {
  const bare = await memory.read(KEY_FILE);
  if (bare !== undefined) return fromKeyFile(standing, bare);
  if (await anySealed(memory)) {
    const detail = "the store's key is sealed in a TPM that is not there";
    return failure("sealed-away", detail, "connect the TPM that the node was set up with, or put its state back");
  }
  const key = seeded.random.bytes(STORE_KEY_BYTES);
  await memory.writeAtomic(KEY_FILE, key);
  return unsealed(standing, key, { kind: "created", into: "key-file" });
}

/** On disk before anything is encrypted with it. */
async function create(tpm: Tpm, standing: Standing, seeded: Seeded, inputs: UnsealInputs): Promise<Unsealing> {
  const { memory, mode } = inputs;
  const key = seeded.random.bytes(STORE_KEY_BYTES);
  try {
    if (standing.target !== undefined) await sealTo(tpm, memory, SEALED_FILE, key, standing.target);
    if (mode === "warn") await sealTo(tpm, memory, SEALED_FALLBACK_FILE, key);
  } catch (error) {
    if (!isAgentError(error) || !error.code.startsWith("TPM_")) throw error;
    if (mode === "enforce" || (await anySealed(memory))) return failureFrom("tpm-error", error);
    return withoutTpm(standing, seeded, inputs);
  }
  return unsealed(standing, key, { kind: "created", into: "tpm" });
}

function fromKeyFile(standing: Standing, bare: Uint8Array): Unsealing {
  if (bare.length === STORE_KEY_BYTES) return unsealed(standing, bare, { kind: "key-file" });
  return failure("damaged", `${KEY_FILE} holds no key of 32 bytes`, `put ${KEY_FILE} back from a backup`);
}

function unsealed(standing: Standing, key: Uint8Array, origin: KeyOrigin): Unsealing {
  const storeKey = new Uint8Array(key);
  key.fill(0);
  return {
    kind: "unsealed",
    evidence: { [madeByUnseal]: true, standing, origin, keyId: keyId(storeKey), storeKey },
  };
}
