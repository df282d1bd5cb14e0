/**
 * A salted TPM session: commands and responses carry an HMAC, and a secret parameter is encrypted on its way, so that
 * whoever listens on the wires to the chip learns nothing and whoever changes a bit is noticed.
 * TCG TPM 2.0 Library, part 1, sections 19 and 21; AES-128-CFB and SHA-256 throughout.
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, createHmac, timingSafeEqual } from "node:crypto";
import { ByteWriter, concatBytes, type Bytes } from "../../kernel/bytes.ts";
import { agreeWith, kdfa, type AgreedSecret } from "../../kernel/tpm-kdf.ts";
import type { EccPublic } from "../../kernel/tpm-public.ts";
import type { Random } from "../../ports/random.ts";
import { badWire } from "./transport.ts";

const NONCE_BYTES = 16;
/** TPMA_SESSION bits. */
const CONTINUE = 0x01;
const DECRYPT = 0x20;
const ENCRYPT = 0x40;

/** Which side's first parameter is a secret. `command` goes into the TPM, `response` comes out. */
export type SecretIn = "command" | "response";

/** A fresh salt for the TPM's storage root. */
export function freshSalt(root: EccPublic): AgreedSecret {
  const salt = agreeWith(root, "SECRET");
  if (salt === undefined) throw badWire("the TPM's storage root is not a point of its curve");
  return salt;
}

export interface SessionStart {
  readonly handle: number;
  readonly salt: AgreedSecret;
  readonly nonceCaller: Uint8Array;
  readonly nonceTpm: Uint8Array;
}

export interface SecuredCommand {
  readonly code: number;
  readonly handleNames: readonly Uint8Array[];
  readonly parameters: Uint8Array;
}

export interface SecuredResponse {
  readonly code: number;
  readonly parameters: Uint8Array;
  readonly nonceTpm: Uint8Array;
  readonly attributes: number;
  readonly hmac: Uint8Array;
}

/** Used for one command after another, never for two at once: each answer renews the nonces. */
export class SaltedSession {
  readonly handle: number;
  readonly #random: Random;
  readonly #key: Bytes;
  readonly #secretIn: SecretIn;
  #nonceCaller: Uint8Array;
  #nonceTpm: Uint8Array;

  constructor(start: SessionStart, secretIn: SecretIn, random: Random) {
    this.handle = start.handle;
    this.#random = random;
    this.#secretIn = secretIn;
    this.#nonceCaller = start.nonceCaller;
    this.#nonceTpm = start.nonceTpm;
    this.#key = kdfa(start.salt.secret, "ATH", start.nonceTpm, start.nonceCaller, 256);
  }

  static nonce(random: Random): Bytes {
    return random.bytes(NONCE_BYTES);
  }

  /** The parameters as they go out (the first encrypted when it is the secret) and the authorisation area. */
  secure(command: SecuredCommand): { readonly parameters: Uint8Array; readonly authorization: Bytes } {
    this.#nonceCaller = SaltedSession.nonce(this.#random);
    const attributes = CONTINUE | (this.#secretIn === "command" ? DECRYPT : ENCRYPT);
    const parameters =
      this.#secretIn === "command"
        ? this.#crypt(command.parameters, "encrypt", this.#nonceCaller, this.#nonceTpm)
        : command.parameters;
    const parametersHash = createHash("sha256")
      .update(new ByteWriter().u32(command.code).finish())
      .update(concatBytes(...command.handleNames, parameters))
      .digest();
    const hmac = this.#hmac(parametersHash, this.#nonceCaller, this.#nonceTpm, attributes);
    const authorization = new ByteWriter()
      .u32(this.handle)
      .u16(this.#nonceCaller.length)
      .bytes(this.#nonceCaller)
      .u8(attributes)
      .u16(hmac.length)
      .bytes(hmac)
      .finish();
    return { parameters, authorization };
  }

  /** The response's parameters in clear. Nothing is decrypted before its HMAC held. @throws AgentError "TPM_BAD_WIRE" */
  open(response: SecuredResponse): Uint8Array {
    const responseHash = createHash("sha256")
      .update(new ByteWriter().u32(0).u32(response.code).finish())
      .update(response.parameters)
      .digest();
    const expected = this.#hmac(responseHash, response.nonceTpm, this.#nonceCaller, response.attributes);
    if (response.hmac.length !== expected.length || !timingSafeEqual(response.hmac, expected)) {
      throw badWire("the TPM's response was changed on its way: its HMAC does not match");
    }
    this.#nonceTpm = response.nonceTpm;
    if (this.#secretIn === "command") return response.parameters;
    return this.#crypt(response.parameters, "decrypt", response.nonceTpm, this.#nonceCaller);
  }

  #hmac(hash: Uint8Array, newer: Uint8Array, older: Uint8Array, attributes: number): Uint8Array {
    return createHmac("sha256", this.#key)
      .update(concatBytes(hash, newer, older, Uint8Array.of(attributes)))
      .digest();
  }

  /** The content of the first parameter, which has two bytes of length before it. */
  #crypt(parameters: Uint8Array, way: "encrypt" | "decrypt", newer: Uint8Array, older: Uint8Array): Uint8Array {
    const length = parameters.length < 2 ? 0 : new DataView(parameters.buffer, parameters.byteOffset).getUint16(0);
    if (parameters.length < 2 + length) throw badWire("the encrypted parameter is truncated");
    const keys = kdfa(this.#key, "CFB", newer, older, 256);
    const make = way === "encrypt" ? createCipheriv : createDecipheriv;
    const cipher = make("aes-128-cfb", keys.subarray(0, 16), keys.subarray(16));
    return concatBytes(
      parameters.subarray(0, 2),
      cipher.update(parameters.subarray(2, 2 + length)),
      parameters.subarray(2 + length),
    );
  }
}
