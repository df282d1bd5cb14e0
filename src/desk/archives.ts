/** Files as CAR archives, to carry on a stick: out of the shard, and into it. @module */
import { AgentError } from "../kernel/errors.ts";
import type { ImportReport } from "../kernel/reports.ts";
import { exportCar, importCar } from "../dag/car.ts";
import { parseCid } from "../dag/cid.ts";
import type { OpenParts } from "./parts.ts";

/** Undefined for what is no CID of ours. @throws AgentError "FILE_MISSING", "MANIFEST_BAD", "BLOCK_CORRUPT" */
export async function exportArchive({ shard }: OpenParts, cid: string): Promise<Uint8Array | undefined> {
  const root = parseCid(cid);
  return root === undefined ? undefined : exportCar(shard, root);
}

/** @throws AgentError "CAR_INVALID": nothing was stored; and what a put throws */
export async function importArchive(
  { shard, exchange }: OpenParts,
  archive: Uint8Array,
  name: string | undefined,
): Promise<ImportReport> {
  const imported = await importCar(shard, archive, name);
  if (!imported.ok) {
    throw new AgentError("CAR_INVALID", `this is no whole archive of one file of ours: ${imported.reason}`, {
      fix: "Export it anew where the file is: caye export NAME. To store any file as it is: caye put FILE.",
    });
  }
  const { cid, bytes, blocks, seq } = imported.value;
  if (seq !== undefined) exchange.announce();
  return { cid: cid.toString(), name: name ?? "", bytes, blocks, seq: seq ?? null };
}
