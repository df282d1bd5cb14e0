/**
 * This node's shard: the blocks that it holds, its own index log, and the logs of others as far as they are verified.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Author } from "./author.ts";
import type { Cid } from "./cid.ts";

/** One file: the newest version that an author has put under a name. */
export interface FileRow {
  readonly name: string;
  readonly cid: Cid;
  readonly bytes: number;
  /** The author's id, 16 hex digits. */
  readonly author: string;
  /** The name that the author gave itself. */
  readonly authorName: string;
  /** Position in the author's log, from 1. */
  readonly seq: number;
  /** True when all the bytes are here. */
  readonly held: boolean;
}

/** One entry of any log, for people. */
export interface LogRow {
  readonly author: string;
  readonly authorName: string;
  readonly seq: number;
  readonly kind: "author" | "file";
  readonly name: string;
  /** Undefined for an author's entry. */
  readonly cid: Cid | undefined;
  readonly bytes: number;
  /** Head of the hash chain after this entry. */
  readonly head: Bytes;
}

export interface AuthorRow {
  readonly id: string;
  readonly name: string;
  /** Entries held; a signature by the author covers them all. */
  readonly count: number;
  /** True once two different signed entries for one position were seen: nothing more is taken from this author. */
  readonly quarantined: boolean;
}

export interface ShardStats {
  readonly blocks: number;
  /** Bytes of the blocks' contents. */
  readonly bytes: number;
  readonly files: number;
  readonly authors: number;
  /** Entries that wait in memory for a signature, and how many were dropped since the start because they were too many. */
  readonly pending: number;
  readonly pendingDropped: number;
}

/** What became of entries from a neighbour. */
export type MergeVerdict =
  /** They are on disk; `count` entries of that author are now held, all verified. */
  | { readonly kind: "merged"; readonly count: number }
  /** Kept in memory until a signature comes that covers them. */
  | { readonly kind: "pending" }
  /** Kept in memory, but entries before them are missing: `count` are held. */
  | { readonly kind: "gap"; readonly count: number }
  /** Nothing new. */
  | { readonly kind: "known" }
  | { readonly kind: "refused"; readonly reason: string }
  /** The author signed two different entries for position `seq`. Proof is kept; the author is in quarantine. */
  | { readonly kind: "fork"; readonly seq: number; readonly ours: Bytes; readonly theirs: Bytes };

export interface Shard {
  /** This node as an author. */
  readonly author: Author;

  /**
   * Stores a file and announces it in the own log, in one durable write. The same name again is a newer version; the
   * same name with the same content changes nothing.
   * @throws AgentError "NAME_INVALID", "FILE_TOO_LARGE", "AUTHOR_FORKED", "LOG_DAMAGED", "SHARD_BUSY", and what the
   *   store throws
   */
  putFile(name: string, content: Uint8Array): Promise<{ readonly cid: Cid; readonly seq: number }>;
  /**
   * The content, every block of it hashed again; undefined when a block is missing.
   * @throws AgentError "BLOCK_CORRUPT"; "MANIFEST_BAD" when the CID names no file
   */
  readFile(cid: Cid): Promise<Uint8Array | undefined>;

  /** @throws AgentError "BLOCK_CORRUPT": from then on the block counts as missing, until it is put again */
  getBlock(cid: Cid): Promise<Uint8Array | undefined>;
  hasBlock(cid: Cid): Promise<boolean>;
  /** Durable. @throws AgentError "BLOCK_MISMATCH" when the bytes are not those that the CID names; "BLOCK_TOO_LARGE" */
  putBlock(bytes: Uint8Array, cid: Cid): Promise<void>;
  /** A held block whose SHA-256 begins with these 8 bytes. */
  findBlockByPrefix(prefix: Uint8Array): Promise<Cid | undefined>;
  /**
   * What must be fetched next for this file: first its manifest, then what that names. Empty when all is here.
   * @throws AgentError "MANIFEST_BAD" when the CID names no file: no fetching will ever help
   */
  missingBlocks(cid: Cid): Promise<readonly Cid[]>;

  /** The newest version of every name of every author; own files first. */
  files(): AsyncIterable<FileRow>;
  /** Files of that name (own first, then the latest to arrive) or, given a CID, every entry that names it. */
  resolve(nameOrCid: string): Promise<readonly FileRow[]>;

  /** How many verified entries are held of each author that is not in quarantine. From memory. */
  vector(): readonly { readonly author: Uint8Array; readonly count: number }[];
  authors(): readonly AuthorRow[];
  /**
   * At most `count` entries from `first` on, and the author's signature over the head after the last one, where it is
   * known: of the own log always; of another's the run is cut short, if need be, to end where its author signed.
   * @throws AgentError "LOG_DAMAGED" when the disk lost an entry
   */
  entries(
    author: Uint8Array,
    first: number,
    count: number,
  ): Promise<{ readonly entries: readonly Bytes[]; readonly signature: Bytes | undefined }>;
  /** Takes entries of one log, in a row from position `first`. What is "merged" is on disk. */
  merge(
    author: Uint8Array,
    first: number,
    entries: readonly Uint8Array[],
    signature: Uint8Array | undefined,
  ): Promise<MergeVerdict>;
  /** Walks a whole log again: every hash, and the signature at its end. The entries that held; all is well when = count. */
  verifyLog(author: Uint8Array): Promise<{ readonly count: number; readonly verified: number }>;

  /** The latest entries to arrive from anybody, newest first. */
  log(limit: number): Promise<readonly LogRow[]>;
  stats(): ShardStats;
}

export interface ShardOptions {
  readonly random: Random;
  /** Told to neighbours as this author's name; a change is told as well. */
  readonly nodeName: string;
  readonly log: Log;
}
