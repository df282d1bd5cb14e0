/** KDFa and KDFe of the TPM with SHA-256. TCG TPM 2.0 Library, part 1, sections 11.4.10.2 and 11.4.10.3. @module */
import { createHash, createHmac } from "node:crypto";
import { ByteWriter, concatBytes, utf8, type Bytes } from "./bytes.ts";

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

function blocks(bits: number, block: (counter: number) => Uint8Array): Bytes {
  const needed = Math.ceil(bits / 256);
  const all = concatBytes(...Array.from({ length: needed }, (_, i) => block(i + 1)));
  return all.slice(0, bits / 8);
}

function u32(value: number): Bytes {
  return new ByteWriter().u32(value).finish();
}
