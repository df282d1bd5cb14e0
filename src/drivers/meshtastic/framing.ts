/**
 * The byte stream between a client and a Meshtastic radio: frames `94 C3 length(16 bit, big-endian) message`, of at
 * most 512 bytes of message, with log text of the firmware between them on serial lines.
 *
 * The message is not escaped: `94 C3` inside it is ordinary content. So a frame is skipped by its length and its
 * content is never searched. Only outside frames do we look for the mark. (Source: firmware `StreamAPI.cpp`.)
 * @module
 */
import type { Bytes } from "../../kernel/bytes.ts";

export const MARK_0 = 0x94;
export const MARK_1 = 0xc3;
/** The largest message in bytes; a greater length is not a frame. */
export const MAX_MESSAGE_BYTES = 512;
const HEADER_BYTES = 4;
/** Longer log lines come in pieces of this many characters. */
const MAX_LINE_CHARACTERS = 240;
// The escape character opens a terminal colour, which the firmware writes into its log.
const COLOUR = new RegExp(String.raw`${String.fromCodePoint(0x1b)}\[[0-9;]*m?`, "g");

/** What stood in the stream, in its order. A message's bytes are on a buffer of their own. */
export type Frame =
  | { readonly kind: "message"; readonly bytes: Bytes }
  /** A line that the firmware logged between frames. */
  | { readonly kind: "text"; readonly line: string };

export interface FramingCounts {
  readonly messages: number;
  readonly lines: number;
  /** Marks that were followed by an impossible length. */
  readonly resyncs: number;
  /** Bytes outside frames that are no text either. */
  readonly noiseBytes: number;
}

/** The message as one frame. @throws RangeError above {@link MAX_MESSAGE_BYTES}: a fault of ours */
export function frame(message: Uint8Array): Bytes {
  if (message.length > MAX_MESSAGE_BYTES) throw new RangeError("message too long for a frame");
  const bytes = new Uint8Array(HEADER_BYTES + message.length);
  bytes.set([MARK_0, MARK_1, message.length >> 8, message.length & 0xff]);
  bytes.set(message, HEADER_BYTES);
  return bytes;
}

type Step =
  /** Outside a frame; `header` holds what may be the beginning of one. */
  { readonly kind: "outside" } | { readonly kind: "inside"; readonly bytes: Bytes; filled: number };

/**
 * Cuts a stream into frames, whatever pieces it arrives in. Holds at most one message and one line.
 *
 * In step again after nonsense: when the length after a mark is impossible, the mark was none, and the search goes on
 * with the very next byte (which may begin a real mark). A false mark with a possible length costs that length.
 */
export class FrameReader {
  #step: Step = { kind: "outside" };
  #header: number[] = [];
  #line = "";
  #messages = 0;
  #lines = 0;
  #resyncs = 0;
  #noiseBytes = 0;

  push(chunk: Uint8Array): Frame[] {
    const out: Frame[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#step.kind === "inside") at += this.#fill(this.#step, chunk.subarray(at), out);
      else this.#outside(chunk[at++] ?? 0, out);
    }
    return out;
  }

  counts(): FramingCounts {
    return {
      messages: this.#messages,
      lines: this.#lines,
      resyncs: this.#resyncs,
      noiseBytes: this.#noiseBytes,
    };
  }

  /** Takes what it needs of the chunk; returns how many bytes that was. */
  #fill(step: { readonly bytes: Bytes; filled: number }, chunk: Uint8Array, out: Frame[]): number {
    const taken = Math.min(step.bytes.length - step.filled, chunk.length);
    step.bytes.set(chunk.subarray(0, taken), step.filled);
    step.filled += taken;
    if (step.filled === step.bytes.length) this.#finish(step.bytes, out);
    return taken;
  }

  #outside(byte: number, out: Frame[]): void {
    const header = this.#header;
    if (header.length === 0 && byte !== MARK_0) {
      this.#text(byte, out);
      return;
    }
    header.push(byte);
    if (header.length === 2 && byte !== MARK_1) this.#reread(out);
    else if (header.length === HEADER_BYTES) this.#open(out);
  }

  #open(out: Frame[]): void {
    const length = ((this.#header[2] ?? 0) << 8) | (this.#header[3] ?? 0);
    if (length > MAX_MESSAGE_BYTES) {
      this.#resyncs++;
      this.#reread(out);
      return;
    }
    this.#header = [];
    this.#endLine(out);
    if (length === 0) this.#finish(new Uint8Array(0), out);
    else this.#step = { kind: "inside", bytes: new Uint8Array(length), filled: 0 };
  }

  /** The first byte of the header was no mark: count it, and look at the others afresh. At most 3 deep. */
  #reread(out: Frame[]): void {
    const [first, ...others] = this.#header;
    this.#header = [];
    if (first !== undefined) this.#noiseBytes++;
    for (const byte of others) this.#outside(byte, out);
  }

  #finish(bytes: Bytes, out: Frame[]): void {
    this.#step = { kind: "outside" };
    this.#messages++;
    out.push({ kind: "message", bytes });
  }

  #text(byte: number, out: Frame[]): void {
    if (byte === 0x0a || byte === 0x0d) this.#endLine(out);
    else if (byte === 0x09 || byte === 0x1b || (byte >= 0x20 && byte < 0x7f)) {
      this.#line += String.fromCodePoint(byte);
      if (this.#line.length >= MAX_LINE_CHARACTERS) this.#endLine(out);
    } else this.#noiseBytes++;
  }

  #endLine(out: Frame[]): void {
    const line = this.#line.replaceAll(COLOUR, "").trim();
    this.#line = "";
    if (line === "") return;
    this.#lines++;
    out.push({ kind: "text", line });
  }
}
