/** Maps that remember the last things only: what comes from outside must never fill the memory. @module */

/**
 * Sets a key, which counts as used now; beyond the capacity the one used longest ago is forgotten. (A Map keeps the order
 * in which its keys were set.)
 * @param capacity 1 or more
 */
export function keepRecent<K, V>(map: Map<K, V>, key: K, value: V, capacity: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > capacity && oldest.done !== true) map.delete(oldest.value);
}
