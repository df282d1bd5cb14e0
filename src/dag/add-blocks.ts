/**
 * Blocks on their way to the disk, each once.
 * @module
 */
import { equalBytes } from "../kernel/bytes.ts";
import { isAgentError } from "../kernel/errors.ts";
import { isEmptyRef, refOf } from "./block-ref.ts";
import { type Cid, codecOf, digestOf, sha256 } from "./cid.ts";
import type { Draft } from "./draft.ts";
import { blockKey } from "./keys.ts";
import type { Block } from "./manifest.ts";
import { decodeBlockRecord, encodeBlockRecord } from "./records.ts";

/** Adds blocks that are not here, or not sound, to a draft. They must be what their CIDs name. */
export async function addBlocks(draft: Draft, blocks: readonly Block[]): Promise<void> {
  let { blocks: count, bytes: total } = draft.totals();
  for (const { cid, bytes } of blocks) {
    const key = blockKey(digestOf(cid));
    const state = isEmptyRef(refOf(cid)) ? "sound" : await stateOf(draft, key, cid);
    if (state === "sound") continue;
    draft.set(key, encodeBlockRecord(codecOf(cid), bytes));
    if (state === "damaged") continue;
    count++;
    total += bytes.length;
  }
  const totals = draft.totals();
  if (count !== totals.blocks) draft.setTotals({ ...totals, blocks: count, bytes: total });
}

/** Whether a block stands in the draft or below it, as its CID says. */
async function stateOf(draft: Draft, key: Uint8Array, cid: Cid): Promise<"absent" | "sound" | "damaged"> {
  if (!(await draft.has(key))) return "absent";
  try {
    const record = await draft.get(key);
    if (record === undefined) return "absent";
    return equalBytes(sha256(decodeBlockRecord(record).bytes), digestOf(cid)) ? "sound" : "damaged";
  } catch (error) {
    if (isAgentError(error, "STORE_CORRUPT")) return "damaged";
    throw error;
  }
}
