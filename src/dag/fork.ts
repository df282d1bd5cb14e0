/**
 * Proof that an author signed two histories, as few bytes as can be: it goes over the air.
 *
 * A signature covers a head, and a head all entries before it; so two signed heads of one position that differ prove a fork
 * without any entry. Where the two were signed at different positions, the proof stands at the lower, and brings the entries
 * that lead on from there to the higher.
 *
 * Layout: 1 (format); public key (32); position (varint); twice, the lower head first: head at that position (32),
 * signature (64); then a varint f: 0 when both signatures are over these heads; else 2 × n + b: branch b, 0 or 1, was signed
 * n entries further on, and these follow, each as length u8 and bytes. Without such entries 228 bytes.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, copyBytes, equalBytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { SIGNATURE_BYTES } from "../kernel/ed25519.ts";
import { MAX_ENTRY_BYTES, PUBLIC_KEY_BYTES } from "./entry.ts";
import { nextHead, verifyHead } from "./index-log.ts";

export const FORK_FORMAT = 1;
const HEAD_BYTES = 32;
/** Entries between the two signatures. */
const MAX_FURTHER = 1024;

/** Evidence that is kept. */
export interface ForkRow {
  /** The author's id, 8 bytes. */
  readonly author: Bytes;
  /** A position at which the two histories differ; the first may lie before it. */
  readonly seq: number;
  readonly evidence: Bytes;
}

/** What became of evidence. */
export type ForkVerdict =
  /** It holds, and the author is in quarantine from now on. */
  | { readonly kind: "proven"; readonly author: Bytes; readonly seq: number }
  /** The author is in quarantine already. */
  | { readonly kind: "known" }
  /** Nothing is held of that author: there is nothing to put in quarantine. */
  | { readonly kind: "stranger" }
  | { readonly kind: "refused"; readonly reason: string };

/** One signed history, from the position of the proof on. */
export interface SignedBranch {
  /** Head at the position of the proof. */
  readonly head: Uint8Array;
  /** From the next position on, up to the one that is signed. */
  readonly further: readonly Uint8Array[];
  readonly signature: Uint8Array;
}

export interface ForkProof {
  readonly publicKey: Uint8Array;
  readonly seq: number;
  /** At least one has no further entries. */
  readonly branches: readonly [SignedBranch, SignedBranch];
}

/** The same bytes, whichever branch comes first. @throws RangeError when it could not be decoded again: a fault of ours */
export function encodeFork({ publicKey, seq, branches: [a, b] }: ForkProof): Bytes {
  const branches = Buffer.compare(a.head, b.head) <= 0 ? [a, b] : [b, a];
  const writer = new ByteWriter().u8(FORK_FORMAT).bytes(publicKey).varint(seq);
  for (const { head, signature } of branches) writer.bytes(head).bytes(signature);
  const longer = branches.findIndex(({ further }) => further.length > 0);
  const further = branches[longer]?.further ?? [];
  writer.varint(2 * further.length + Math.max(longer, 0));
  for (const entry of further) writer.u8(entry.length).bytes(entry);
  const evidence = writer.finish();
  const round = decodeFork(evidence);
  if (!round.ok) throw new RangeError(`cannot be evidence: ${round.reason}`);
  return evidence;
}

/** The form only: {@link forkFlaw} says whether it proves anything. */
export function decodeFork(bytes: Uint8Array): Decoded<ForkProof> {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== FORK_FORMAT) reader.fail("evidence of an unknown format");
  const publicKey = copyBytes(reader.take(PUBLIC_KEY_BYTES));
  const seq = reader.varint();
  const [first, second] = [takeSigned(reader), takeSigned(reader)];
  const longer = reader.varint();
  const count = Math.floor(longer / 2);
  if (longer === 1 || count > MAX_FURTHER) reader.fail("wrong number of entries");
  const further: Bytes[] = [];
  while (further.length < count && reader.failure === undefined) further.push(takeEntry(reader));
  if (seq < 1 || seq + count > 0xffff_ffff) reader.fail("wrong position");
  if (Buffer.compare(first.head, second.head) >= 0) reader.fail("heads not in order");
  const failure = reader.done();
  if (failure !== undefined) return refused(failure);
  const [ofFirst, ofSecond] = longer % 2 === 0 ? [further, []] : [[], further];
  const branches = [
    { ...first, further: ofFirst },
    { ...second, further: ofSecond },
  ] as const;
  return decoded({ publicKey, seq, branches });
}

/** What is wrong with a proof; undefined when its author did sign two histories. */
export function forkFlaw({ publicKey, seq, branches }: ForkProof): string | undefined {
  const [a, b] = branches;
  if (equalBytes(a.head, b.head)) return "two heads that are one";
  const signed = branches.every(({ head, further, signature }) => {
    const end = further.reduce<Uint8Array>(nextHead, head);
    return verifyHead(publicKey, seq + further.length, end, signature);
  });
  return signed ? undefined : "wrong signature";
}

function takeSigned(reader: ByteReader): { readonly head: Bytes; readonly signature: Bytes } {
  return { head: copyBytes(reader.take(HEAD_BYTES)), signature: copyBytes(reader.take(SIGNATURE_BYTES)) };
}

function takeEntry(reader: ByteReader): Bytes {
  const length = reader.u8();
  if (length < 1 || length > MAX_ENTRY_BYTES) reader.fail("entry too long");
  return copyBytes(reader.take(length));
}
