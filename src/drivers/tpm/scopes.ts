/**
 * Keys, sealed objects and sessions inside the TPM that last exactly as long as their use: the kernel's resource
 * manager allows three of each to a program, a bare TPM no more. None of ours uses more than two objects and one
 * session at a time.
 * @module
 */
import { ByteWriter, copyBytes, equalBytes, type ByteReader, type Bytes } from "../../kernel/bytes.ts";
import { isAgentError } from "../../kernel/errors.ts";
import { ALGORITHM, decodePublic, objectName, type TpmPublic } from "../../kernel/tpm-public.ts";
import type { Log } from "../../ports/log.ts";
import type { Random } from "../../ports/random.ts";
import type { SealedBlob } from "../../ports/tpm.ts";
import { CommandChannel, type Answer, type Command, type Response } from "./channel.ts";
import { freshSalt, SaltedSession, type SecretIn } from "./session.ts";
import { HIERARCHY, storageRootTemplate } from "./templates.ts";
import { badWire, type Transport } from "./transport.ts";

/** TPM_SE. */
const SESSION = { hmac: 0x00, policy: 0x01 } as const;
const MAX_BLOB_PART_BYTES = 1024;

/** In ms, of one command with its retries. */
export interface TpmLimits {
  /** For a command that needs no long computation. */
  readonly timeoutMs: number;
  /** For making a key on P-256: slow chips take seconds. */
  readonly keyTimeoutMs: number;
  /** For making an RSA key: slow chips look for its primes for half a minute. */
  readonly rsaKeyTimeoutMs: number;
  readonly selfTestTimeoutMs: number;
}

export interface ScopesOptions {
  readonly random: Random;
  readonly log: Log;
  readonly limits: TpmLimits;
}

/** A key inside the TPM. */
export interface LoadedKey {
  readonly handle: number;
  readonly publicArea: Bytes;
  readonly key: TpmPublic;
}

/** Time limits of their own. */
type Patience = Exclude<keyof TpmLimits, "timeoutMs">;

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

  execute(command: Omit<Command, "timeoutMs">, patience?: Patience): Promise<Response> {
    return this.#channel.execute({ ...command, timeoutMs: this.#limits[patience ?? "timeoutMs"] });
  }

  /** As {@link execute}, for who can go on after a refusal. */
  ask(command: Omit<Command, "timeoutMs">, patience?: Patience): Promise<Answer> {
    return this.#channel.ask({ ...command, timeoutMs: this.#limits[patience ?? "timeoutMs"] });
  }

  /** A key made from its template, the same at every call. */
  async withPrimary<T>(hierarchy: number, template: Uint8Array, use: (key: LoadedKey) => Promise<T>): Promise<T> {
    const isRsa = template[1] === ALGORITHM.rsa;
    const { handle, parameters } = await this.execute(
      {
        name: "CreatePrimary",
        handles: [hierarchy],
        authorizations: ["empty-password"],
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
      },
      isRsa ? "rsaKeyTimeoutMs" : "keyTimeoutMs",
    );
    return this.#flushedAfter(handle, () => {
      const publicArea = finished("CreatePrimary", parameters, readPrimary);
      const key = decodePublic(publicArea);
      if (!key.ok) throw badWire(`the TPM made another key than asked for: ${key.reason}`);
      return use({ handle, publicArea, key: key.value });
    });
  }

  withStorageRoot<T>(use: (root: LoadedKey) => Promise<T>): Promise<T> {
    return this.withPrimary(HIERARCHY.owner, storageRootTemplate(), use);
  }

  async withLoaded<T>(parent: LoadedKey, blob: SealedBlob, use: (handle: number) => Promise<T>): Promise<T> {
    requireLength("sealed blob", blob.publicPart, 1, MAX_BLOB_PART_BYTES);
    requireLength("sealed blob", blob.privatePart, 1, MAX_BLOB_PART_BYTES);
    const { handle, parameters } = await this.execute({
      name: "Load",
      handles: [parent.handle],
      authorizations: ["empty-password"],
      parameters: new ByteWriter()
        .u16(blob.privatePart.length)
        .bytes(blob.privatePart)
        .u16(blob.publicPart.length)
        .bytes(blob.publicPart)
        .finish(),
      returnsHandle: true,
    });
    return this.#flushedAfter(handle, () => {
      requireName("Load", parameters, blob.publicPart);
      return use(handle);
    });
  }

  /** A public key from outside, which the TPM is to check signatures with. */
  async withExternal<T>(publicArea: Uint8Array, use: (handle: number) => Promise<T>): Promise<T> {
    const { handle, parameters } = await this.execute({
      name: "LoadExternal",
      parameters: new ByteWriter()
        .u16(0) // no private part
        .u16(publicArea.length)
        .bytes(publicArea)
        // A ticket that says "checked by this TPM" is not given for a key of the null hierarchy.
        .u32(HIERARCHY.owner)
        .finish(),
      returnsHandle: true,
    });
    return this.#flushedAfter(handle, () => {
      requireName("LoadExternal", parameters, publicArea);
      return use(handle);
    });
  }

  async withSession<T>(
    type: keyof typeof SESSION,
    secretIn: SecretIn,
    root: LoadedKey,
    use: (session: SaltedSession) => Promise<T>,
  ): Promise<T> {
    const { handle, begin } = await this.#startSession(type, secretIn, root);
    return this.#flushedAfter(handle, () => use(begin()));
  }

  /** As {@link withSession}, where the storage root is needed for nothing else: it makes room at once. */
  async withOwnSession<T>(
    type: keyof typeof SESSION,
    secretIn: SecretIn,
    use: (session: SaltedSession) => Promise<T>,
  ): Promise<T> {
    const { handle, begin } = await this.withStorageRoot((root) => this.#startSession(type, secretIn, root));
    return this.#flushedAfter(handle, () => use(begin()));
  }

  async #startSession(
    type: keyof typeof SESSION,
    secretIn: SecretIn,
    root: LoadedKey,
  ): Promise<{ readonly handle: number; readonly begin: () => SaltedSession }> {
    if (root.key.kind !== "ecc") throw badWire("the TPM made another storage root than asked for");
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
    const begin = (): SaltedSession => {
      const nonceTpm = finished("StartAuthSession", parameters, (reader) => copyBytes(reader.take(reader.u16())));
      return new SaltedSession({ handle, salt, nonceCaller, nonceTpm }, secretIn, this.#random);
    };
    return { handle, begin };
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

/** A whole response that is one length and as many bytes. */
export function finishedBytes(name: string, { parameters }: Response): Bytes {
  return finished(name, parameters, (reader) => copyBytes(reader.take(reader.u16())));
}

function requireName(name: string, parameters: ByteReader, publicArea: Uint8Array): void {
  const loaded = finished(name, parameters, (reader) => copyBytes(reader.take(reader.u16())));
  if (!equalBytes(loaded, objectName(publicArea))) throw badWire("the TPM loaded another object than given");
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

/** A ticket: tag, hierarchy, digest. */
export function skipTicket(reader: ByteReader): void {
  reader.take(6);
  reader.take(reader.u16());
}
