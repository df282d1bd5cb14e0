/**
 * An alert with its author, its number and its signature: whole in itself, no log has to come before it.
 *
 * An author numbers alerts from 1 upward, apart from its index log. The signature is Ed25519 over `caye alert v1` ‖ author
 * id (8) ‖ number (u32) ‖ body.
 * @module
 */
import { createHash } from "node:crypto";
import { ByteWriter, type Bytes, toHex, utf8 } from "../kernel/bytes.ts";

export interface SignedAlert {
  /** 8 bytes. */
  readonly author: Uint8Array;
  /** The author's public key (32), where it is known; its hash begins with the author id. */
  readonly publicKey: Uint8Array | undefined;
  /** 1 … 2^31 − 1, rising with each alert of the author. */
  readonly number: number;
  /** `notice-codec.ts`. */
  readonly body: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
}

export const MAX_ALERT_NUMBER = 0x7fff_ffff;

/** What is signed. */
export function signedBytes({ author, number, body }: Pick<SignedAlert, "author" | "number" | "body">): Bytes {
  return new ByteWriter().bytes(utf8("caye alert v1")).bytes(author).u32(number).bytes(body).finish();
}

/** The SHA-256 of what is signed: equal for equal alerts, however they came. */
export function digestOf(alert: Pick<SignedAlert, "author" | "number" | "body">): Bytes {
  return new Uint8Array(createHash("sha256").update(signedBytes(alert)).digest());
}

/** For people, and unique where no two authors begin alike: `3f9a1c20-7`. */
export function alertId({ author, number }: Pick<SignedAlert, "author" | "number">): string {
  return `${toHex(author.subarray(0, 4))}-${number}`;
}

/**
 * How an alert is named to others in three bytes, as a number. The salt is the speaker's: two alerts that are alike under
 * one soon differ under the next, so that nobody can make an alert that passes for another.
 */
export function tagOf(digest: Uint8Array, salt: number): number {
  const hash = createHash("sha256")
    .update(Uint8Array.of(salt >> 8, salt & 0xff))
    .update(digest)
    .digest();
  return hash.readUIntBE(0, 3);
}
