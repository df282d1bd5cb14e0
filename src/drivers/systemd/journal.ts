/** Does the journal read what this process writes? systemd.exec(5), `JOURNAL_STREAM`; sd-daemon(3) for the levels. @module */
import { fstatSync } from "node:fs";
import { env } from "node:process";

/** The variable alone proves nothing: whoever is started by a service inherits it, and writes elsewhere. */
export function isJournal(environment: NodeJS.ProcessEnv = env, descriptor = 1): boolean {
  const [, device, inode] = /^(\d+):(\d+)$/.exec(environment["JOURNAL_STREAM"] ?? "") ?? [];
  if (device === undefined || inode === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return dev === BigInt(device) && ino === BigInt(inode);
  } catch {
    return false;
  }
}
