/**
 * A file put together from its blocks: the inverse of `splitFile`.
 * @module
 */
import { type Bytes, copyBytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { type Cid, codecOf, digestHex } from "./cid.ts";
import { type Block, type Manifest, decodeManifest, splitFile } from "./manifest.ts";

/**
 * The content, from exactly the blocks that {@link splitFile} gives for it, in any order.
 * @param blocks each hashed already: the bytes are what the CID names
 */
export function joinFile(root: Cid, blocks: readonly Block[]): Decoded<Bytes> {
  const byDigest = new Map(blocks.map(({ cid, bytes }) => [digestHex(cid), bytes]));
  const content = contentOf(root, byDigest);
  if (!content.ok) return content;
  const own = splitFile(content.value);
  if (!own.root.equals(root)) return refused("file in another form than ours");
  // The root names all the others: those that stand here besides belong to no file.
  const needed = new Set(own.blocks.map(({ cid }) => digestHex(cid)));
  return needed.size === byDigest.size ? content : refused("blocks that do not belong to the file");
}

type Held = ReadonlyMap<string, Uint8Array>;

function contentOf(root: Cid, held: Held): Decoded<Bytes> {
  const block = held.get(digestHex(root));
  if (block === undefined) return refused("root missing");
  if (codecOf(root) === "raw") return decoded(copyBytes(block));
  const manifest = decodeManifest(block);
  if (!manifest.ok) return manifest;
  const content = new Uint8Array(manifest.value.bytes);
  const flaw = fill(manifest.value, held, content);
  return flaw === undefined ? decoded(content) : refused(flaw);
}

/** Two levels deep at most: the lengths fall, and a manifest's length decides what stands below it. */
function fill({ parts }: Manifest, held: Held, target: Uint8Array): string | undefined {
  let at = 0;
  for (const { cid, bytes: length } of parts) {
    const block = held.get(digestHex(cid));
    if (block === undefined) return "a block of the file is missing";
    const place = target.subarray(at, at + length);
    at += length;
    if (codecOf(cid) === "raw") {
      if (block.length !== length) return "a chunk of another length";
      place.set(block);
      continue;
    }
    const inner = decodeManifest(block);
    if (!inner.ok) return inner.reason;
    if (inner.value.bytes !== length) return "manifest whose lengths don't add up";
    const flaw = fill(inner.value, held, place);
    if (flaw !== undefined) return flaw;
  }
  return undefined;
}
