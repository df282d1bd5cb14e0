/**
 * The port `Tpm` over any transport. Each method is one unit: it waits for the one before it, and leaves no object and
 * no session behind in the TPM, however it ends.
 * @module
 */
import { ByteWriter, copyBytes, type ByteReader } from "../../kernel/bytes.ts";
import { AgentError, describeError } from "../../kernel/errors.ts";
import { PCR_BYTES, pcrSelection, pcrsOfMask, sortedPcrs } from "../../kernel/pcr.ts";
import { ALGORITHM, objectName } from "../../kernel/tpm-public.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type {
  AttestationKey,
  EndorsementKey,
  PolicyPath,
  Quote,
  SealedBlob,
  Tpm,
  TpmClock,
  TpmIdentity,
} from "../../ports/tpm.ts";
import type { Response } from "./channel.ts";
import { decodeBanks, decodeProperties, identityOf, PROPERTIES } from "./identity.ts";
import { finished, requireLength, skipTicket, TpmScopes, type TpmLimits } from "./scopes.ts";
import { attestationKeyTemplate, HIERARCHY, sealedTemplate, storageRootTemplate } from "./templates.ts";
import { badWire, type Transport } from "./transport.ts";

const MAX_WAITING_CALLS = 64;
const MAX_PCR_READS = 32;
const CAPABILITY_PCRS = 5;
const CAPABILITY_PROPERTIES = 6;
const SHUTDOWN_CLEAR = 0x0000;

export const DEFAULT_LIMITS: TpmLimits = { timeoutMs: 5_000, keyTimeoutMs: 20_000 };

export interface TransportTpmOptions {
  readonly uri: string;
  readonly software: boolean;
  readonly random: Random;
  readonly log: Log;
  readonly limits?: TpmLimits;
}

export class TransportTpm implements Tpm {
  readonly uri: string;
  readonly software: boolean;
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
    this.#transport = transport;
    this.#log = options.log;
    this.#scopes = new TpmScopes(transport, {
      random: options.random,
      log: options.log,
      limits: options.limits ?? DEFAULT_LIMITS,
    });
  }

  identity(): Promise<TpmIdentity> {
    return this.#alone(async () => {
      const properties = new Map<number, number>();
      for (const first of [PROPERTIES.fixed, PROPERTIES.variable]) {
        const { parameters } = await this.#capability(CAPABILITY_PROPERTIES, first, 127);
        for (const [property, value] of finished("GetCapability", parameters, decodeProperties)) {
          properties.set(property, value);
        }
      }
      const { parameters } = await this.#capability(CAPABILITY_PCRS, 0, 1);
      return identityOf(properties, finished("GetCapability", parameters, decodeBanks));
    });
  }

  clock(): Promise<TpmClock> {
    return this.#alone(async () => {
      const { parameters } = await this.#scopes.execute({ name: "ReadClock" });
      return finished("ReadClock", parameters, (reader) => {
        reader.u64(); // ms since power came
        return { clock: reader.u64(), resetCount: reader.u32(), restartCount: reader.u32(), safe: reader.u8() === 1 };
      });
    });
  }

  selfTest(): Promise<void> {
    return this.#alone(async () => {
      const { parameters } = await this.#scopes.execute({ name: "SelfTest", parameters: Uint8Array.of(0) });
      finished("SelfTest", parameters, () => undefined);
    });
  }

  pcrRead(pcrs: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const wanted = sortedPcrs(pcrs);
    return this.#alone(() => this.#pcrRead(wanted));
  }

  async pcrExtend(pcr: number, digest: Uint8Array): Promise<void> {
    requireLength("digest", digest, PCR_BYTES, PCR_BYTES);
    const [register] = sortedPcrs([pcr]);
    await this.#alone(async () => {
      const { parameters } = await this.#scopes.execute({
        name: "PCR_Extend",
        handles: [register ?? pcr],
        authorization: "empty-password",
        parameters: new ByteWriter().u32(1).u16(ALGORITHM.sha256).bytes(digest).finish(),
      });
      finished("PCR_Extend", parameters, () => undefined);
    });
  }

  attestationKey(): Promise<AttestationKey> {
    return this.#alone(() =>
      this.#scopes.withPrimary(HIERARCHY.endorsement, attestationKeyTemplate(), ({ publicArea }) =>
        Promise.resolve({ publicArea }),
      ),
    );
  }

  async quote(nonce: Uint8Array, pcrs: readonly number[]): Promise<Quote> {
    requireLength("nonce", nonce, 16, 32);
    const selection = pcrSelection(pcrs);
    return this.#alone(() =>
      this.#scopes.withPrimary(HIERARCHY.endorsement, attestationKeyTemplate(), async ({ handle }) => {
        const { parameters } = await this.#scopes.execute({
          name: "Quote",
          handles: [handle],
          authorization: "empty-password",
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

  async seal(secret: Uint8Array, policyDigest: Uint8Array): Promise<SealedBlob> {
    requireLength("secret", secret, 1, 128);
    requireLength("policy digest", policyDigest, 32, 32);
    return this.#alone(() =>
      this.#scopes.withPrimary(HIERARCHY.owner, storageRootTemplate(), (root) =>
        this.#scopes.withSession("hmac", "command", root, async (session) => {
          const sensitive = new ByteWriter().u16(0).u16(secret.length).bytes(secret).finish();
          const template = sealedTemplate(policyDigest);
          const { parameters } = await this.#scopes.execute({
            name: "Create",
            handles: [root.handle],
            handleNames: [root.key.name],
            authorization: session,
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
      ),
    );
  }

  endorsementKeys(): Promise<readonly EndorsementKey[]> {
    return Promise.reject(new AgentError("TPM_RC", "endorsement keys are yet to come"));
  }

  activateCredential(): Promise<Uint8Array> {
    return Promise.reject(new AgentError("TPM_RC", "credentials are yet to come"));
  }

  unseal(blob: SealedBlob, { pcrs }: PolicyPath): Promise<Uint8Array> {
    const selection = pcrSelection(pcrs);
    return this.#alone(() =>
      this.#scopes.withPrimary(HIERARCHY.owner, storageRootTemplate(), (root) =>
        this.#scopes.withLoaded(root, blob, (handle) =>
          this.#scopes.withSession("policy", "response", root, async (session) => {
            await this.#scopes.execute({
              name: "PolicyPCR",
              handles: [session.handle],
              parameters: new ByteWriter().u16(0).bytes(selection).finish(),
            });
            const { parameters } = await this.#scopes.execute({
              name: "Unseal",
              handles: [handle],
              handleNames: [objectName(blob.publicPart)],
              authorization: session,
            });
            return finished("Unseal", parameters, (reader) => copyBytes(reader.take(reader.u16())));
          }),
        ),
      ),
    );
  }

  random(length: number): Promise<Uint8Array> {
    if (!Number.isInteger(length) || length < 1 || length > 32) throw new RangeError("random length out of range");
    return this.#alone(async () => {
      const { parameters } = await this.#scopes.execute({
        name: "GetRandom",
        parameters: new ByteWriter().u16(length).finish(),
      });
      const bytes = finished("GetRandom", parameters, (reader) => copyBytes(reader.take(reader.u16())));
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
    // An orderly stop, so that the TPM's clock counts as safe at its next start. A hardware TPM serves the whole
    // machine: there the kernel says it when the machine stops.
    if (this.software) {
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

  async #capability(capability: number, first: number, count: number): Promise<Response> {
    const response = await this.#scopes.execute({
      name: "GetCapability",
      parameters: new ByteWriter().u32(capability).u32(first).u32(count).finish(),
    });
    response.parameters.u8(); // whether there is more: our pages are larger than any TPM's list
    if (response.parameters.u32() !== capability) throw badWire("the TPM answered about another capability");
    return response;
  }

  /** At most 8 registers come at a time; when one is extended meanwhile, reading starts over. */
  async #pcrRead(wanted: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    const values = new Map<number, Uint8Array>();
    let counter: number | undefined;
    for (let reads = 0; values.size < wanted.length; reads++) {
      if (reads >= MAX_PCR_READS) throw badWire("the TPM's registers do not stand still");
      const missing = wanted.filter((pcr) => !values.has(pcr));
      const { parameters } = await this.#scopes.execute({ name: "PCR_Read", parameters: pcrSelection(missing) });
      const page = finished("PCR_Read", parameters, (reader) => decodePcrPage(reader, missing));
      if (page.values.size === 0) {
        throw new AgentError("TPM_NO_BANK", "the TPM has no SHA-256 registers", {
          fix: "allocate them with tpm2_pcrallocate sha256:all, then restart the machine",
        });
      }
      if (counter !== undefined && counter !== page.counter) values.clear();
      counter = page.counter;
      for (const [pcr, value] of page.values) values.set(pcr, value);
    }
    return values;
  }
}

function decodePcrPage(
  reader: ByteReader,
  asked: readonly number[],
): { readonly counter: number; readonly values: ReadonlyMap<number, Uint8Array> } {
  const counter = reader.u32();
  const selections = reader.u32();
  const pcrs: number[] = [];
  for (let i = 0; i < selections && reader.failure === undefined; i++) {
    if (reader.u16() !== ALGORITHM.sha256) reader.fail("another bank than asked for");
    pcrs.push(...pcrsOfMask(reader.take(reader.u8())));
  }
  if (reader.u32() !== pcrs.length) reader.fail("as many values as registers were expected");
  const values = new Map<number, Uint8Array>();
  for (const pcr of reader.failure === undefined ? pcrs : []) {
    if (!asked.includes(pcr) || values.has(pcr)) reader.fail("another register than asked for");
    if (reader.u16() !== PCR_BYTES) reader.fail("a register of another length");
    values.set(pcr, copyBytes(reader.take(PCR_BYTES)));
  }
  return { counter, values };
}
