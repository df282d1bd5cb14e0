/**
 * Which attestation key of the TPM the node uses: a number in a small file, raised when the key is to be replaced. The
 * file also names the key that was replaced, so that the next boot tells a new key from another TPM. It grants nothing:
 * keys of any number are in the same TPM, and only that one opens the store.
 * @module
 */
import { z } from "zod";
import { equalBytes, fromHex, toHex, utf8, type Bytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import { objectName } from "../kernel/tpm-public.ts";
import type { Memory } from "../ports/memory.ts";
import type {
  AttestationKey,
  AttestationKeyChoice,
  Credential,
  EndorsementKey,
  KeyKind,
  PolicyPath,
  Quote,
  SealedBlob,
  Tpm,
  TpmClock,
  TpmIdentity,
} from "../ports/tpm.ts";
import { parseJson } from "../kernel/json.ts";

export const ATTESTATION_KEY_FILE = "attestation-key.json";

const MAX_GENERATION = 65_535;

const KeyFile = z.strictObject({
  version: z.literal(1),
  generation: z.int().min(1).max(MAX_GENERATION),
  /** Name of the key before, 34 bytes. */
  replaces: z.string().regex(/^[0-9a-f]{68}$/),
});

export interface KeyGeneration {
  readonly generation: number;
  /** Name of the key that this one replaced, 34 bytes. */
  readonly replaces: Bytes | undefined;
}

/** Generation 0 where there is no file, or none that can be read. */
export async function keyGeneration(memory: Memory): Promise<KeyGeneration> {
  const bytes = await memory.read(ATTESTATION_KEY_FILE);
  const parsed = bytes === undefined ? undefined : KeyFile.safeParse(parseJson(bytes));
  if (parsed?.success !== true) return { generation: 0, replaces: undefined };
  return { generation: parsed.data.generation, replaces: fromHex(parsed.data.replaces) };
}

/** True when a key of another name was to be expected, as the one remembered was replaced. */
export async function wasReplaced(memory: Memory, remembered: Uint8Array): Promise<boolean> {
  const { replaces } = await keyGeneration(memory);
  return replaces !== undefined && equalBytes(replaces, remembered);
}

/**
 * From the next start on another key is used.
 * @param inUse the generation that this agent runs with
 * @returns the generation to come @throws AgentError "TPM_…", "ROTATION_UNDER_WAY" when that start has not come yet
 */
export async function replaceAttestationKey(tpm: Tpm, memory: Memory, inUse: number): Promise<number> {
  const { generation } = await keyGeneration(memory);
  if (generation !== inUse) {
    throw new AgentError("ROTATION_UNDER_WAY", "the attestation key was replaced already since this agent started", {
      fix: "restart the agent, enrol the node again, then replace the next one",
    });
  }
  if (generation === MAX_GENERATION) throw new AgentError("ROTATION_NONE", "this TPM has had all attestation keys");
  const { publicArea } = await tpm.attestationKey({ generation });
  const file = { version: 1, generation: generation + 1, replaces: toHex(objectName(publicArea)) };
  await memory.writeAtomic(ATTESTATION_KEY_FILE, utf8(`${JSON.stringify(file)}\n`));
  return generation + 1;
}

/** The same TPM, with that key wherever nobody chooses another. */
export class TpmWithGeneration implements Tpm {
  readonly uri: string;
  readonly software: boolean;
  readonly #tpm: Tpm;
  readonly #generation: number;

  constructor(tpm: Tpm, generation: number) {
    this.uri = tpm.uri;
    this.software = tpm.software;
    this.#tpm = tpm;
    this.#generation = generation;
  }

  identity = (): Promise<TpmIdentity> => this.#tpm.identity();
  clock = (): Promise<TpmClock> => this.#tpm.clock();
  selfTest = (): Promise<void> => this.#tpm.selfTest();
  pcrRead = (pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> => this.#tpm.pcrRead(pcrs);
  pcrExtend = (pcr: number, digest: Uint8Array): Promise<void> => this.#tpm.pcrExtend(pcr, digest);
  endorsementKeys = (): Promise<readonly EndorsementKey[]> => this.#tpm.endorsementKeys();
  seal = (secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob> => this.#tpm.seal(secret, policyDigest);
  unseal = (blob: SealedBlob, path: PolicyPath): Promise<Uint8Array> => this.#tpm.unseal(blob, path);
  random = (length: number): Promise<Uint8Array> => this.#tpm.random(length);

  attestationKey(choice?: AttestationKeyChoice): Promise<AttestationKey> {
    return this.#tpm.attestationKey(this.#chosen(choice));
  }

  quote(nonce: Uint8Array, pcrs: readonly number[], choice?: AttestationKeyChoice): Promise<Quote> {
    return this.#tpm.quote(nonce, pcrs, this.#chosen(choice));
  }

  activateCredential(kind: KeyKind, credential: Credential, choice?: AttestationKeyChoice): Promise<Uint8Array> {
    return this.#tpm.activateCredential(kind, credential, this.#chosen(choice));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tpm[Symbol.asyncDispose]();
  }

  #chosen(choice: AttestationKeyChoice | undefined): AttestationKeyChoice {
    return { generation: this.#generation, ...choice };
  }
}
