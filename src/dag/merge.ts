/**
 * Entries of another author's log arrive: what is signed and follows from what is held becomes part of it.
 *
 * The result of merging does not depend on the order in which updates come: the log of an author is the longest prefix
 * that a signature covers. Two signed histories that differ are proof against their author, and kept.
 * @module
 */
import { type Bytes, copyBytes, equalBytes, toHex } from "../kernel/bytes.ts";
import { type Decoded, decoded, refused } from "../kernel/decoded.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { type AuthorName, type Link, appendLinks } from "./append.ts";
import { AUTHOR_ID_BYTES, authorId } from "./author.ts";
import { SIGNATURE_BYTES } from "../kernel/ed25519.ts";
import type { Draft } from "./draft.ts";
import { MAX_ENTRY_BYTES, decodeEntry } from "./entry.ts";
import { encodeFork } from "./fork.ts";
import { firstHead, nextHead, verifyHead } from "./index-log.ts";
import { entryKey, forkKey, seqOfKey, signatureKey, signatureRange } from "./keys.ts";
import { WINDOW, type PendingEntries } from "./pending.ts";
import { type AuthorRecord, type LogRecord, decodeLogRecord } from "./records.ts";
import type { MergeVerdict } from "./shard.ts";

/** Authors beyond this many are refused: anybody can invent some. */
export const MAX_AUTHORS = 4096;
/** Entries in one update. */
export const MAX_MERGE_ENTRIES = WINDOW;

export interface Update {
  readonly author: AuthorName;
  readonly first: number;
  readonly entries: readonly Bytes[];
  readonly signature: Bytes | undefined;
}

/** Where the chain stands, and whose it is; undefined as long as the first entry is missing. */
interface Tip {
  readonly publicKey: Bytes;
  readonly head: Bytes;
}

type Chain =
  | { readonly flaw: string }
  | { readonly flaw: undefined; readonly links: readonly Link[]; readonly tip: Tip };

/**
 * An update as it was told, copied: refused where something is wrong with it before anything is looked up. What the entries
 * say is not looked at before their author's signature has held: reading costs time, and anybody can send anything.
 */
export function readUpdate(
  author: Uint8Array,
  first: number,
  entries: readonly Uint8Array[],
  signature: Uint8Array | undefined,
): Decoded<Update> {
  if (author.length !== AUTHOR_ID_BYTES) return refused("author id of a wrong length");
  if (entries.length === 0 || entries.length > MAX_MERGE_ENTRIES) return refused("wrong number of entries");
  if (!Number.isInteger(first) || first < 1 || first + entries.length > 0xffff_ffff) return refused("wrong position");
  if (signature !== undefined && signature.length !== SIGNATURE_BYTES) return refused("signature of a wrong length");
  if (!entries.every(({ length }) => length >= 1 && length <= MAX_ENTRY_BYTES))
    return refused("entry of a wrong length");
  const name = { bytes: copyBytes(author), hex: toHex(author) };
  return decoded({
    author: name,
    first,
    entries: entries.map(copyBytes),
    signature: signature && copyBytes(signature),
  });
}

/**
 * Merges what can be merged. The caller settles `pending` once the draft is on disk.
 * @param needsRoom false for whom there always is a place in the table
 */
export async function merge(
  draft: Draft,
  store: Store,
  pending: PendingEntries,
  update: Update,
  needsRoom = true,
): Promise<MergeVerdict> {
  const record = draft.author(update.author.hex);
  if (record?.quarantined === true) return refusal("author in quarantine");
  if (needsRoom && isFull(draft, record)) return refusal("too many authors");
  if (record !== undefined && update.first <= record.count) {
    const differs = await firstDifference(draft, update, record.count);
    if (differs !== undefined) return judgeFork(draft, store, pending, record, update, differs);
    if (lastOf(update) <= record.count) return { kind: "known" };
  }
  const alone = judgeAlone(update, record);
  if (alone.kind === "flaw") return refusal(alone.reason);
  pending.offer(update.author.hex, record?.count ?? 0, update);
  return advance(draft, pending, update, record, alone.kind === "good" ? alone.head : undefined);
}

/** What a signed update is worth that needs nothing but itself; "open" when it needs more. */
type Alone =
  | { readonly kind: "open" }
  | { readonly kind: "good"; readonly head: Bytes }
  | { readonly kind: "flaw"; readonly reason: string };

function isFull(draft: Draft, record: AuthorRecord | undefined): boolean {
  return record === undefined && draft.authorCount() >= MAX_AUTHORS;
}

/** A signed update that needs nothing but itself is judged alone: nothing that others sent can spoil it. */
function judgeAlone(update: Update, record: AuthorRecord | undefined): Alone {
  const held = record?.count ?? 0;
  if (update.signature === undefined || update.first > held + 1) return { kind: "open" };
  const last = lastOf(update);
  const chain = chainOver(update.author, record, held, (seq) => update.entries[seq - update.first], last);
  if (chain.flaw !== undefined) return { kind: "flaw", reason: chain.flaw };
  const { publicKey, head } = chain.tip;
  const good = verifyHead(publicKey, last, head, update.signature);
  return good ? { kind: "good", head } : { kind: "flaw", reason: "wrong signature" };
}

function lastOf(update: Update): number {
  return update.first + update.entries.length - 1;
}

/**
 * Goes as far as a signature reaches over what is held and what waits.
 * @param proven the head that the update's own signature was found good for: to verify it costs more than all the rest
 */
async function advance(
  draft: Draft,
  pending: PendingEntries,
  update: Update,
  record: AuthorRecord | undefined,
  proven: Bytes | undefined,
): Promise<MergeVerdict> {
  const { author } = update;
  const held = record?.count ?? 0;
  const last = lastOf(update);
  const chain = chainOver(author, record, held, (seq) => pending.entry(author.hex, seq), held + WINDOW);
  if (chain.flaw !== undefined) {
    pending.forget(author.hex);
    return refusal(chain.flaw);
  }
  const end = held + chain.links.length;
  for (const { seq, signature } of pending.signatures(author.hex, end)) {
    const links = chain.links.slice(0, seq - held);
    const head = links.at(-1)?.head;
    const isProven = seq === last && head !== undefined && proven !== undefined && equalBytes(head, proven);
    if (isProven || (head !== undefined && verifyHead(chain.tip.publicKey, seq, head, signature))) {
      await appendLinks(draft, author, chain.tip.publicKey, links, signature);
      return { kind: "merged", count: seq };
    }
    pending.dropSignature(author.hex, seq);
    if (seq !== last) continue;
    // Something that waits is not the author's: which entry, nobody can tell.
    pending.forget(author.hex);
    return refusal("wrong signature");
  }
  return last > end ? { kind: "gap", count: held } : { kind: "pending" };
}

/** Chains entries from the first after `held`, as far as there are any, up to position `until`. */
function chainOver(
  author: AuthorName,
  record: AuthorRecord | undefined,
  held: number,
  entryAt: (seq: number) => Bytes | undefined,
  until: number,
): Chain {
  let tip: Tip | undefined = record;
  const links: Link[] = [];
  for (let seq = held + 1; seq <= until; seq++) {
    const bytes = entryAt(seq);
    if (bytes === undefined) break;
    tip ??= firstTip(author, bytes);
    if (tip === undefined) return { flaw: "first entry is not the author's own" };
    tip = { publicKey: tip.publicKey, head: nextHead(tip.head, bytes) };
    links.push({ seq, bytes, head: tip.head });
  }
  // Without a record and without entries there is no tip; nothing is verified over no links, so any will do.
  return { flaw: undefined, links, tip: tip ?? { publicKey: new Uint8Array(), head: new Uint8Array() } };
}

function firstTip(author: AuthorName, bytes: Bytes): Tip | undefined {
  const entry = decodeEntry(bytes);
  if (!entry.ok || entry.value.kind !== "author") return undefined;
  const publicKey = copyBytes(entry.value.publicKey);
  return equalBytes(authorId(publicKey), author.bytes) ? { publicKey, head: firstHead(publicKey) } : undefined;
}

/** The first position up to `held` where the update says something else than what is held. */
async function firstDifference(draft: Draft, update: Update, held: number): Promise<number | undefined> {
  for (const [i, entry] of update.entries.entries()) {
    const seq = update.first + i;
    if (seq > held) break;
    const { entry: ours } = await heldRecord(draft, update.author, seq);
    if (!equalBytes(ours, entry)) return seq;
  }
  return undefined;
}

/** Without a valid signature a different entry proves nothing, and could be anybody's. */
async function judgeFork(
  draft: Draft,
  store: Store,
  pending: PendingEntries,
  record: AuthorRecord,
  update: Update,
  seq: number,
): Promise<MergeVerdict> {
  const { author, signature } = update;
  const before = seq === 1 ? firstHead(record.publicKey) : (await heldRecord(draft, author, seq - 1)).head;
  const theirs = update.entries.slice(seq - update.first);
  const last = lastOf(update);
  const theirHead = theirs.reduce<Bytes>(nextHead, before);
  if (signature === undefined || !verifyHead(record.publicKey, last, theirHead, signature)) {
    return refusal("differs from what its author signed");
  }
  const ours = await nearestSignature(draft, store, author, { seq, near: last, count: record.count });
  const at = Math.min(ours.seq, last);
  const ourBranch = {
    head: (await heldRecord(draft, author, at)).head,
    further: await heldEntries(draft, author, at + 1, ours.seq),
    signature: ours.signature,
  };
  const theirBranch = {
    head: theirs.slice(0, at - seq + 1).reduce<Bytes>(nextHead, before),
    further: theirs.slice(at - seq + 1),
    signature,
  };
  keepFork(
    draft,
    author,
    record,
    encodeFork({ publicKey: record.publicKey, seq: at, branches: [ourBranch, theirBranch] }),
  );
  pending.forget(author.hex);
  const [[mine], [other]] = [await heldEntries(draft, author, seq, seq), theirs];
  return { kind: "fork", seq, ours: mine ?? new Uint8Array(), theirs: other ?? new Uint8Array() };
}

/** Keeps evidence against an author, and puts it in quarantine. */
export function keepFork(draft: Draft, author: AuthorName, record: AuthorRecord, evidence: Bytes): void {
  draft.set(forkKey(author.bytes), evidence);
  draft.setAuthor(author, { ...record, quarantined: true });
}

interface HeldSignature {
  readonly seq: number;
  readonly signature: Uint8Array;
}

/** Of our signatures from position `seq` on that which is nearest to `near`: the proof then needs the fewest entries. */
async function nearestSignature(
  draft: Draft,
  store: Store,
  author: AuthorName,
  { seq, near, count }: { readonly seq: number; readonly near: number; readonly count: number },
): Promise<HeldSignature> {
  const found: HeldSignature[] = [];
  const [from, until] = [signatureKey(author.bytes, seq), signatureKey(author.bytes, near)];
  const ranges = [{ ...signatureRange(author.bytes, near) }, { from, until, reverse: true }];
  for (const range of ranges) {
    for await (const { key, value } of store.entries({ ...range, limit: 1 })) {
      found.push({ seq: seqOfKey(key), signature: value });
    }
  }
  // The last may stand in the draft only.
  const last = await draft.get(signatureKey(author.bytes, count));
  if (last !== undefined) found.push({ seq: count, signature: last });
  found.sort((a, b) => Math.abs(a.seq - near) - Math.abs(b.seq - near));
  if (found[0] === undefined) throw damaged(author);
  return found[0];
}

async function heldEntries(draft: Draft, author: AuthorName, first: number, last: number): Promise<readonly Bytes[]> {
  const entries: Bytes[] = [];
  for (let seq = first; seq <= last; seq++) entries.push((await heldRecord(draft, author, seq)).entry);
  return entries;
}

async function heldRecord(draft: Draft, author: AuthorName, seq: number): Promise<LogRecord> {
  const bytes = await draft.get(entryKey(author.bytes, seq));
  if (bytes === undefined) throw damaged(author);
  return decodeLogRecord(bytes);
}

function damaged(author: AuthorName): AgentError {
  return new AgentError("LOG_DAMAGED", `entries of the log of ${author.hex} are missing on disk`, {
    fix: "run `caye doctor`; if the card is old, replace it: neighbours hold copies",
  });
}

function refusal(reason: string): MergeVerdict {
  return { kind: "refused", reason };
}
