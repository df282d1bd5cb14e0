/**
 * A file as one CARv1 archive: to carry on a stick, or to send where there is a real network.
 *
 * Only the archive that we would write ourselves is read: one root, its own block first, our codecs, every block hashed, no
 * block twice, canonical throughout.
 * @module
 */
import { CarBufferReader } from "@ipld/car/buffer-reader";
import { blockLength, createWriter, headerLength } from "@ipld/car/buffer-writer";
import { type Bytes, copyBytes, equalBytes } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import { refOf } from "./block-ref.ts";
import { type Cid, codecOf, digestHex, digestOf, narrowCid, sha256 } from "./cid.ts";
import { joinFile } from "./join.ts";
import { FAN_OUT, MAX_FILE_BYTES, type Block, decodeManifest } from "./manifest.ts";
import { MAX_BLOCK_BYTES } from "./node.ts";
import type { Shard } from "./shard.ts";

const MAX_BLOCKS = 1 + FAN_OUT + MAX_FILE_BYTES / MAX_BLOCK_BYTES;
/** A file of the largest size, with a hash and a length before each block. */
export const MAX_CAR_BYTES = MAX_FILE_BYTES + MAX_BLOCKS * 64 + FAN_OUT * MAX_BLOCK_BYTES;
/** Blocks put at a time while importing. */
const STRIDE = 64;

export interface Car {
  readonly root: Cid;
  /** The root's block first. */
  readonly blocks: readonly Block[];
}

export function encodeCar({ root, blocks }: Car): Bytes {
  const size = blocks.reduce((sum, block) => sum + blockLength(block), headerLength({ roots: [root] }));
  const writer = createWriter(new ArrayBuffer(size), { roots: [root] });
  for (const block of blocks) writer.write(block);
  return copyBytes(writer.close());
}

export function decodeCar(bytes: Uint8Array): Decoded<Car> {
  if (bytes.length > MAX_CAR_BYTES) return refused("archive too large");
  let reader: CarBufferReader;
  try {
    reader = CarBufferReader.fromBytes(bytes);
  } catch {
    return refused("not a CAR archive");
  }
  if (reader.version !== 1) return refused("archive of another version");
  const [root, ...more] = reader.getRoots().map(narrowCid);
  if (root === undefined || more.length > 0) return refused("archive without exactly one root of ours");
  const blocks = demandBlocks(reader);
  if (!blocks.ok) return blocks;
  if (blocks.value[0]?.cid.equals(root) !== true) return refused("archive that does not begin with its root");
  const car = { root, blocks: blocks.value };
  return equalBytes(encodeCar(car), bytes) ? decoded(car) : refused("archive not in canonical form");
}

function demandBlocks(reader: CarBufferReader): Decoded<readonly Block[]> {
  const blocks = new Map<string, Block>();
  for (const { cid: found, bytes } of reader.blocks()) {
    const cid = narrowCid(found);
    if (cid === undefined) return refused("block with an unknown codec or hash");
    if (bytes.length > MAX_BLOCK_BYTES) return refused("block too large");
    if (!equalBytes(sha256(bytes), digestOf(cid))) return refused("block with a wrong hash");
    if (blocks.has(cid.toString())) return refused("block that comes twice");
    if (blocks.size === MAX_BLOCKS) return refused("too many blocks");
    blocks.set(cid.toString(), { cid, bytes: copyBytes(bytes) });
  }
  return decoded([...blocks.values()]);
}

/**
 * A file with all of its blocks, each once.
 * @throws AgentError "FILE_MISSING" when one is not here; "MANIFEST_BAD", "BLOCK_CORRUPT"
 */
export async function exportCar(shard: Pick<Shard, "getBlock" | "missingBlocks">, root: Cid): Promise<Bytes> {
  // Walks the tree with its bounds: what follows need not look at them again.
  const missing = await shard.missingBlocks(refOf(root));
  const blocks = new Map<string, Block>();
  const open: Cid[] = [root];
  for (let cid = open.pop(); cid !== undefined; cid = open.pop()) {
    if (blocks.has(digestHex(cid))) continue;
    const bytes = missing.length > 0 ? undefined : await shard.getBlock(refOf(cid));
    if (bytes === undefined) {
      throw new AgentError("FILE_MISSING", `a part of ${root.toString()} is not on this node`, {
        fix: `get it first: caye get ${root.toString()}`,
      });
    }
    blocks.set(digestHex(cid), { cid, bytes });
    const manifest = codecOf(cid) === "raw" ? undefined : decodeManifest(bytes);
    if (manifest?.ok === true) open.push(...manifest.value.parts.map((part) => part.cid).reverse());
  }
  return encodeCar({ root, blocks: [...blocks.values()] });
}

/** What became of an archive. */
export interface ImportedCar {
  readonly cid: Cid;
  /** Length of the file. */
  readonly bytes: number;
  /** Different blocks. */
  readonly blocks: number;
  /** Position of the announcement in the own log; undefined when the file was given no name. */
  readonly seq: number | undefined;
}

/**
 * Takes in the file of an archive: under a name as {@link Shard.putFile} does, without one as blocks that nobody is told
 * of. Refused before anything is stored, or on disk as a whole once it resolves.
 * @throws AgentError what {@link Shard.putFile} and {@link Shard.putBlock} throw
 */
export async function importCar(
  shard: Pick<Shard, "putBlock" | "putFile">,
  archive: Uint8Array,
  name?: string,
): Promise<Decoded<ImportedCar>> {
  const car = decodeCar(archive);
  if (!car.ok) return car;
  const { root, blocks } = car.value;
  const content = joinFile(root, blocks);
  if (!content.ok) return content;
  const imported = { cid: root, bytes: content.value.length, blocks: blocks.length };
  if (name !== undefined) return decoded({ ...imported, seq: (await shard.putFile(name, content.value)).seq });
  await putBlocks(shard, blocks);
  return decoded({ ...imported, seq: undefined });
}

/** The root, which comes first, last: whoever sees it finds what it names. */
async function putBlocks(shard: Pick<Shard, "putBlock">, [root, ...inner]: readonly Block[]): Promise<void> {
  for (let at = 0; at < inner.length; at += STRIDE) {
    await Promise.all(inner.slice(at, at + STRIDE).map(({ bytes, cid }) => shard.putBlock(bytes, refOf(cid))));
  }
  if (root !== undefined) await shard.putBlock(root.bytes, refOf(root.cid));
}
