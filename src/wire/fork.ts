/** FORK: proof that an author signed two histories, or a piece of one. @module */
import { type ByteReader, type ByteWriter, copyBytes } from "../kernel/bytes.ts";
import { AUTHOR_ID_BYTES, within, type MessageCodec } from "./message-codec.ts";

/** The proof as `dag/fork.ts` lays it out, without its format and without the public key, which its receiver knows. */
export interface Fork {
  readonly type: "fork";
  /** 8 bytes. */
  readonly author: Uint8Array;
  /** Which piece, from 0, of how many, 1 … 8. */
  readonly piece: number;
  readonly pieces: number;
  /** 1 … 221 bytes. */
  readonly body: Uint8Array;
}

export const MAX_FORK_PIECES = 8;
/** First byte, piece, author. */
export const FORK_OVERHEAD_BYTES = 1 + 1 + AUTHOR_ID_BYTES;
const MAX_BODY_BYTES = 231 - FORK_OVERHEAD_BYTES;

export const forkCodec: MessageCodec<Fork> = {
  type: "fork",
  number: 11,
  write: writeFork,
  read: readFork,
  flaw: flawOfFork,
};

function writeFork(writer: ByteWriter, { author, piece, pieces, body }: Fork): void {
  writer
    .u8(16 * piece + pieces - 1)
    .bytes(author)
    .bytes(body);
}

function readFork(reader: ByteReader): Fork {
  const head = reader.u8();
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  return { type: "fork", author, piece: head >> 4, pieces: (head & 0x0f) + 1, body: copyBytes(reader.rest()) };
}

function flawOfFork({ author, piece, pieces, body }: Fork): string | undefined {
  if (author.length !== AUTHOR_ID_BYTES) return "author not 8 bytes";
  if (!within(pieces, 1, MAX_FORK_PIECES) || !within(piece, 0, pieces - 1)) return "piece out of range";
  return within(body.length, 1, MAX_BODY_BYTES) ? undefined : "body not 1 to 221 bytes";
}
