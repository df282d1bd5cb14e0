/**
 * A lock on a directory that the kernel holds for this process, and lets go when it dies, however it dies.
 *
 * Node has no file locks of its own; LevelDB takes one (`fcntl`) on each database that it opens. So the lock is a
 * database of its own that stays empty, and costs a few kilobytes. Unlike a socket's name it is bound to the disk: two
 * agents in two containers over one directory meet it too.
 * @module
 */
import { join } from "node:path";
import { Level } from "level";
import { isAgentError } from "../../kernel/errors.ts";
import { ensureDirectory } from "../directories.ts";
import {
  demandUnlocked,
  inUse,
  isDiskFull,
  isForbidden,
  isLocked,
  storeFailure,
  diskFull,
  unwritable,
} from "./failures.ts";
import { repair } from "./repair.ts";

const SETTINGS = { writeBufferSize: 2 ** 16, cacheSize: 0, maxOpenFiles: 16 };

/**
 * Holds `directory` until disposed. @param owner the directory that is named to people
 * @throws AgentError "STATE_IN_USE" at once when another holds it, "STATE_UNWRITABLE", "DISK_FULL", "STORE_IO"
 */
export async function lockDirectory(directory: string, owner: string): Promise<AsyncDisposable> {
  try {
    await demandUnlocked(owner, join(directory, "LOCK"));
    return await hold(directory);
  } catch (error) {
    const fatal = await fatalFailure(error, directory, owner);
    if (fatal !== undefined) throw fatal;
  }
  // Its few files are damaged, say by a power cut. Not removed and made anew: repair works under the lock, so that two
  // agents that come here at once can't both end up holding it.
  try {
    await repair(directory);
    return await hold(directory);
  } catch (error) {
    throw (await fatalFailure(error, directory, owner)) ?? storeFailure(error, owner);
  }
}

async function hold(directory: string): Promise<AsyncDisposable> {
  await ensureDirectory(directory, 0o700);
  const database = new Level(directory, SETTINGS);
  await database.open();
  return {
    async [Symbol.asyncDispose]() {
      await database.close();
    },
  };
}

async function fatalFailure(error: unknown, directory: string, owner: string): Promise<Error | undefined> {
  if (isAgentError(error)) return error;
  if (isLocked(error)) return inUse(owner, join(directory, "LOCK"), error);
  if (isDiskFull(error)) return diskFull(owner, error);
  return isForbidden(error) ? unwritable(owner, error) : undefined;
}
