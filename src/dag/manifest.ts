/**
 * Files larger than one block: a tree of dag-cbor manifests over raw chunks.
 *
 * The shape follows from the length alone, so one content has one CID: chunks of 16,384 bytes (the last one shorter); up
 * to 384 chunks stand in one manifest; a longer file has a root over manifests of 384 chunks each (the last one fewer).
 * A manifest is `{ bytes, chunks: [link …], v: 1 }`, where `bytes` is the length of all that stands below it.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { type Cid, cidOf, codecOf, narrowCid } from "./cid.ts";
import { MAX_BLOCK_BYTES, decodeNode, encodeNode } from "./node.ts";

/** 64 MiB. */
export const MAX_FILE_BYTES = 67_108_864;
/** Links in one manifest: 384 × 41 bytes and a head stay below one block. */
export const FAN_OUT = 384;

const LEAF_BYTES = FAN_OUT * MAX_BLOCK_BYTES;

export interface Manifest {
  /** Length of the content below, 1 … {@link MAX_FILE_BYTES}. */
  readonly bytes: number;
  /** What stands below, in order, with the length that each part must have. */
  readonly parts: readonly { readonly cid: Cid; readonly bytes: number }[];
}

export interface Block {
  readonly cid: Cid;
  readonly bytes: Uint8Array;
}

/** A manifest, accepted only in the shape that {@link splitFile} gives to a content of that length. */
export function decodeManifest(bytes: Uint8Array): Decoded<Manifest> {
  const node = decodeNode(bytes);
  if (!node.ok) return node;
  const value = node.value;
  if (!isRecord(value) || Object.keys(value).length !== 3 || value["v"] !== 1) return refused("not a manifest");
  const { bytes: total, chunks } = value;
  if (!isLength(total)) return refused("manifest with a length that can't be");
  if (!Array.isArray(chunks) || chunks.length !== Math.ceil(total / partSize(total))) {
    return refused("manifest whose lengths don't add up");
  }
  return decodeParts(total, chunks);
}

function decodeParts(total: number, chunks: readonly unknown[]): Decoded<Manifest> {
  const partBytes = partSize(total);
  const codec = partBytes === MAX_BLOCK_BYTES ? "raw" : "dag-cbor";
  const parts: { cid: Cid; bytes: number }[] = [];
  for (const [i, link] of chunks.entries()) {
    const cid = narrowCid(link);
    if (cid === undefined || codecOf(cid) !== codec) return refused("manifest with a link that can't be");
    parts.push({ cid, bytes: Math.min(partBytes, total - i * partBytes) });
  }
  return decoded({ bytes: total, parts });
}

/**
 * The blocks of a file, its root first: one raw block, or manifests and chunks.
 * @throws RangeError above {@link MAX_FILE_BYTES}
 */
export function splitFile(content: Uint8Array): { readonly root: Cid; readonly blocks: readonly Block[] } {
  if (content.length > MAX_FILE_BYTES) throw new RangeError("file too large");
  const blocks: Block[] = [];
  const root = content.length <= MAX_BLOCK_BYTES ? rawBlock(content) : manifestOver(content, blocks);
  return { root: root.cid, blocks: [root, ...blocks] };
}

/** Puts everything below the manifest on `below`, in the order of the content. */
function manifestOver(content: Uint8Array, below: Block[]): Block {
  const partBytes = partSize(content.length);
  const chunks: Cid[] = [];
  for (let at = 0; at < content.length; at += partBytes) {
    const part = content.subarray(at, at + partBytes);
    const deeper: Block[] = [];
    const block = partBytes === MAX_BLOCK_BYTES ? rawBlock(part) : manifestOver(part, deeper);
    below.push(block, ...deeper);
    chunks.push(block.cid);
  }
  const bytes: Bytes = encodeNode({ v: 1, bytes: content.length, chunks });
  return { cid: cidOf("dag-cbor", bytes), bytes };
}

function partSize(total: number): number {
  return total <= LEAF_BYTES ? MAX_BLOCK_BYTES : LEAF_BYTES;
}

function rawBlock(bytes: Uint8Array): Block {
  return { cid: cidOf("raw", bytes), bytes };
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= MAX_FILE_BYTES;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
