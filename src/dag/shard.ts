/**
 * This node's shard: the blocks that it holds, its own index log, and the logs of others as far as they are verified.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import type { Log } from "../ports/log.ts";
import type { Random } from "../ports/random.ts";
import type { Author } from "./author.ts";
import type { BlockRef } from "./block-ref.ts";
import type { Cid, Codec } from "./cid.ts";
import type { ForkRow, ForkVerdict } from "./fork.ts";

/** One file: the newest version that an author has put under a name, or the version that was asked for. */
export interface FileRow {
  readonly name: string;
  /** Of its root: raw up to one block, dag-cbor for a manifest. */
  readonly codec: Codec;
  /** The first 16 bytes of the root's digest: all that the log tells. See `rootOf` of `block-ref.ts`. */
  readonly prefix: Bytes;
  /** Undefined until the root is here, unless the file was asked for by its CID. */
  readonly cid: Cid | undefined;
  readonly bytes: number;
  /** The author's id, 16 hex digits. */
  readonly author: string;
  /** The name that the author gave itself. */
  readonly authorName: string;
  /** Position in the author's log, from 1. */
  readonly seq: number;
  /** `AUTHOR/SEQ`, the id in 16 hex digits: names this version always. */
  readonly ref: string;
  /** True when all the bytes are here. */
  readonly held: boolean;
}

/** One entry of any log, for people. */
export interface LogRow {
  readonly author: string;
  readonly authorName: string;
  readonly seq: number;
  /**
   * "other": of a kind that this version does not know. "handover": the log ends here. "ignored": it comes after that, from
   * whoever still has the key.
   */
  readonly kind: "author" | "file" | "other" | "handover" | "ignored";
  /** Of a handover the id of who goes on, 16 hex digits; empty for an entry of another kind. */
  readonly name: string;
  /** The first 16 bytes of the root's digest; undefined unless it is a file. */
  readonly prefix: Bytes | undefined;
  /** Undefined unless it is a file whose root is here. */
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

/** One author that goes on as another, both keys having said so. */
export interface HandoverRow {
  /** The ids of the log that ended, and of the one that goes on: 16 hex digits. */
  readonly from: string;
  readonly to: string;
  /** Where the log ended, and the entries that came after that all the same: somebody else has its key. */
  readonly seq: number;
  readonly ignored: number;
  /** The log that ended was signed in two versions: who goes on for it is anybody's guess. */
  readonly contested: boolean;
}

export interface VectorRow {
  /** 8 bytes. */
  readonly author: Uint8Array;
  /** Entries held, all verified. */
  readonly count: number;
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
   * @throws AgentError "NAME_INVALID", "FILE_TOO_LARGE", "AUTHOR_FORKED", "AUTHOR_REPLACED", "LOG_DAMAGED", "SHARD_BUSY", and what the
   *   store throws
   */
  putFile(name: string, content: Uint8Array): Promise<{ readonly cid: Cid; readonly seq: number }>;
  /**
   * The content, every block of it hashed again; undefined when a block is missing.
   * @throws AgentError "BLOCK_CORRUPT"; "MANIFEST_BAD" when the root names no file
   */
  readFile(root: BlockRef): Promise<Uint8Array | undefined>;

  /** @throws AgentError "BLOCK_CORRUPT": from then on the block counts as missing, until it is put again */
  getBlock(ref: BlockRef): Promise<Uint8Array | undefined>;
  hasBlock(ref: BlockRef): Promise<boolean>;
  /** The CID of a held block. */
  cidOf(ref: BlockRef): Promise<Cid | undefined>;
  /**
   * Durable. @returns the block's CID
   * @throws AgentError "BLOCK_MISMATCH" unless the hash of the bytes begins as the reference says; "BLOCK_TOO_LARGE", and
   *   what the store throws: "DISK_FULL" stops storing only, all that is here is read as before
   */
  putBlock(bytes: Uint8Array, ref: BlockRef): Promise<Cid>;
  /**
   * A held block whose SHA-256 begins with these 4 … 32 bytes, named as a whole. Of several the first in the order of their
   * digests: who means another asks with more bytes.
   */
  findBlockByPrefix(prefix: Uint8Array): Promise<BlockRef | undefined>;
  /**
   * What must be fetched next for this file: first its root, as far as its name is known, then what that names, as a whole.
   * Empty when all is here.
   * @throws AgentError "MANIFEST_BAD" when the root names no file: no fetching will ever help
   */
  missingBlocks(root: BlockRef): Promise<readonly BlockRef[]>;

  /** The newest version of every name of every author; own files first. */
  files(): AsyncIterable<FileRow>;
  /**
   * Files that a text names; 256 at most.
   * - A CID: every entry that names it.
   * - `AUTHOR/SEQ`: that entry; the author by its id, 4 hex digits of its beginning at least, or by its name.
   * - A name: that file of every author; own first, then the latest to arrive.
   * - When there is no such name, the beginning of a CID (6 characters at least, a `…` at its end is left out) or of a
   *   digest (8 hex digits at least).
   */
  resolve(text: string): Promise<readonly FileRow[]>;
  /** Every entry that names a root by this digest, 16 … 32 bytes of it; own first, 256 at most. */
  filesOf(digest: Uint8Array): Promise<readonly FileRow[]>;

  /** How many verified entries are held of each author that is not in quarantine. From memory, the same list until it changes. */
  vector(): readonly VectorRow[];
  authors(): readonly AuthorRow[];
  /** Entries held of one author, by id in hex; 0 when it is not known, or in quarantine. From memory, at once. */
  count(author: string): number;
  /** An author's Ed25519 public key, by id in hex; undefined when nothing is held of it. From memory, at once. */
  publicKeyOf(author: string): Uint8Array | undefined;
  /** True for an author who is known to have signed two histories, by id in hex. From memory, at once. */
  inQuarantine(author: string): boolean;
  /** True for who needs no room among strangers: this node, and members of a village with an authority. From memory, at once. */
  isMember(author: string): boolean;
  /**
   * False when the log of no author whose id begins so would be taken: not by those who may fill the shard, for want of room,
   * or because of a proven fork. @param start of an id in hex; all of it, where known. From memory, at once.
   */
  accepts(start: string): boolean;
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

  /**
   * Passes on, in the own log, what the authority of the village has stated. @returns its position
   * @throws AgentError "AUTHOR_FORKED", "AUTHOR_REPLACED", "LOG_DAMAGED", "SHARD_BUSY", and what the store throws
   */
  putStatement(entry: Uint8Array): Promise<number>;

  /**
   * From the next opening on this node writes a new log, with a new key, and its old log ends by saying so; unless that is
   * damaged, in quarantine, or has ended before. The old seed is overwritten then.
   */
  replaceAuthor(): Promise<void>;
  /** True when that was asked for. */
  isAuthorReplaced(): Promise<boolean>;
  /** Of all logs that are held; who goes on may be unknown here. */
  handovers(): AsyncIterable<HandoverRow>;

  /** What proves of each author in quarantine that it signed two histories, fit for anybody: see `fork.ts`. */
  forks(): AsyncIterable<ForkRow>;
  /** Takes such a proof from anybody: its author is put in quarantine, if it holds. "proven" is on disk. */
  acceptFork(evidence: Uint8Array): Promise<ForkVerdict>;

  /** The latest entries to arrive from anybody, newest first. */
  log(limit: number): Promise<readonly LogRow[]>;
  stats(): ShardStats;
}

/** Who may fill the shard, where a village has an authority: see `membership.ts`. */
export interface Gate {
  /** `always`, `if-room`: as long as the table of authors is not full, `never`. By id in hex; from memory, at once. */
  admits(authorHex: string): "always" | "if-room" | "never";
  /** The best that can be said of any author whose id begins so. */
  admitsAny(start: string): "always" | "if-room" | "never";
  /** An entry that looks like a statement of an authority has become part of a log; who knows whether it is one. */
  take(entry: Uint8Array): Promise<unknown>;
}

export interface ShardOptions {
  /** Everybody is admitted when left out. */
  readonly gate?: Gate;
  readonly random: Random;
  /** Told to neighbours as this author's name; a change is told as well. */
  readonly nodeName: string;
  readonly log: Log;
}
