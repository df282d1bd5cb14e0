/**
 * Reading logs back: to pass them on, and to check them.
 * @module
 */
import { type Bytes, copyBytes, equalBytes } from "../kernel/bytes.ts";
import { AgentError } from "../kernel/errors.ts";
import type { Store } from "../ports/store.ts";
import { type Author } from "./author.ts";
import { SIGNATURE_BYTES } from "../kernel/ed25519.ts";
import { firstHead, nextHead, signHead, verifyHead } from "./index-log.ts";
import { entryRange, signatureRange } from "./keys.ts";
import { type AuthorRecord, type LogRecord, decodeLogRecord } from "./records.ts";

/** Entries handed out at once. */
export const MAX_READ_ENTRIES = 1024;

export interface Run {
  readonly entries: readonly Bytes[];
  readonly signature: Bytes | undefined;
}

/**
 * Entries from `first` on. Of another's log the run ends, if it can, at an entry whose head its author has signed: only
 * such a run is worth anything to a neighbour by itself.
 * @param own signs the end of its own log, wherever that is
 * @throws AgentError "LOG_DAMAGED"
 */
export async function readRun(
  store: Store,
  author: Uint8Array,
  record: AuthorRecord,
  range: { readonly first: number; readonly count: number },
  own: Author | undefined,
): Promise<Run> {
  const { first } = range;
  const last = Math.min(record.count, first + Math.min(range.count, MAX_READ_ENTRIES) - 1);
  if (first < 1 || last < first) return { entries: [], signature: undefined };
  const signed = own === undefined ? await lastSignature(store, author, first, last) : undefined;
  const end = signed?.seq ?? last;
  const records = await readRecords(store, author, first, end);
  const head = records.at(-1)?.head;
  if (records.length !== end - first + 1 || head === undefined) {
    throw new AgentError("LOG_DAMAGED", "entries of a log are missing on disk", {
      fix: "run `caye doctor`; if the card is old, replace it: neighbours hold copies",
    });
  }
  const signature = own === undefined ? signed?.signature : signHead(own, end, head);
  return { entries: records.map(({ entry }) => entry), signature };
}

/** How many entries from the first on are chained as they should be and covered by a signature. */
export async function verifyRecords(store: Store, author: Uint8Array, record: AuthorRecord): Promise<number> {
  const heads: Bytes[] = [];
  let head = firstHead(record.publicKey);
  for (let first = 1; first <= record.count; first += MAX_READ_ENTRIES) {
    const last = Math.min(record.count, first + MAX_READ_ENTRIES - 1);
    for (const { entry, head: stored } of await readRecords(store, author, first, last)) {
      head = nextHead(head, entry);
      if (!equalBytes(head, stored)) break;
      heads.push(head);
    }
    if (heads.length < last) break;
  }
  const signed = await lastSignature(store, author, 1, heads.length);
  const covered = signed === undefined ? undefined : heads[signed.seq - 1];
  if (signed === undefined || covered === undefined) return 0;
  return verifyHead(record.publicKey, signed.seq, covered, signed.signature) ? signed.seq : 0;
}

/** Fewer than asked for when one is missing: those before it. */
async function readRecords(
  store: Store,
  author: Uint8Array,
  first: number,
  last: number,
): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const { key, value } of store.entries(entryRange(author, first, last))) {
    if (Buffer.from(key).readUInt32BE(key.length - 4) !== first + records.length) break;
    records.push(decodeLogRecord(value));
  }
  return records;
}

/** The last signature over a head between two positions. */
async function lastSignature(
  store: Store,
  author: Uint8Array,
  first: number,
  last: number,
): Promise<{ readonly seq: number; readonly signature: Bytes } | undefined> {
  if (last < first) return undefined;
  const { from } = signatureRange(author, first);
  const { from: until } = signatureRange(author, last + 1);
  for await (const { key, value } of store.entries({ from, until, reverse: true, limit: 1 })) {
    if (value.length !== SIGNATURE_BYTES) return undefined;
    return { seq: Buffer.from(key).readUInt32BE(key.length - 4), signature: copyBytes(value) };
  }
  return undefined;
}
