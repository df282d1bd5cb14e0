/**
 * Many sources become one seed: HMAC-SHA-256 over all of them, each with its name and its length. The result is as
 * hard to guess as the hardest of them, so a bad source adds nothing and takes nothing away.
 * @module
 */
import { createHmac } from "node:crypto";
import { ByteWriter, concatBytes, utf8, type Bytes } from "../kernel/bytes.ts";

export interface SeedPart {
  /** Of the source: `kernel`, `tpm`, … Part of the input, so that two sources can't stand for each other. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Two blocks: twice the generator's strength, so that nothing is lost where the parts hold more than 256 bits. */
export const SEED_BYTES = 64;

const KEY = utf8("caye condition v1");

/** {@link SEED_BYTES} bytes; each depends on every part, on their order, and on where one ends and the next begins. */
export function condition(parts: readonly SeedPart[]): Bytes {
  const input = concatBytes(...parts.flatMap(({ name, bytes }) => [lengthened(utf8(name)), lengthened(bytes)]));
  const block = (number: number): Buffer =>
    createHmac("sha256", KEY).update(Uint8Array.of(number)).update(input).digest();
  const seed = concatBytes(block(1), block(2));
  input.fill(0);
  return seed;
}

function lengthened(bytes: Uint8Array): Bytes {
  return concatBytes(new ByteWriter().u32(bytes.length).finish(), bytes);
}
