/**
 * Blocks and the files made of them: every byte that leaves here was hashed on its way out.
 * @module
 */
import { equalBytes, startsWith, toHex } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { addBlocks } from "./add-blocks.ts";
import { type BlockRef, cidOfRef, isEmptyRef, refOf, textOfRef } from "./block-ref.ts";
import { type Cid, DIGEST_BYTES, cidFromDigest, cidOf, digestHex, digestOf, sha256 } from "./cid.ts";
import { HeldDigests } from "./held-digests.ts";
import { blockKey, blockRange } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { type Block, type Manifest, decodeManifest } from "./manifest.ts";
import { MAX_BLOCK_BYTES } from "./node.ts";
import { decodeBlockRecord } from "./records.ts";

const EMPTY = cidOf("raw", new Uint8Array());
/** A shorter beginning of a hash names nothing. */
const MIN_PREFIX_BYTES = 4;
/** Held blocks with one beginning that are looked at: anybody can make blocks whose hashes share a few bytes. */
const MAX_TWINS = 4;
const MAX_REMEMBERED = 4096;
/** To look one block up takes as long as to read the names of so many in a row. */
const NAMES_A_LOOK = 32;
/** Names are read into memory up to so many: 16 MB. */
const MAX_NAMES = 500_000;
/** Blocks of a file that are read at a time. */
const READ_AHEAD = 8;

/** A root that is here, and whether all that it names is here too. */
export interface RootState {
  readonly cid: Cid | undefined;
  readonly held: boolean;
}

export class Blocks {
  readonly #store: Store;
  readonly #ledger: Ledger;
  /** Digests of blocks that were read and found damaged: they count as missing until they are put again. */
  readonly #damaged = new Set<string>();
  /** By digest of a manifest: that all is here, or one block that was missing. Spares walking the tree again. */
  readonly #remembered = new Map<string, BlockRef | "held">();

  constructor(store: Store, ledger: Ledger) {
    this.#store = store;
    this.#ledger = ledger;
  }

  /** @throws AgentError "BLOCK_CORRUPT" */
  async get(ref: BlockRef): Promise<Uint8Array | undefined> {
    if (isEmptyRef(ref)) return new Uint8Array();
    const cid = await this.#find(ref);
    return cid === undefined ? undefined : this.#read(cid);
  }

  async has(ref: BlockRef): Promise<boolean> {
    return (await this.cidOf(ref)) !== undefined;
  }

  /** What makes it cheaper to ask for so many blocks in a row; undefined when nothing does. */
  async namesFor(rows: number): Promise<HeldDigests | undefined> {
    const { blocks } = this.#ledger.committed.totals();
    if (blocks > MAX_NAMES || blocks > NAMES_A_LOOK * rows) return undefined;
    return HeldDigests.read(this.#store, blocks);
  }

  /** The CID of a block that is here and not known to be damaged. @param names of {@link namesFor}, read lately */
  async cidOf(ref: BlockRef, names?: HeldDigests): Promise<Cid | undefined> {
    if (isEmptyRef(ref)) return EMPTY;
    if (names !== undefined && names.beginningWith(ref.digest, 1).length === 0) return undefined;
    const cid = await this.#find(ref, names);
    if (cid === undefined || this.#damaged.has(digestHex(cid))) return undefined;
    return ref.digest.length < DIGEST_BYTES || (await this.#store.has(blockKey(digestOf(cid)))) ? cid : undefined;
  }

  async put(bytes: Uint8Array, ref: BlockRef): Promise<Cid> {
    if (bytes.length > MAX_BLOCK_BYTES) {
      throw new AgentError("BLOCK_TOO_LARGE", `a block has at most ${MAX_BLOCK_BYTES} bytes`);
    }
    const cid = cidOf(ref.codec, bytes);
    if (!startsWith(digestOf(cid), ref.digest)) {
      throw new AgentError("BLOCK_MISMATCH", `these bytes are not the block ${textOfRef(ref)}`);
    }
    const block = { cid, bytes };
    await this.#ledger.commit((draft) => addBlocks(draft, [block]));
    this.arrived([block]);
    return cid;
  }

  /** The blocks are on disk now. */
  arrived(blocks: readonly Block[]): void {
    for (const { cid } of blocks) this.#damaged.delete(digestHex(cid));
  }

  async findByPrefix(prefix: Uint8Array): Promise<BlockRef | undefined> {
    if (prefix.length < MIN_PREFIX_BYTES || prefix.length > DIGEST_BYTES) return undefined;
    if (startsWith(digestOf(EMPTY), prefix)) return refOf(EMPTY);
    for await (const key of this.#store.keys({ ...blockRange(prefix), limit: MAX_TWINS })) {
      const digest = key.subarray(1);
      if (this.#damaged.has(toHex(digest))) continue;
      const record = await this.#record(digest);
      if (record !== undefined) return { codec: decodeBlockRecord(record).codec, digest };
    }
    return undefined;
  }

  /** @throws AgentError "BLOCK_CORRUPT", "MANIFEST_BAD" */
  async readFile(ref: BlockRef): Promise<Uint8Array | undefined> {
    const block = await this.get(ref);
    if (block === undefined || ref.codec === "raw") return block;
    const manifest = demandManifest(block, ref, undefined);
    const content = new Uint8Array(manifest.bytes);
    return (await this.#fill(manifest, ref, content)) ? content : undefined;
  }

  /** @throws AgentError "MANIFEST_BAD" */
  async missing(ref: BlockRef): Promise<readonly BlockRef[]> {
    const missing: BlockRef[] = [];
    for await (const lacking of this.#missing(ref, undefined)) missing.push(lacking);
    this.#remember(ref, missing[0] ?? "held");
    return missing;
  }

  /** What is here of a file. */
  async stateOf(ref: BlockRef, names?: HeldDigests): Promise<RootState> {
    const cid = await this.cidOf(ref, names);
    const held = cid !== undefined && (ref.codec === "raw" || (await this.#holdsTree(ref)));
    return { cid, held };
  }

  /** True when all that stands below a manifest is here. */
  async #holdsTree(ref: BlockRef): Promise<boolean> {
    const remembered = this.#remembered.get(toHex(ref.digest));
    if (remembered === "held") return true;
    if (remembered !== undefined && !(await this.has(remembered))) return false;
    try {
      for await (const lacking of this.#missing(ref, undefined)) {
        this.#remember(ref, lacking);
        return false;
      }
    } catch (error) {
      if (isAgentError(error, "MANIFEST_BAD")) return false;
      throw error;
    }
    this.#remember(ref, "held");
    return true;
  }

  /**
   * The whole name of a block, from the beginning of its hash: of several held ones that begin so, the first that is not
   * damaged. A whole name is given back unseen.
   */
  async #find(ref: BlockRef, names?: HeldDigests): Promise<Cid | undefined> {
    const whole = cidOfRef(ref);
    if (whole !== undefined) return whole;
    let damaged: Cid | undefined;
    for (const digest of names?.beginningWith(ref.digest, MAX_TWINS) ?? (await this.#beginningWith(ref.digest))) {
      const cid = cidFromDigest(ref.codec, digest);
      if (!this.#damaged.has(digestHex(cid))) return cid;
      damaged ??= cid;
    }
    return damaged;
  }

  async #beginningWith(prefix: Uint8Array): Promise<readonly Uint8Array[]> {
    const keys = await Array.fromAsync(this.#store.keys({ ...blockRange(prefix), limit: MAX_TWINS }));
    return keys.map((key) => key.subarray(1));
  }

  /** @throws AgentError "BLOCK_CORRUPT" */
  async #read(cid: Cid): Promise<Uint8Array | undefined> {
    try {
      const record = await this.#store.get(blockKey(digestOf(cid)));
      if (record === undefined) return undefined;
      const { bytes } = decodeBlockRecord(record);
      if (equalBytes(sha256(bytes), digestOf(cid))) return bytes;
    } catch (error) {
      if (!isAgentError(error, "STORE_CORRUPT")) throw error;
      throw this.#corrupt(cid, error);
    }
    throw this.#corrupt(cid);
  }

  /** A block's record; undefined when the disk has damaged it. */
  async #record(digest: Uint8Array): Promise<Uint8Array | undefined> {
    try {
      return await this.#store.get(blockKey(digest));
    } catch (error) {
      if (!isAgentError(error, "STORE_CORRUPT")) throw error;
      this.#damaged.add(toHex(digest));
      return undefined;
    }
  }

  async #fill(manifest: Manifest, ref: BlockRef, content: Uint8Array): Promise<boolean> {
    let at = 0;
    for (let i = 0; i < manifest.parts.length; i += READ_AHEAD) {
      const parts = manifest.parts.slice(i, i + READ_AHEAD);
      const blocks = await Promise.all(parts.map((part) => this.get(refOf(part.cid))));
      for (const [k, part] of parts.entries()) {
        const block = blocks[k];
        if (block === undefined || !(await this.#place(block, part, ref, content.subarray(at, at + part.bytes)))) {
          return false;
        }
        at += part.bytes;
      }
    }
    return true;
  }

  /** Puts one part of a file where it belongs: a chunk, or all that stands below a manifest. */
  async #place(
    block: Uint8Array,
    part: Manifest["parts"][number],
    ref: BlockRef,
    target: Uint8Array,
  ): Promise<boolean> {
    const partRef = refOf(part.cid);
    if (partRef.codec === "dag-cbor") return this.#fill(demandManifest(block, partRef, part.bytes), partRef, target);
    if (block.length !== part.bytes) throw badManifest(ref, "a chunk has another length");
    target.set(block);
    return true;
  }

  async *#missing(ref: BlockRef, length: number | undefined): AsyncGenerator<BlockRef> {
    const block = (await this.has(ref)) ? await this.#getIfSound(ref) : undefined;
    if (block === undefined) yield ref;
    else if (block !== "held") {
      for (const part of demandManifest(block, ref, length).parts) {
        const partRef = refOf(part.cid);
        if (partRef.codec === "dag-cbor") yield* this.#missing(partRef, part.bytes);
        else if (!(await this.has(partRef))) yield partRef;
      }
    }
  }

  /** A manifest's bytes; of a raw block only that it is here. */
  async #getIfSound(ref: BlockRef): Promise<Uint8Array | "held" | undefined> {
    if (ref.codec === "raw") return "held";
    try {
      return await this.get(ref);
    } catch (error) {
      if (isAgentError(error, "BLOCK_CORRUPT")) return undefined;
      throw error;
    }
  }

  #remember(ref: BlockRef, what: BlockRef | "held"): void {
    const key = toHex(ref.digest);
    this.#remembered.delete(key);
    this.#remembered.set(key, what);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  #corrupt(cid: Cid, cause?: unknown): AgentError {
    this.#damaged.add(digestHex(cid));
    this.#remembered.clear();
    return new AgentError("BLOCK_CORRUPT", `the block ${cid.toString()} is damaged on disk`, {
      ...(cause === undefined ? {} : { cause }),
      fix: "get the file again: the block now counts as missing, and a neighbour may hold it",
    });
  }
}

function demandManifest(block: Uint8Array, ref: BlockRef, length: number | undefined): Manifest {
  const manifest = decodeManifest(block);
  if (!manifest.ok) throw badManifest(ref, manifest.reason);
  if (length !== undefined && manifest.value.bytes !== length) throw badManifest(ref, "its lengths don't add up");
  return manifest.value;
}

function badManifest(ref: BlockRef, reason: string): AgentError {
  return new AgentError("MANIFEST_BAD", `${textOfRef(ref)} names no file: ${reason}`, {
    fix: "ask its author to put the file again",
  });
}
