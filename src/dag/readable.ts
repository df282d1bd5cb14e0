/**
 * Rows of the store, less those that the disk has damaged: one flipped bit must not hide all that stands beside it.
 * @module
 */
import { concatBytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import type { Range, Store } from "../ports/store.ts";

interface Row {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** As `store.entries`, without the rows whose values fail authentication: from the first such on, it reads one by one. */
export async function* readable(store: Store, range: Range): AsyncGenerator<Row> {
  let { from, until } = range;
  let left = range.limit ?? Number.POSITIVE_INFINITY;
  try {
    for await (const row of store.entries(range)) {
      if (range.reverse === true) until = row.key;
      else from = concatBytes(row.key, Uint8Array.of(0));
      left--;
      yield row;
    }
    return;
  } catch (error) {
    if (!isAgentError(error, "STORE_CORRUPT")) throw error;
  }
  for await (const key of store.keys({ from, until, reverse: range.reverse ?? false })) {
    if (left <= 0) return;
    const value = await soundValue(store, key);
    if (value === undefined) continue;
    left--;
    yield { key, value };
  }
}

async function soundValue(store: Store, key: Uint8Array): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key);
  } catch (error) {
    if (isAgentError(error, "STORE_CORRUPT")) return undefined;
    throw error;
  }
}
