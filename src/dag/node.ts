/**
 * Structured blocks: dag-cbor, accepted only in the one form that we would write ourselves.
 *
 * `@ipld/dag-cbor` alone also takes unsorted keys, short floats and `undefined`, and falls over deep nesting; so size and
 * depth are bounded first, and what was decoded must encode to the same bytes.
 * @module
 */
import { decode, encode } from "@ipld/dag-cbor";
import { type Bytes, copyBytes, equalBytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";

/** The largest block of any kind. */
export const MAX_BLOCK_BYTES = 16_384;
/** Arrays, maps and tags inside one another. */
export const MAX_NODE_DEPTH = 32;

/** The value of a block. Whole numbers beyond 2^53 come as bigint, links as CID. */
export function decodeNode(bytes: Uint8Array): Decoded<unknown> {
  if (bytes.length > MAX_BLOCK_BYTES) return refused("node too large");
  const flaw = shapeFlaw(bytes);
  if (flaw !== undefined) return refused(flaw);
  try {
    const value: unknown = decode(copyBytes(bytes));
    return equalBytes(encode(value), bytes) ? decoded(value) : refused("node not in canonical form");
  } catch {
    return refused("not dag-cbor");
  }
}

/**
 * The canonical bytes of a value of null, booleans, whole numbers, text, bytes, lists, maps with text keys, and links.
 * @throws Error when the value is no such thing, or takes more than {@link MAX_BLOCK_BYTES}: a fault of ours
 */
export function encodeNode(value: unknown): Bytes {
  const bytes = copyBytes(encode(value));
  const round = decodeNode(bytes);
  if (!round.ok) throw new RangeError(`cannot be a node: ${round.reason}`);
  return bytes;
}

/** Walks over heads only, with a list of open containers: neither recursion nor allocation grows with the content. */
function shapeFlaw(bytes: Uint8Array): string | undefined {
  const open: number[] = [1];
  let at = 0;
  while (open.length > 0) {
    const left = open.pop() ?? 0;
    if (left === 0) continue;
    open.push(left - 1);
    const head = readHead(bytes, at);
    if (head === undefined) return "not dag-cbor";
    at = head.end + (head.major === 2 || head.major === 3 ? head.argument : 0);
    if (at > bytes.length) return "not dag-cbor";
    const children = childrenOf(head);
    if (children === 0) continue;
    if (open.length > MAX_NODE_DEPTH) return "node too deep";
    if (children > bytes.length - at) return "not dag-cbor";
    open.push(children);
  }
  return at === bytes.length ? undefined : "not dag-cbor";
}

interface Head {
  readonly major: number;
  readonly argument: number;
  readonly end: number;
}

function childrenOf(head: Head): number {
  if (head.major === 4) return head.argument;
  if (head.major === 5) return 2 * head.argument;
  return head.major === 6 ? 1 : 0;
}

/** Undefined when truncated, of indefinite length, or reserved. */
function readHead(bytes: Uint8Array, at: number): Head | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  const major = first >> 5;
  const short = first & 0x1f;
  if (short < 24) return { major, argument: short, end: at + 1 };
  if (short > 27) return undefined;
  const size = 2 ** (short - 24);
  if (at + 1 + size > bytes.length) return undefined;
  let argument = 0;
  for (let i = 1; i <= size; i++) argument = argument * 256 + (bytes[at + i] ?? 0);
  return { major, argument, end: at + 1 + size };
}
