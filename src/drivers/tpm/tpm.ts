/**
 * The port `Tpm` over any transport. Each method is one unit: it waits for the one before it, and leaves no object and
 * no session behind in the TPM, however it ends.
 * @module
 */
import { ByteWriter, copyBytes } from "../../kernel/bytes.ts";
import { AgentError, describeError } from "../../kernel/errors.ts";
import { PCR_BYTES, pcrSelection, sortedPcrs } from "../../kernel/pcr.ts";
import { ALGORITHM } from "../../kernel/tpm-public.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
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
} from "../../ports/tpm.ts";
import { activateCredential, readEndorsementKeys } from "./endorsement.ts";
import { readClock, readIdentity, selfTest } from "./identity.ts";
import { extendPcr, readPcrs } from "./registers.ts";
import { finished, finishedBytes, requireLength, TpmScopes, type TpmLimits } from "./scopes.ts";
import { seal, unseal } from "./sealing.ts";
import { attestationKeyTemplate, HIERARCHY } from "./templates.ts";
import { badWire, type Transport } from "./transport.ts";

const MAX_WAITING_CALLS = 64;
const SHUTDOWN_CLEAR = 0x0000;

export const DEFAULT_LIMITS: TpmLimits = {
  timeoutMs: 5_000,
  keyTimeoutMs: 20_000,
  rsaKeyTimeoutMs: 120_000,
  selfTestTimeoutMs: 30_000,
};

export interface TransportTpmOptions {
  readonly uri: string;
  readonly software: boolean;
  /** It stops when we close it: it is told so before. */
  readonly owned?: boolean;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: TpmLimits;
}

export class TransportTpm implements Tpm {
  readonly uri: string;
  readonly software: boolean;
  readonly #owned: boolean;
  readonly #transport: Transport;
  readonly #scopes: TpmScopes;
  readonly #log: Log;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #closed: Promise<void> | undefined;

  /** Owns the transport from now on. */
  constructor(transport: Transport, options: TransportTpmOptions) {
    this.uri = options.uri;
    this.software = options.software;
    this.#owned = options.owned ?? false;
    this.#transport = transport;
    this.#log = options.log;
    this.#scopes = new TpmScopes(transport, {
      random: options.random,
      log: options.log,
      limits: options.limits ?? DEFAULT_LIMITS,
    });
  }

  identity(): Promise<TpmIdentity> {
    return this.#alone(() => readIdentity(this.#scopes));
  }

  clock(): Promise<TpmClock> {
    return this.#alone(() => readClock(this.#scopes));
  }

  selfTest(): Promise<void> {
    return this.#alone(() => selfTest(this.#scopes));
  }

  async pcrRead(pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const wanted = sortedPcrs(pcrs);
    return this.#alone(() => readPcrs(this.#scopes, wanted));
  }

  async pcrExtend(pcr: number, digest: Uint8Array): Promise<void> {
    requireLength("digest", digest, PCR_BYTES, PCR_BYTES);
    sortedPcrs([pcr]);
    await this.#alone(() => extendPcr(this.#scopes, pcr, digest));
  }

  endorsementKeys(): Promise<readonly EndorsementKey[]> {
    return this.#alone(() => readEndorsementKeys(this.#scopes));
  }

  async attestationKey(choice?: AttestationKeyChoice): Promise<AttestationKey> {
    const template = attestationKeyTemplate(choice);
    return this.#alone(() =>
      this.#scopes.withPrimary(HIERARCHY.endorsement, template, ({ publicArea }) => Promise.resolve({ publicArea })),
    );
  }

  async quote(nonce: Uint8Array, pcrs: readonly number[], choice?: AttestationKeyChoice): Promise<Quote> {
    requireLength("nonce", nonce, 16, 32);
    const selection = pcrSelection(pcrs);
    const template = attestationKeyTemplate(choice);
    return this.#alone(() =>
      this.#scopes.withPrimary(HIERARCHY.endorsement, template, async ({ handle }) => {
        const { parameters } = await this.#scopes.execute({
          name: "Quote",
          handles: [handle],
          authorizations: ["empty-password"],
          parameters: new ByteWriter()
            .u16(nonce.length)
            .bytes(nonce)
            .u16(ALGORITHM.none) // the scheme of the key itself
            .bytes(selection)
            .finish(),
        });
        return finished("Quote", parameters, (reader) => ({
          attest: copyBytes(reader.take(reader.u16())),
          signature: copyBytes(reader.rest()),
        }));
      }),
    );
  }

  activateCredential(kind: KeyKind, credential: Credential, choice?: AttestationKeyChoice): Promise<Uint8Array> {
    return this.#alone(() => activateCredential(this.#scopes, kind, credential, choice));
  }

  seal(secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob> {
    return this.#alone(() => seal(this.#scopes, secret, policyDigest));
  }

  unseal(blob: SealedBlob, path: PolicyPath): Promise<Uint8Array> {
    return this.#alone(() => unseal(this.#scopes, blob, path));
  }

  async random(length: number): Promise<Uint8Array> {
    if (!Number.isInteger(length) || length < 1 || length > 32) throw new RangeError("random length out of range");
    return this.#alone(async () => {
      const parameters = new ByteWriter().u16(length).finish();
      const bytes = finishedBytes("GetRandom", await this.#scopes.execute({ name: "GetRandom", parameters }));
      if (bytes.length !== length) throw badWire("the TPM gave fewer random bytes than asked for");
      return bytes;
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#last;
    // An orderly stop, so that the TPM's clock counts as safe at its next start. One that serves the whole
    // machine goes on: there the kernel says it when the machine stops.
    if (this.#owned) {
      await this.#scopes
        .execute({ name: "Shutdown", parameters: new ByteWriter().u16(SHUTDOWN_CLEAR).finish() })
        .catch((error: unknown) =>
          this.#log.debug("The software TPM was not told to stop", { error: describeError(error) }),
        );
    }
    await this.#transport.close();
  }

  async #alone<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closed !== undefined) throw new AgentError("TPM_GONE", "the TPM is closed");
    if (this.#waiting >= MAX_WAITING_CALLS) {
      throw new AgentError("TPM_BUSY", `${MAX_WAITING_CALLS} calls wait for the TPM already`);
    }
    this.#waiting++;
    const result = this.#last.then(operation).finally(() => this.#waiting--);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
