/**
 * Blocks and the files made of them: every byte that leaves here was hashed on its way out.
 * @module
 */
import { equalBytes, startsWith } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { type Cid, DIGEST_BYTES, cidFromDigest, cidOf, codecOf, digestHex, digestOf, sha256 } from "./cid.ts";
import type { Draft } from "./draft.ts";
import { blockKey, blockRange } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { type Block, type Manifest, decodeManifest } from "./manifest.ts";
import { MAX_BLOCK_BYTES } from "./node.ts";
import { decodeBlockRecord, encodeBlockRecord } from "./records.ts";

const EMPTY = cidOf("raw", new Uint8Array());
const MAX_REMEMBERED = 4096;
/** Blocks of a file that are read at a time. */
const READ_AHEAD = 8;

export class Blocks {
  readonly #store: Store;
  readonly #ledger: Ledger;
  /** Digests of blocks that were read and found damaged: they count as missing until they are put again. */
  readonly #damaged = new Set<string>();
  /** By digest of a manifest: that all is here, or one block that was missing. Spares walking the tree again. */
  readonly #remembered = new Map<string, Cid | "held">();

  constructor(store: Store, ledger: Ledger) {
    this.#store = store;
    this.#ledger = ledger;
  }

  /** @throws AgentError "BLOCK_CORRUPT" */
  async get(cid: Cid): Promise<Uint8Array | undefined> {
    if (isEmpty(cid)) return new Uint8Array();
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

  async has(cid: Cid): Promise<boolean> {
    if (isEmpty(cid)) return true;
    return !this.#damaged.has(digestHex(cid)) && this.#store.has(blockKey(digestOf(cid)));
  }

  async put(bytes: Uint8Array, cid: Cid): Promise<void> {
    if (bytes.length > MAX_BLOCK_BYTES) {
      throw new AgentError("BLOCK_TOO_LARGE", `a block has at most ${MAX_BLOCK_BYTES} bytes`);
    }
    if (!equalBytes(sha256(bytes), digestOf(cid))) {
      throw new AgentError("BLOCK_MISMATCH", `these bytes are not the block ${cid.toString()}`);
    }
    const block = { cid, bytes };
    await this.#ledger.commit((draft) => this.add(draft, [block]));
    this.arrived([block]);
  }

  /** Adds blocks that are not here, or not sound, to a draft. They must be what their CIDs name. */
  async add(draft: Draft, blocks: readonly Block[]): Promise<void> {
    let { blocks: count, bytes: total } = draft.totals();
    for (const { cid, bytes } of blocks) {
      const key = blockKey(digestOf(cid));
      const state = isEmpty(cid) ? "sound" : await stateOf(draft, key, cid);
      if (state === "sound") continue;
      draft.set(key, encodeBlockRecord(codecOf(cid), bytes));
      if (state === "damaged") continue;
      count++;
      total += bytes.length;
    }
    const totals = draft.totals();
    if (count !== totals.blocks) draft.setTotals({ ...totals, blocks: count, bytes: total });
  }

  /** The blocks are on disk now. */
  arrived(blocks: readonly Block[]): void {
    for (const { cid } of blocks) this.#damaged.delete(digestHex(cid));
  }

  async findByPrefix(prefix: Uint8Array): Promise<Cid | undefined> {
    if (prefix.length === 0 || prefix.length > DIGEST_BYTES) return undefined;
    if (startsWith(digestOf(EMPTY), prefix)) return EMPTY;
    for await (const { key, value } of this.#store.entries({ ...blockRange(prefix), limit: 1 })) {
      return cidFromDigest(decodeBlockRecord(value).codec, key.subarray(1));
    }
    return undefined;
  }

  /** @throws AgentError "BLOCK_CORRUPT", "MANIFEST_BAD" */
  async readFile(cid: Cid): Promise<Uint8Array | undefined> {
    const block = await this.get(cid);
    if (block === undefined || codecOf(cid) === "raw") return block;
    const manifest = demandManifest(block, cid, undefined);
    const content = new Uint8Array(manifest.bytes);
    return (await this.#fill(manifest, cid, content)) ? content : undefined;
  }

  /** @throws AgentError "MANIFEST_BAD" */
  async missing(cid: Cid): Promise<readonly Cid[]> {
    const missing: Cid[] = [];
    for await (const lacking of this.#missing(cid, undefined)) missing.push(lacking);
    this.#remember(cid, missing[0] ?? "held");
    return missing;
  }

  /** True when the whole file is here. */
  async holds(cid: Cid): Promise<boolean> {
    if (codecOf(cid) === "raw") return this.has(cid);
    const remembered = this.#remembered.get(digestHex(cid));
    if (remembered === "held") return true;
    if (remembered !== undefined && !(await this.has(remembered))) return false;
    try {
      for await (const lacking of this.#missing(cid, undefined)) {
        this.#remember(cid, lacking);
        return false;
      }
    } catch (error) {
      if (isAgentError(error, "MANIFEST_BAD")) return false;
      throw error;
    }
    this.#remember(cid, "held");
    return true;
  }

  async #fill(manifest: Manifest, cid: Cid, content: Uint8Array): Promise<boolean> {
    let at = 0;
    for (let i = 0; i < manifest.parts.length; i += READ_AHEAD) {
      const parts = manifest.parts.slice(i, i + READ_AHEAD);
      const blocks = await Promise.all(parts.map((part) => this.get(part.cid)));
      for (const [k, part] of parts.entries()) {
        const block = blocks[k];
        if (block === undefined || !(await this.#place(block, part, cid, content.subarray(at, at + part.bytes)))) {
          return false;
        }
        at += part.bytes;
      }
    }
    return true;
  }

  /** Puts one part of a file where it belongs: a chunk, or all that stands below a manifest. */
  async #place(block: Uint8Array, part: Manifest["parts"][number], cid: Cid, target: Uint8Array): Promise<boolean> {
    if (codecOf(part.cid) === "dag-cbor")
      return this.#fill(demandManifest(block, part.cid, part.bytes), part.cid, target);
    if (block.length !== part.bytes) throw badManifest(cid, "a chunk has another length");
    target.set(block);
    return true;
  }

  async *#missing(cid: Cid, length: number | undefined): AsyncGenerator<Cid> {
    const block = (await this.has(cid)) ? await this.#getIfSound(cid, codecOf(cid)) : undefined;
    if (block === undefined) yield cid;
    else if (block !== "held") {
      for (const part of demandManifest(block, cid, length).parts) {
        if (codecOf(part.cid) === "dag-cbor") yield* this.#missing(part.cid, part.bytes);
        else if (!(await this.has(part.cid))) yield part.cid;
      }
    }
  }

  /** A manifest's bytes; of a raw block only that it is here. */
  async #getIfSound(cid: Cid, codec: "raw" | "dag-cbor"): Promise<Uint8Array | "held" | undefined> {
    if (codec === "raw") return "held";
    try {
      return await this.get(cid);
    } catch (error) {
      if (isAgentError(error, "BLOCK_CORRUPT")) return undefined;
      throw error;
    }
  }

  #remember(cid: Cid, what: Cid | "held"): void {
    const key = digestHex(cid);
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

/** Whether a block stands in the draft or below it, as its CID says. */
async function stateOf(draft: Draft, key: Uint8Array, cid: Cid): Promise<"absent" | "sound" | "damaged"> {
  if (!(await draft.has(key))) return "absent";
  try {
    const record = await draft.get(key);
    if (record === undefined) return "absent";
    return equalBytes(sha256(decodeBlockRecord(record).bytes), digestOf(cid)) ? "sound" : "damaged";
  } catch (error) {
    if (isAgentError(error, "STORE_CORRUPT")) return "damaged";
    throw error;
  }
}

function demandManifest(block: Uint8Array, cid: Cid, length: number | undefined): Manifest {
  const manifest = decodeManifest(block);
  if (!manifest.ok) throw badManifest(cid, manifest.reason);
  if (length !== undefined && manifest.value.bytes !== length) throw badManifest(cid, "its lengths don't add up");
  return manifest.value;
}

function badManifest(cid: Cid, reason: string): AgentError {
  return new AgentError("MANIFEST_BAD", `${cid.toString()} names no file: ${reason}`, {
    fix: "ask its author to put the file again",
  });
}

/** The block of no bytes is always here: nobody could send it. */
function isEmpty(cid: Cid): boolean {
  return equalBytes(digestOf(cid), digestOf(EMPTY));
}
