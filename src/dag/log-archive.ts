/**
 * A whole log as one run of bytes, to be taken in elsewhere. Layout: author's id (8), then runs: how many entries (u16), each
 * as length u8 and bytes, signature (64) over the head after the last one. Only what its author has signed is in it.
 * @module
 */
import { type Bytes, ByteReader, ByteWriter, concatBytes, copyBytes } from "../kernel/bytes.ts";
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { SIGNATURE_BYTES } from "../kernel/ed25519.ts";
import { MAX_ENTRY_BYTES } from "./entry.ts";
import { MAX_READ_ENTRIES } from "./log-reader.ts";
import type { Shard } from "./shard.ts";

const ID_BYTES = 8;

export interface LogArchive {
  /** 8 bytes. */
  readonly author: Bytes;
  readonly runs: readonly { readonly entries: readonly Bytes[]; readonly signature: Bytes }[];
}

/** @throws AgentError "LOG_DAMAGED" */
export async function exportLog(shard: Pick<Shard, "entries">, author: Uint8Array, count: number): Promise<Bytes> {
  const parts: Uint8Array[] = [author];
  for (let first = 1; first <= count;) {
    const { entries, signature } = await shard.entries(author, first, MAX_READ_ENTRIES);
    if (entries.length === 0 || signature === undefined) break;
    const writer = new ByteWriter().u16(entries.length);
    for (const entry of entries) writer.u8(entry.length).bytes(entry);
    parts.push(writer.bytes(signature).finish());
    first += entries.length;
  }
  return concatBytes(...parts);
}

/** The form only: merging it shows whether it holds. */
export function decodeLogArchive(bytes: Uint8Array): Decoded<LogArchive> {
  const reader = new ByteReader(bytes);
  const author = copyBytes(reader.take(ID_BYTES));
  const runs: { entries: Bytes[]; signature: Bytes }[] = [];
  while (reader.failure === undefined && reader.remaining > 0) {
    const count = reader.u16();
    if (count < 1 || count > MAX_READ_ENTRIES) reader.fail("wrong number of entries");
    const entries: Bytes[] = [];
    while (entries.length < count && reader.failure === undefined) {
      const length = reader.u8();
      if (length < 1 || length > MAX_ENTRY_BYTES) reader.fail("entry too long");
      entries.push(copyBytes(reader.take(length)));
    }
    runs.push({ entries, signature: copyBytes(reader.take(SIGNATURE_BYTES)) });
  }
  const failure = reader.done();
  return failure === undefined ? decoded({ author, runs }) : refused(failure);
}

/** How far it came. */
export type LogImport =
  | { readonly kind: "new" }
  | { readonly kind: "known" }
  | { readonly kind: "refused"; readonly reason: string };

/** Run by run: what is merged stays, also where a later run does not hold. @throws what the store throws */
export async function importLog(shard: Pick<Shard, "merge">, { author, runs }: LogArchive): Promise<LogImport> {
  let first = 1;
  let isNew = false;
  for (const { entries, signature } of runs) {
    const verdict = await shard.merge(author, first, entries, signature);
    if (verdict.kind === "refused") return { kind: "refused", reason: verdict.reason };
    if (verdict.kind === "fork") return { kind: "refused", reason: "its author signed two histories" };
    if (verdict.kind === "gap" || verdict.kind === "pending") return { kind: "refused", reason: "it does not hold" };
    isNew ||= verdict.kind === "merged";
    first += entries.length;
  }
  return { kind: isNew ? "new" : "known" };
}
