/** Numbers of the firmware's and the kernel's logs: little-endian, unlike everything else here. @module */
import type { ByteReader } from "../../kernel/bytes.ts";

/** 0 after a failure of the reader, as with its own numbers. */
export function u16le(reader: ByteReader): number {
  return unsigned(reader.take(2));
}

export function u32le(reader: ByteReader): number {
  return unsigned(reader.take(4));
}

/** @throws never: beyond 2^53 it is Infinity, which is no length of anything */
export function u64le(reader: ByteReader): number {
  const value = unsigned(reader.take(8));
  return Number.isSafeInteger(value) ? value : Number.POSITIVE_INFINITY;
}

function unsigned(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
