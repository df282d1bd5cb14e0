/**
 * Text files of ours, to be carried on a stick and read by people: a first line that says what it is, for
 * example `caye-policy 1`; a JSON object; then signatures in base64, a line each. What is signed is all that stands above
 * them, so that the first line keeps one kind of file from passing for another.
 *
 * A file has one form only: whoever decodes encodes again and compares ({@link inItsOneForm}).
 * @module
 */
import { concatBytes, copyBytes, equalBytes, fromUtf8, utf8, type Bytes } from "./bytes.ts";
import { decoded, refused, type Decoded } from "./decoded.ts";
import { parseJson } from "./json.ts";

export interface TextFile {
  /** Any JSON; the caller's schema judges it. */
  readonly body: unknown;
  /** The bytes above the signatures. */
  readonly signed: Bytes;
  readonly signatures: readonly Bytes[];
}

export interface TextForm {
  readonly head: string;
  readonly maxBytes: number;
  readonly signatures: number;
}

/** The part above the signatures. */
export function textOf(head: string, body: unknown): Bytes {
  return utf8(`${head}\n${JSON.stringify(body, undefined, 2)}\n`);
}

export function withSignatures(text: Uint8Array, signatures: readonly Uint8Array[]): Bytes {
  return concatBytes(text, utf8(signatures.map((signature) => `${toBase64(signature)}\n`).join("")));
}

export function decodeTextFile(file: Uint8Array, { head, maxBytes, signatures }: TextForm): Decoded<TextFile> {
  if (file.length > maxBytes) return refused("file too long");
  const lines = (fromUtf8(file) ?? "").split("\n");
  if (lines.shift() !== head || lines.pop() !== "") return refused("not that kind of file");
  const base64 = signatures === 0 ? [] : lines.splice(-signatures);
  if (base64.length !== signatures) return refused("signature missing");
  const json = utf8(lines.join("\n"));
  const body = parseJson(json);
  if (body === undefined) return refused("not JSON");
  const signed = concatBytes(utf8(`${head}\n`), json, utf8("\n"));
  const decodedSignatures = base64.map(fromBase64);
  const whole = decodedSignatures.filter((signature) => signature !== undefined);
  if (whole.length !== signatures) return refused("signature not in base64");
  return decoded({ body, signed, signatures: whole });
}

/** The value, if it encodes to just these bytes again. */
export function inItsOneForm<T>(value: T, encode: (value: T) => Uint8Array, file: Uint8Array): Decoded<T> {
  return equalBytes(encode(value), file) ? decoded(value) : refused("not in its one form");
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

/** Undefined unless the text is just what {@link toBase64} gives of some bytes. */
export function fromBase64(text: string): Bytes | undefined {
  const bytes = copyBytes(Buffer.from(text, "base64"));
  return toBase64(bytes) === text ? bytes : undefined;
}
