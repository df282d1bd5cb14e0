/**
 * Checkpoints: an author's ML-DSA-44 signature over the Merkle root of its log, against those who could one day forge
 * Ed25519. A checkpoint is an ordinary file of that author, always under one name, so that only the newest is offered.
 *
 * Layout: 1 (format); author id (8); entries that it covers (u32); Merkle root (32); ML-DSA-44 public key (1,312); signature
 * (2,420) over "caye checkpoint v1" ‖ author id ‖ entries ‖ root. 3,777 bytes: 17 packets.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, concatBytes, copyBytes, equalBytes, utf8 } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { AUTHOR_ID_BYTES, type Author } from "./author.ts";
import { sha256 } from "./cid.ts";
import { MerkleTree } from "./merkle.ts";
import { ML_DSA_PUBLIC_KEY_BYTES, ML_DSA_SIGNATURE_BYTES, verifyMlDsa } from "../kernel/ml-dsa.ts";
import type { Shard } from "./shard.ts";

export const CHECKPOINT_NAME = "caye-checkpoint";
export const CHECKPOINT_BYTES = 1 + AUTHOR_ID_BYTES + 4 + 32 + ML_DSA_PUBLIC_KEY_BYTES + ML_DSA_SIGNATURE_BYTES;
const FORMAT = 1;
/** Entries that are read at a time. */
const PAGE = 256;

export interface Checkpoint {
  readonly author: Uint8Array;
  readonly count: number;
  readonly root: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** Over the first `count` entries of the own log. */
export function makeCheckpoint(author: Author, count: number, root: Uint8Array): Bytes {
  const signature = author.mlDsa.sign(messageOf(author.id, count, root));
  const writer = new ByteWriter().u8(FORMAT).bytes(author.id).u32(count).bytes(root);
  return writer.bytes(author.mlDsa.publicKey).bytes(signature).finish();
}

/** The form only. */
export function decodeCheckpoint(bytes: Uint8Array): Decoded<Checkpoint> {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== FORMAT) reader.fail("checkpoint of an unknown format");
  const author = copyBytes(reader.take(AUTHOR_ID_BYTES));
  const count = reader.u32();
  const [root, publicKey] = [copyBytes(reader.take(32)), copyBytes(reader.take(ML_DSA_PUBLIC_KEY_BYTES))];
  const signature = copyBytes(reader.take(ML_DSA_SIGNATURE_BYTES));
  if (count === 0) reader.fail("checkpoint of nothing");
  const failure = reader.done();
  return failure === undefined ? decoded({ author, count, root, publicKey, signature }) : refused(failure);
}

/** True when it is by the holder of the ML-DSA key of that SHA-256, for that author. */
export function isSignedBy(checkpoint: Checkpoint, author: Uint8Array, mlDsaFingerprint: Uint8Array): boolean {
  const { count, root, publicKey, signature } = checkpoint;
  if (!equalBytes(checkpoint.author, author) || !equalBytes(sha256(publicKey), mlDsaFingerprint)) return false;
  return verifyMlDsa(publicKey, messageOf(author, count, root), signature);
}

/** Of the first `count` entries, as they are held; undefined when fewer are. @throws as `Shard.entries` */
export async function merkleRootOf(
  shard: Pick<Shard, "entries">,
  author: Uint8Array,
  count: number,
): Promise<Bytes | undefined> {
  const tree = new MerkleTree();
  while (tree.count < count) {
    const { entries } = await shard.entries(author, tree.count + 1, PAGE);
    if (entries.length === 0) return undefined;
    for (const entry of entries.slice(0, count - tree.count)) tree.add(entry);
  }
  return tree.root();
}

function messageOf(author: Uint8Array, count: number, root: Uint8Array): Bytes {
  return concatBytes(utf8("caye checkpoint v1"), author, new ByteWriter().u32(count).finish(), root);
}
