/** What scenarios of the index look at in shards: what was written, and how much of it a house knows. @module */
import type { Shard } from "../dag/shard.ts";

export interface Written {
  readonly entries: number;
  readonly bytes: number;
  /** Who wrote any of it. */
  readonly authors: number;
}

/** All that the shards' own authors wrote. @param from first sequence number that counts; 1 is the introduction */
export async function writtenBy(shards: readonly Shard[], from: number): Promise<Written> {
  const written = { entries: 0, bytes: 0, authors: 0 };
  for (const shard of shards) {
    const own = await shard.entries(shard.author.id, from, 65_535);
    written.entries += own.entries.length;
    written.bytes += own.entries.reduce((all, entry) => all + entry.length, 0);
    if (own.entries.length > 0) written.authors++;
  }
  return written;
}

/** Entries that a house knows, of all authors. */
export function heldBy(shard: Shard): number {
  return shard.vector().reduce((all, { count }) => all + count, 0);
}
