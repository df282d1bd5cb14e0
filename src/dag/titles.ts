/**
 * The index from names to authors, made for stores that an earlier version wrote without one.
 * @module
 */
import { fromUtf8 } from "../kernel/bytes.ts";
import type { Change, Store } from "../ports/store.ts";
import { filesRange, parseFileKey, titleKey, TITLES_KEY } from "./keys.ts";

/** Changes that are written at once. */
const MAX_CHANGES = 1024;

/** Where the index stands already, and in an empty store, it costs one look. Half an index does no harm: it is made again. */
export async function indexTitles(store: Store): Promise<void> {
  if (await store.has(TITLES_KEY)) return;
  let changes: Change[] = [];
  for await (const key of store.keys(filesRange())) {
    const { author, name } = parseFileKey(key);
    changes.push({ key: titleKey(fromUtf8(name) ?? "", author), value: new Uint8Array() });
    if (changes.length < MAX_CHANGES) continue;
    await store.write(changes);
    changes = [];
  }
  await store.write([...changes, { key: TITLES_KEY, value: new Uint8Array() }]);
}
