/**
 * From what came to what it says: in a private village only sealed messages count, elsewhere only those in plain.
 * @module
 */
import { decoded, refused, type Decoded } from "../kernel/decoded.ts";
import { decodeMessage } from "../wire/codec.ts";
import type { Message } from "../wire/messages.ts";
import type { Sealed } from "../wire/sealed.ts";
import type { Sealing } from "./sealing.ts";

/** What is dispatched: a sealed message is opened before. */
export type Plain = Exclude<Message, Sealed>;

/** @param sealing undefined where there is no group key */
export function plainOf(payload: Uint8Array, from: number, sealing: Sealing | undefined): Decoded<Plain> {
  const message = decodeMessage(payload);
  if (!message.ok) return message;
  if (message.value.type !== "sealed") return sealing === undefined ? decoded(message.value) : refused("unsealed");
  if (sealing === undefined) return refused("sealed for others");
  const opened = sealing.open(message.value, from);
  if (!opened.ok) return opened;
  const inner = decodeMessage(opened.value);
  if (!inner.ok) return inner;
  return inner.value.type === "sealed" ? refused("sealed twice") : decoded(inner.value);
}

/** Counted under names of their own; all else is `packets_refused` only. */
const TOLD: ReadonlySet<string> = new Set([
  "unsealed",
  "sealed for others",
  "key unknown",
  "forged",
  "replayed",
  "stale",
  "ahead",
]);

/** The counter of a reason; undefined when it has none. */
export function counterOf(reason: string): string | undefined {
  return TOLD.has(reason) ? `refused_${reason.replaceAll(" ", "_")}` : undefined;
}
