/**
 * Bytes: comparing, joining, naming in hex, and a reader and a writer for our own binary layouts.
 *
 * All integers are big-endian. A varint is unsigned LEB128, at most 5 bytes (0 … 2^32 − 1), in its shortest form.
 * @module
 */

export type Bytes = Uint8Array<ArrayBuffer>;

const HEX = /^(?:[0-9a-f]{2})*$/i;
const HEX_OF_BYTE = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A copy on a buffer of its own: what is kept must not pin the large buffer that it was cut from. */
export function copyBytes(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}

export function concatBytes(...parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Not constant in time: for secrets use `node:crypto`'s `timingSafeEqual`. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return bytes.length >= prefix.length && equalBytes(bytes.subarray(0, prefix.length), prefix);
}

export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX_OF_BYTE[byte];
  return text;
}

/** Undefined unless the text is whole bytes in hex, either case. */
export function fromHex(text: string): Bytes | undefined {
  if (!HEX.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

export function utf8(text: string): Bytes {
  return new Uint8Array(encoder.encode(text));
}

/** Undefined when the bytes are not well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Reads a layout from front to back and never throws: the first read beyond the end (or of a malformed varint) sets
 * {@link failure}; from then on numbers read as 0 and slices as empty. Check `failure` (or call {@link done}) once at
 * the end, and inside any loop whose count came from outside.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;
  #failure: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Record why the content is unacceptable, unless a reason stands already. */
  fail(reason: string): void {
    this.#failure ??= reason;
  }

  u8(): number {
    const at = this.#advance(1);
    return at === undefined ? 0 : this.#view.getUint8(at);
  }

  u16(): number {
    const at = this.#advance(2);
    return at === undefined ? 0 : this.#view.getUint16(at);
  }

  u32(): number {
    const at = this.#advance(4);
    return at === undefined ? 0 : this.#view.getUint32(at);
  }

  u64(): bigint {
    const at = this.#advance(8);
    return at === undefined ? 0n : this.#view.getBigUint64(at);
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8();
      if (this.#failure !== undefined) return 0;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) this.fail("varint not in its shortest form");
        if (value > 0xffff_ffff) this.fail("varint beyond 32 bits");
        return this.#failure === undefined ? value : 0;
      }
    }
    this.fail("varint too long");
    return 0;
  }

  /** A view, not a copy; empty after a failure. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return at === undefined ? this.#bytes.subarray(0, 0) : this.#bytes.subarray(at, at + length);
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** The failure, or "trailing bytes" when something is left over, or undefined when all was read and well. */
  done(): string | undefined {
    if (this.#failure === undefined && this.remaining > 0) this.fail("trailing bytes");
    return this.#failure;
  }

  #advance(length: number): number | undefined {
    if (this.#failure !== undefined) return undefined;
    if (length > this.remaining) {
      this.fail("truncated");
      return undefined;
    }
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** Builds a layout from front to back. @throws RangeError when a number does not fit its field: a fault of ours. */
export class ByteWriter {
  #parts: number[] = [];

  get length(): number {
    return this.#parts.length;
  }

  u8(value: number): this {
    return this.#unsigned(value, 1);
  }

  u16(value: number): this {
    return this.#unsigned(value, 2);
  }

  u32(value: number): this {
    return this.#unsigned(value, 4);
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn) throw new RangeError("u64 out of range");
    return this.u32(Number(value >> 32n)).u32(Number(value & 0xffff_ffffn));
  }

  varint(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) throw new RangeError("varint out of range");
    let left = value;
    while (left >= 0x80) {
      this.#parts.push((left % 0x80) | 0x80);
      left = Math.floor(left / 0x80);
    }
    this.#parts.push(left);
    return this;
  }

  bytes(bytes: Uint8Array): this {
    for (const byte of bytes) this.#parts.push(byte);
    return this;
  }

  finish(): Bytes {
    return Uint8Array.from(this.#parts);
  }

  #unsigned(value: number, size: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** (8 * size)) {
      throw new RangeError(`u${8 * size} out of range`);
    }
    for (let shift = size - 1; shift >= 0; shift--) this.#parts.push(Math.floor(value / 2 ** (8 * shift)) % 256);
    return this;
  }
}
