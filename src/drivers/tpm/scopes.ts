/**
 * Keys, sealed objects and sessions inside the TPM that last exactly as long as their use: the kernel's resource
 * manager allows three of each to a program, a bare TPM no more.
 * @module
 */
import { ByteWriter, copyBytes, equalBytes, type ByteReader, type Bytes } from "../../kernel/bytes.ts";
import { isAgentError } from "../../kernel/errors.ts";
import { ALGORITHM, decodeEccPublic, objectName, type EccPublic } from "../../kernel/tpm-public.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { SealedBlob } from "../../ports/tpm.ts";
import { CommandChannel, type Command, type Response } from "./channel.ts";
import { freshSalt, SaltedSession, type SecretIn } from "./session.ts";
import { HIERARCHY } from "./templates.ts";
import { badWire, type Transport } from "./transport.ts";

/** TPM_SE. */
const SESSION = { hmac: 0x00, policy: 0x01 } as const;
const MAX_BLOB_PART_BYTES = 1024;

export interface TpmLimits {
  /** For a command that needs no long computation, in ms. */
  readonly timeoutMs: number;
  /** For making a key, in ms: slow chips take seconds. */
  readonly keyTimeoutMs: number;
}

export interface ScopesOptions {
  readonly random: Random;
  readonly log: Log;
  readonly limits: TpmLimits;
}

/** A key made from its template, the same at every call. */
export interface Primary {
  readonly handle: number;
  readonly publicArea: Bytes;
  readonly key: EccPublic;
}

export class TpmScopes {
  readonly #channel: CommandChannel;
  readonly #random: Random;
  readonly #log: Log;
  readonly #limits: TpmLimits;

  constructor(transport: Transport, options: ScopesOptions) {
    this.#channel = new CommandChannel(transport);
    this.#random = options.random;
    this.#log = options.log;
    this.#limits = options.limits;
  }

  execute(command: Omit<Command, "timeoutMs">): Promise<Response> {
    return this.#channel.execute({ ...command, timeoutMs: this.#limits.timeoutMs });
  }

  async withPrimary<T>(hierarchy: number, template: Uint8Array, use: (primary: Primary) => Promise<T>): Promise<T> {
    const { handle, parameters } = await this.#channel.execute({
      name: "CreatePrimary",
      handles: [hierarchy],
      authorization: "empty-password",
      parameters: new ByteWriter()
        .u16(4)
        .u16(0) // no password
        .u16(0) // nothing to seal
        .u16(template.length)
        .bytes(template)
        .u16(0)
        .u32(0)
        .finish(),
      returnsHandle: true,
      timeoutMs: this.#limits.keyTimeoutMs,
    });
    return this.#flushedAfter(handle, () => {
      const publicArea = finished("CreatePrimary", parameters, readPrimary);
      const key = decodeEccPublic(publicArea);
      if (!key.ok) throw badWire(`the TPM made another key than asked for: ${key.reason}`);
      return use({ handle, publicArea, key: key.value });
    });
  }

  async withLoaded<T>(parent: Primary, blob: SealedBlob, use: (handle: number) => Promise<T>): Promise<T> {
    requireLength("sealed blob", blob.publicPart, 1, MAX_BLOB_PART_BYTES);
    requireLength("sealed blob", blob.privatePart, 1, MAX_BLOB_PART_BYTES);
    const { handle, parameters } = await this.execute({
      name: "Load",
      handles: [parent.handle],
      authorization: "empty-password",
      parameters: new ByteWriter()
        .u16(blob.privatePart.length)
        .bytes(blob.privatePart)
        .u16(blob.publicPart.length)
        .bytes(blob.publicPart)
        .finish(),
      returnsHandle: true,
    });
    return this.#flushedAfter(handle, () => {
      const name = finished("Load", parameters, (reader) => copyBytes(reader.take(reader.u16())));
      if (!equalBytes(name, objectName(blob.publicPart))) throw badWire("the TPM loaded another object than given");
      return use(handle);
    });
  }

  async withSession<T>(
    type: keyof typeof SESSION,
    secretIn: SecretIn,
    root: Primary,
    use: (session: SaltedSession) => Promise<T>,
  ): Promise<T> {
    const salt = freshSalt(root.key);
    const nonceCaller = SaltedSession.nonce(this.#random);
    const { handle, parameters } = await this.execute({
      name: "StartAuthSession",
      handles: [root.handle, HIERARCHY.null],
      parameters: new ByteWriter()
        .u16(nonceCaller.length)
        .bytes(nonceCaller)
        .u16(salt.encrypted.length)
        .bytes(salt.encrypted)
        .u8(SESSION[type])
        .u16(ALGORITHM.aes)
        .u16(128)
        .u16(ALGORITHM.cfb)
        .u16(ALGORITHM.sha256)
        .finish(),
      returnsHandle: true,
    });
    return this.#flushedAfter(handle, () => {
      const nonceTpm = finished("StartAuthSession", parameters, (reader) => copyBytes(reader.take(reader.u16())));
      return use(new SaltedSession({ handle, salt, nonceCaller, nonceTpm }, secretIn, this.#random));
    });
  }

  async #flushedAfter<T>(handle: number, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } finally {
      // A flush that fails must not hide what happened before it; the next command meets the same TPM.
      await this.execute({ name: "FlushContext", parameters: new ByteWriter().u32(handle).finish() }).catch(
        (error: unknown) => {
          if (!isAgentError(error)) throw error;
          this.#log.debug("A TPM handle could not be flushed", { error: error.message });
        },
      );
    }
  }
}

/** @throws RangeError: a fault of the caller's */
export function requireLength(what: string, bytes: Uint8Array, least: number, most: number): void {
  if (bytes.length < least || bytes.length > most) throw new RangeError(`${what} has ${bytes.length} bytes`);
}

/** What `decode` read, once all was read and well. @throws AgentError "TPM_BAD_WIRE" */
export function finished<T>(name: string, reader: ByteReader, decode: (reader: ByteReader) => T): T {
  const value = decode(reader);
  const failure = reader.done();
  if (failure !== undefined) throw badWire(`the TPM's response to ${name} is malformed: ${failure}`);
  return value;
}

function readPrimary(reader: ByteReader): Bytes {
  const publicArea = copyBytes(reader.take(reader.u16()));
  reader.take(reader.u16()); // creation data
  reader.take(reader.u16()); // creation hash
  skipTicket(reader);
  const name = reader.take(reader.u16());
  if (!equalBytes(name, objectName(publicArea))) reader.fail("the name is not that of the public area");
  return publicArea;
}

/** TPMT_TK_CREATION: tag, hierarchy, digest. */
export function skipTicket(reader: ByteReader): void {
  reader.take(6);
  reader.take(reader.u16());
}
