/**
 * Verified entries become part of a log: the entries, the indexes over them, the author's new head.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";
import { addBlocks } from "./add-blocks.ts";
import { cidOf } from "./cid.ts";
import type { Draft } from "./draft.ts";
import type { Entry, FileEntry } from "./entry.ts";
import { arrivalKey, entryKey, fileKey, namedKey, signatureKey } from "./keys.ts";
import { type AuthorRecord, encodeArrivalRecord, encodeFileRecord, encodeLogRecord } from "./records.ts";

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
  readonly entry: Entry;
  /** Head after it. */
  readonly head: Bytes;
}

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
  for (const link of links) {
    draft.set(entryKey(author.bytes, link.seq), encodeLogRecord({ head: link.head, entry: link.bytes }));
    if (link.entry.kind === "author") name = link.entry.name;
    if (link.entry.kind === "file") await indexFile(draft, author.bytes, link.entry, { seq: link.seq, arrival });
  }
  draft.set(signatureKey(author.bytes, last.seq), signature);
  draft.set(arrivalKey(arrival), encodeArrivalRecord({ author: author.bytes, first: first.seq, count: links.length }));
  draft.setTotals({ ...draft.totals(), arrivals: arrival + 1 });
  const record: AuthorRecord = { publicKey, count: last.seq, head: last.head, name, quarantined: false };
  draft.setAuthor(author, record);
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
  }
  draft.set(key, encodeFileRecord({ codec, prefix, bytes, seq, arrival }));
  draft.set(namedKey(prefix, author, seq), new Uint8Array());
  if (content !== undefined) await addBlocks(draft, [{ cid: cidOf("raw", content), bytes: content }]);
}
