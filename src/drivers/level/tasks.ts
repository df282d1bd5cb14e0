/**
 * What a group of calls means for the database. Sealing happens here, at the one place where writes stand in line: so
 * no value can be sealed under a key that a write before it has given up, and none is moved that was just replaced.
 * @module
 */
import { type Bytes, toHex } from "../../kernel/bytes.ts";
import { AgentError } from "../../kernel/errors.ts";
import type { ValueCipher } from "./cipher.ts";
import type { Operation } from "./database.ts";
import { encodeHeader } from "./header.ts";
import { arrivedRing, headerOf, type KeyRing, movingRing } from "./key-ring.ts";

export const HEADER_KEY = 0;

/** Keys are the database's; a value is in clear. */
export type Task =
  | { readonly kind: "put"; readonly key: Bytes; readonly value: Bytes }
  | { readonly kind: "delete"; readonly key: Bytes }
  /** From now on values are written under the next key. */
  | { readonly kind: "begin"; readonly next: ValueCipher }
  /** Seals those again that are under the former key. All up to the cursor are then under the current one. */
  | { readonly kind: "move"; readonly keys: readonly Bytes[]; readonly cursor: Bytes | undefined }
  /** Nothing is under the former key any more. */
  | { readonly kind: "end" };

export interface Planned {
  readonly operations: readonly Operation[];
  /** In force once the operations are on disk. */
  readonly ring: KeyRing;
}

type Read = (key: Bytes) => Promise<Uint8Array | undefined>;
type Move = Extract<Task, { kind: "move" }>;

/** @param read the sealed value on disk @throws AgentError "STORE_REKEYING", and what reading throws */
export async function plan(tasks: readonly Task[], before: KeyRing, read: Read): Promise<Planned> {
  const operations: Operation[] = [];
  let ring = before;
  for (const task of tasks) {
    if (task.kind === "delete") operations.push({ type: "del", key: task.key });
    else if (task.kind === "put") operations.push(sealed(ring, task.key, task.value));
    else if (task.kind === "move") operations.push(...(await moved(task, ring, tasks, read)));
    ring = ringAfter(task, ring);
  }
  if (ring !== before) {
    operations.push({ type: "put", key: Uint8Array.of(HEADER_KEY), value: encodeHeader(headerOf(ring)) });
  }
  return { operations, ring };
}

/** What others in the group write anew is left to them: their value is the later one. */
async function moved({ keys }: Move, ring: KeyRing, group: readonly Task[], read: Read): Promise<readonly Operation[]> {
  const written = new Set(group.flatMap((task) => ("key" in task ? [toHex(task.key)] : [])));
  const operations: Operation[] = [];
  for (const key of keys) {
    if (written.has(toHex(key))) continue;
    const value = ring.former?.open(key, (await read(key)) ?? new Uint8Array());
    if (value !== undefined) operations.push(sealed(ring, key, value));
  }
  return operations;
}

function ringAfter(task: Task, ring: KeyRing): KeyRing {
  if (task.kind === "begin") return begun(ring, task.next);
  if (ring.former === undefined) return ring;
  if (task.kind === "end") return arrivedRing(ring.current);
  return task.kind === "move" && task.cursor !== undefined ? { ...ring, cursor: task.cursor } : ring;
}

function sealed({ current }: KeyRing, key: Bytes, value: Uint8Array): Operation {
  return { type: "put", key, value: current.seal(key, value) };
}

function begun(ring: KeyRing, next: ValueCipher): KeyRing {
  if (ring.former === undefined) return movingRing(ring, next);
  throw new AgentError("STORE_REKEYING", "the store is on its way to another key already", {
    fix: "wait until that has ended: caye status tells how far it is",
  });
}
