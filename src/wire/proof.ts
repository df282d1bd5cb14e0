/** PROOF: a node's answer to a PROBE, or a piece of it. @module */
import { copyBytes, type ByteReader, type ByteWriter } from "../kernel/bytes.ts";
import { within, type MessageCodec } from "./message-codec.ts";

export interface Proof {
  readonly type: "proof";
  /** The first 4 bytes of the author id of the node that answers. */
  readonly author: Uint8Array;
  /** The first 2 bytes of the nonce that it answers to. */
  readonly re: number;
  /** Which piece, from 0, of how many, 1 or 2. */
  readonly piece: number;
  readonly pieces: number;
  /** The compact quote (`attest/compact.ts`), or a piece of it; 1 … 223 bytes. */
  readonly body: Uint8Array;
}

export const MAX_PROOF_PIECES = 2;
const SHORT_AUTHOR_BYTES = 4;
/** First byte, piece, author, reference. */
export const PROOF_OVERHEAD_BYTES = 1 + 1 + SHORT_AUTHOR_BYTES + 2;
const MAX_BODY_BYTES = 231 - PROOF_OVERHEAD_BYTES;

export const proofCodec: MessageCodec<Proof> = {
  type: "proof",
  number: 14,
  write: writeProof,
  read: readProof,
  flaw: flawOfProof,
};

function writeProof(writer: ByteWriter, { author, re, piece, pieces, body }: Proof): void {
  writer
    .u8(16 * piece + pieces - 1)
    .bytes(author)
    .u16(re)
    .bytes(body);
}

function readProof(reader: ByteReader): Proof {
  const head = reader.u8();
  const author = copyBytes(reader.take(SHORT_AUTHOR_BYTES));
  const re = reader.u16();
  const body = copyBytes(reader.rest());
  return { type: "proof", author, re, piece: head >> 4, pieces: (head & 0x0f) + 1, body };
}

function flawOfProof({ author, re, piece, pieces, body }: Proof): string | undefined {
  if (author.length !== SHORT_AUTHOR_BYTES) return "author not 4 bytes";
  if (!within(re, 0, 0xffff)) return "reference not 16 bits";
  if (!within(pieces, 1, MAX_PROOF_PIECES) || !within(piece, 0, pieces - 1)) return "piece out of range";
  return within(body.length, 1, MAX_BODY_BYTES) ? undefined : "body not 1 to 223 bytes";
}
