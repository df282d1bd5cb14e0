/** Where backups lie, under which names, and which of them have had their time. @module */
import { fromUtf8 } from "../kernel/bytes.ts";
import type { BackupContents } from "../kernel/upkeep.ts";
import type { Machine } from "../ports/machine.ts";

const MOUNTS = "/proc/self/mounts";
/** Where sticks are mounted: an empty directory there is the node's own card. */
const FOR_STICKS = /^\/(?:media|mnt|run\/media)\//;

/** `clinic-3f9a1c20b4d5e6f7-20270214T031500Z.caye-backup`; without a clock the time is of 1970, and sorts first. */
const NAME = /^[A-Za-z0-9_-]{1,24}-([0-9a-f]{16})-\d{8}T\d{6}Z\.caye-backup$/;

export function placeOf(directory: string, { node, author, at_s }: Omit<BackupContents, "items">): string {
  const readable = node.replaceAll(/[^A-Za-z0-9_-]/g, "_").slice(0, 24) || "node";
  const time = new Date(1000 * at_s).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  return `${directory}/${readable}-${author}-${time}.caye-backup`;
}

/** Of this author's backups all but the newest `keep`; other files are none of ours. @param keep 1 or more */
export function olderThanKept(names: readonly string[], author: string, keep: number): readonly string[] {
  const timeOf = (name: string): string => name.slice(-"YYYYMMDDTHHMMSSZ.caye-backup".length);
  return names
    .filter((name) => NAME.exec(name)?.[1] === author)
    .toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : 1))
    .slice(0, -keep);
}

/** Undefined when backups may be put there. */
export async function placeFlaw(
  machine: Pick<Machine, "read" | "status">,
  directory: string,
): Promise<string | undefined> {
  if ((await machine.status(directory))?.kind !== "directory") return `there is no directory ${directory}`;
  const bytes = await machine.read(MOUNTS);
  if (!FOR_STICKS.test(directory) || bytes === undefined) return undefined;
  const points = (fromUtf8(bytes) ?? "").split("\n").map((line) => unescaped(line.split(" ")[1] ?? ""));
  const isMounted = points.some((point) => FOR_STICKS.test(`${point}/`) && `${directory}/`.startsWith(`${point}/`));
  return isMounted ? undefined : `no stick is mounted at ${directory}`;
}

/** As `getmntent` reads it: a space stands as \040. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCodePoint(Number.parseInt(octal, 8)));
}
