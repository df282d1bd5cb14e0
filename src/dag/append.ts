/**
 * Verified entries become part of a log: the entries, the indexes over them, the author's new head.
 * @module
 */
import { type Bytes, equalBytes } from "../kernel/bytes.ts";
import { addBlocks } from "./add-blocks.ts";
import { cidOf } from "./cid.ts";
import type { Draft } from "./draft.ts";
import { type AuthorEntry, type FileEntry, decodeEntry } from "./entry.ts";
import { type Handover, decodeHandover, isAgreed } from "./handover.ts";
import { arrivalKey, entryKey, fileKey, handoverKey, namedKey, signatureKey, titleKey } from "./keys.ts";
import {
  type AuthorRecord,
  type EntrySummary,
  encodeArrivalRecord,
  encodeFileRecord,
  encodeHandoverRecord,
  encodeLogRecord,
} from "./records.ts";

export interface AuthorName {
  /** 8 bytes. */
  readonly bytes: Bytes;
  /** The same in 16 hex digits. */
  readonly hex: string;
}

/** An entry in its place in the chain. */
export interface Link {
  readonly seq: number;
  readonly bytes: Bytes;
  /** Head after it. */
  readonly head: Bytes;
}

type Meaning = AuthorEntry | FileEntry | Handover;

/**
 * @param links at least one, in a row, the first after what is held
 * @param signature over the head of the last
 */
export async function appendLinks(
  draft: Draft,
  author: AuthorName,
  publicKey: Bytes,
  links: readonly Link[],
  signature: Uint8Array,
): Promise<void> {
  const [first] = links;
  const last = links.at(-1);
  if (first === undefined || last === undefined) return;
  const arrival = draft.totals().arrivals;
  let name = draft.author(author.hex)?.name ?? "";
  let ended = await draft.has(handoverKey(author.bytes));
  for (const link of links) {
    const { seq, head, bytes } = link;
    // Whoever still has a key that was handed over may write on: it is held, and means nothing.
    const entry = ended ? undefined : meaningOf(bytes, publicKey);
    draft.set(entryKey(author.bytes, seq), encodeLogRecord({ head, entry: bytes, summary: summaryOf(entry) }));
    if (entry?.kind === "author") name = entry.name;
    if (entry?.kind === "file") await indexFile(draft, author.bytes, entry, { seq, arrival });
    if (entry?.kind === "handover") {
      draft.set(handoverKey(author.bytes), encodeHandoverRecord({ seq, successor: entry.successor }));
      ended = true;
    }
  }
  draft.set(signatureKey(author.bytes, last.seq), signature);
  draft.set(arrivalKey(arrival), encodeArrivalRecord({ author: author.bytes, first: first.seq, count: links.length }));
  draft.setTotals({ ...draft.totals(), arrivals: arrival + 1 });
  const record: AuthorRecord = { publicKey, count: last.seq, head: last.head, name, quarantined: false };
  draft.setAuthor(author, record);
}

/**
 * Undefined for an entry that means nothing here: of a kind or a packing to come, or malformed. It is its author's all the
 * same, and held and passed on: were it refused, the log would end there for ever.
 */
function meaningOf(bytes: Bytes, publicKey: Bytes): Meaning | undefined {
  const entry = decodeEntry(bytes);
  if (!entry.ok) return undefined;
  if (entry.value.kind === "other") {
    const handover = decodeHandover(bytes);
    return handover.ok && isAgreed(handover.value, publicKey) ? handover.value : undefined;
  }
  if (entry.value.kind === "author" && !equalBytes(entry.value.publicKey, publicKey)) return undefined;
  return entry.value;
}

function summaryOf(entry: Meaning | undefined): EntrySummary {
  if (entry === undefined || entry.kind === "handover") return { kind: "other" };
  if (entry.kind === "author") return { kind: "author", name: entry.name };
  const { codec, prefix, bytes, name } = entry;
  return { kind: "file", codec, prefix, bytes, name };
}

async function indexFile(
  draft: Draft,
  author: Bytes,
  { codec, prefix, bytes, name, content }: FileEntry,
  { seq, arrival }: { readonly seq: number; readonly arrival: number },
): Promise<void> {
  const key = fileKey(author, name);
  if (!(await draft.has(key))) {
    const totals = draft.totals();
    draft.setTotals({ ...totals, files: totals.files + 1 });
    draft.set(titleKey(name, author), new Uint8Array());
  }
  draft.set(key, encodeFileRecord({ codec, prefix, bytes, seq, arrival }));
  draft.set(namedKey(prefix, author, seq), new Uint8Array());
  if (content !== undefined) await addBlocks(draft, [{ cid: cidOf("raw", content), bytes: content }]);
}
