/**
 * Whether a card is as plain as FAT makes it. One that comes back from the field may have been formatted otherwise: a link on it
 * would have the operator's own files read, overwritten or removed, and a pipe is never read to its end.
 * @module
 */
import { AgentError } from "../kernel/errors.ts";
import type { Machine } from "../ports/machine.ts";

/** All that is looked at or written beside our own folder. */
const BESIDE = [
  ..."autoboot.txt boot.img cmdline.txt config.txt meta-data network-config overlays user-data".split(" "),
  ..."PROVISION-FAILED.txt PROVISION-OK.txt".split(" "),
];
/** Each only once what is above it is known to be plain. */
const FOLDERS = ["caye", "caye/certificates", "caye/release-keys", "caye/requests"];

/** @throws AgentError "CARD_REFUSED" */
export async function mustBePlain(machine: Machine, directory: string): Promise<void> {
  const look = (path: string): Promise<void> => mustBeOwn(machine, directory, path);
  for (const path of [...BESIDE, "caye"]) await look(path);
  for (const folder of FOLDERS) {
    for (const name of await machine.list(`${directory}/${folder}`)) await look(`${folder}/${name}`);
  }
}

async function mustBeOwn(machine: Machine, directory: string, path: string): Promise<void> {
  const full = `${directory}/${path}`;
  const isLink = await machine.isLink(full);
  if (!isLink && (await machine.status(full))?.kind !== "special") return;
  const what = isLink ? "a link to another place" : "neither a file nor a folder";
  throw new AgentError("CARD_REFUSED", `${full} is ${what}, which no card of Caye has`, {
    fix: "trust nothing on this card: look where it was, and write another image to it",
  });
}
