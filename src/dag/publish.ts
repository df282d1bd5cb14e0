/**
 * This node's own log: who writes it, and how it grows.
 * @module
 */
import { type Bytes, copyBytes, equalBytes, toHex } from "../kernel/bytes.ts";
import { AgentError, isAgentError } from "../kernel/errors.ts";
import { type AuthorName, appendLinks } from "./append.ts";
import { type Author, SEED_BYTES, authorFromSeed } from "./author.ts";
import type { Draft } from "./draft.ts";
import { type AuthorEntry, type FileEntry, encodeEntry } from "./entry.ts";
import { encodeHandover } from "./handover.ts";
import { firstHead, nextHead, signHead, verifyHead } from "./index-log.ts";
import { SEED_KEY, SUCCESSION_KEY, entryKey, fileKey, handoverKey, signatureKey } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { nameFlaw } from "./name.ts";
import { decodeFileRecord, decodeLogRecord, decodeSeed, encodeSeed } from "./records.ts";
import type { ShardOptions } from "./shard.ts";

export function nameOf(author: Author): AuthorName {
  return { bytes: copyBytes(author.id), hex: toHex(author.id) };
}

export type AuthorOptions = Pick<ShardOptions, "nodeName" | "random" | "log">;

/**
 * The own author, created at first opening; its log tells who it is, and tells again when the node's name has changed. Where
 * it is to be replaced, that is done, all in one write: the old log's end, the new log's beginning, and the new seed in place
 * of the old.
 */
export async function openAuthor(ledger: Ledger, { nodeName, random, log }: AuthorOptions): Promise<Author> {
  const name = demandName(nodeName);
  return ledger.commit(async (draft) => {
    const stored = await draft.get(SEED_KEY);
    const old = stored === undefined ? undefined : authorOf(decodeSeed(stored));
    const stays = old !== undefined && !(await draft.has(SUCCESSION_KEY));
    const seed = stays ? undefined : random.bytes(SEED_BYTES);
    if (seed !== undefined) draft.set(SEED_KEY, encodeSeed(seed));
    const author = seed === undefined ? old : authorOf(seed);
    if (author === undefined) throw new RangeError("neither an author nor a seed for one");
    if (old !== undefined && author !== old) {
      const linked = await endLog(ledger, draft, old, author);
      draft.remove(SUCCESSION_KEY);
      log.warn("This node's author has a new key", { former: toHex(old.id), author: toHex(author.id), linked });
    }
    if (draft.author(nameOf(author).hex)?.name !== name && (await canGrow(draft, author))) {
      await append(draft, author, { kind: "author", publicKey: author.publicKey, name });
    }
    return author;
  });
}

function authorOf(seed: Bytes): Author {
  const author = authorFromSeed(seed);
  seed.fill(0);
  return author;
}

/** True when the log names its successor. One that must not grow keeps silent: neighbours would refuse its entry. */
async function endLog(ledger: Ledger, draft: Draft, old: Author, successor: Author): Promise<boolean> {
  const isBegun = draft.author(nameOf(old).hex) !== undefined;
  if (!isBegun || !(await canGrow(draft, old)) || !(await tailIsSound(ledger, old))) return false;
  await appendBytes(draft, old, encodeHandover(old.publicKey, successor));
  return true;
}

async function canGrow(draft: Draft, author: Author): Promise<boolean> {
  return draft.author(nameOf(author).hex)?.quarantined !== true && !(await draft.has(handoverKey(author.id)));
}

const GO_ON = "caye rotate author-key, then start the agent again: it goes on as another author";

/** Adds one entry, signed. @returns its position */
export function append(draft: Draft, author: Author, entry: AuthorEntry | FileEntry): Promise<number> {
  return appendBytes(draft, author, encodeEntry(entry));
}

/** Adds an entry as it is, signed. @returns its position */
export async function appendBytes(draft: Draft, author: Author, bytes: Bytes): Promise<number> {
  const name = nameOf(author);
  const known = draft.author(name.hex);
  if (known?.quarantined === true) {
    throw new AgentError("AUTHOR_FORKED", "this node has signed two different logs, so neighbours refuse its entries", {
      fix: `this happens when an old copy of the state is put back; ${GO_ON}`,
    });
  }
  if (await draft.has(handoverKey(author.id))) {
    throw new AgentError("AUTHOR_REPLACED", "this node's author has handed over to a key that is not in this state", {
      fix: `this is an old copy of the state: put the newer one back; or, if that is lost, ${GO_ON}`,
    });
  }
  const publicKey = copyBytes(author.publicKey);
  const head = nextHead(known?.head ?? firstHead(publicKey), bytes);
  const seq = (known?.count ?? 0) + 1;
  await appendLinks(draft, name, publicKey, [{ seq, bytes, head }], signHead(author, seq, head));
  return seq;
}

/** Announces a file under a name, unless it is the newest there already. @returns its position */
export async function announce(draft: Draft, author: Author, entry: FileEntry): Promise<number> {
  const record = await draft.get(fileKey(author.id, entry.name));
  const newest = record === undefined ? undefined : decodeFileRecord(record);
  if (newest !== undefined && newest.codec === entry.codec && equalBytes(newest.prefix, entry.prefix))
    return newest.seq;
  return append(draft, author, entry);
}

/** The name in normal form C. @throws AgentError "NAME_INVALID" */
export function demandName(text: string): string {
  const name = text.isWellFormed() ? text.normalize("NFC") : text;
  const flaw = nameFlaw(name);
  if (flaw === undefined) return name;
  throw new AgentError("NAME_INVALID", `${JSON.stringify(text)} can't be a name: ${flaw}`, {
    fix: "use 1 to 64 bytes of text, without /, without a leading dot or a space at either end",
  });
}

/** True when the end of a log is on disk as its author's record says, and signed. Looks at one entry only. */
export async function tailIsSound(ledger: Ledger, author: Author): Promise<boolean> {
  const { committed } = ledger;
  const known = committed.author(nameOf(author).hex);
  if (known === undefined) return true;
  try {
    const record = await committed.get(entryKey(author.id, known.count));
    const signature = await committed.get(signatureKey(author.id, known.count));
    if (record === undefined || signature === undefined) return false;
    const { head } = decodeLogRecord(record);
    return toHex(head) === toHex(known.head) && verifyHead(author.publicKey, known.count, head, signature);
  } catch (error) {
    if (isAgentError(error, "STORE_CORRUPT")) return false;
    throw error;
  }
}
