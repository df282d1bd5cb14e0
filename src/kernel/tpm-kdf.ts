/**
 * KDFa and KDFe of the TPM with SHA-256, and secrets agreed on with a P-256 key in a TPM. TCG TPM 2.0 Library, part 1,
 * sections 11.4.10.2, 11.4.10.3 and C.6.1.
 * @module
 */
import { createECDH, createHash, createHmac } from "node:crypto";
import { ByteWriter, concatBytes, utf8, type Bytes } from "./bytes.ts";
import type { P256Point } from "./p256.ts";

/** @param bits a multiple of 8 */
export function kdfa(key: Uint8Array, label: string, u: Uint8Array, v: Uint8Array, bits: number): Bytes {
  const fixed = concatBytes(utf8(`${label}\0`), u, v, u32(bits));
  return blocks(bits, (counter) => createHmac("sha256", key).update(u32(counter)).update(fixed).digest());
}

/** From a shared elliptic curve secret. @param bits a multiple of 8 */
export function kdfe(z: Uint8Array, label: string, u: Uint8Array, v: Uint8Array, bits: number): Bytes {
  const fixed = concatBytes(z, utf8(`${label}\0`), u, v);
  return blocks(bits, (counter) => createHash("sha256").update(u32(counter)).update(fixed).digest());
}

/** A fresh secret, and the form in which only the TPM that holds the key can read it (TPMS_ECC_POINT). */
export interface AgreedSecret {
  /** 32 bytes. */
  readonly secret: Bytes;
  readonly encrypted: Bytes;
}

/** By an ephemeral key. Undefined when the point is not on the curve. @param label what the secret is for */
export function agreeWith({ x, y }: P256Point, label: string): AgreedSecret | undefined {
  const ephemeral = createECDH("prime256v1");
  const point = ephemeral.generateKeys();
  const own = { x: point.subarray(1, 33), y: point.subarray(33) };
  let shared: Uint8Array;
  try {
    shared = ephemeral.computeSecret(concatBytes(Uint8Array.of(4), x, y));
  } catch {
    return undefined;
  }
  const encrypted = new ByteWriter().u16(own.x.length).bytes(own.x).u16(own.y.length).bytes(own.y).finish();
  return { secret: kdfe(shared, label, own.x, x, 256), encrypted };
}

function blocks(bits: number, block: (counter: number) => Uint8Array): Bytes {
  const needed = Math.ceil(bits / 256);
  const all = concatBytes(...Array.from({ length: needed }, (_, i) => block(i + 1)));
  return all.slice(0, bits / 8);
}

function u32(value: number): Bytes {
  return new ByteWriter().u32(value).finish();
}
