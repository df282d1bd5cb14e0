/**
 * The directory where the agent keeps what must outlive it: one agent at a time, readable by nobody else.
 * @module
 */
import { chmod, readFile, readdir, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { copyBytes, utf8 } from "../kernel/bytes.ts";
import { AgentError, describeError, isAgentError, systemCode } from "../kernel/errors.ts";
import { isLeftover, syncDirectory, writeFileAtomic } from "./atomic-file.ts";
import { ensureDirectory } from "./directories.ts";
import { diskFull, isDiskFull, isForbidden, storeFailure, unwritable } from "./level/failures.ts";
import { lockDirectory } from "./level/lock.ts";

/** Raised when an older Caye could not read a state directory of this one. */
export const STATE_FORMAT = 1;

const VERSION_FILE = "version";
const LOCK = "lock";
/** A directory may hold these before it is ours: a fresh file system has the one, systemd's user the other. */
const INNOCENT = new Set(["lost+found", LOCK]);
/** What the system says of a path where no directory can be. */
const UNFIT = new Set(["EEXIST", "ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG"]);
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export interface StateDirectory extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
  /** The content of a file; undefined when there is none. @throws AgentError "STATE_IO" */
  read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Replaces a file whole and durably. Calls run one after another. @param mode 0o600 when left out
   * @throws AgentError "DISK_FULL", "STATE_UNWRITABLE", "STATE_IO": the old content then stands
   */
  writeAtomic(name: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Durable; nothing happens when there is no such file. */
  remove(name: string): Promise<void>;
  /** The path of a directory within, created with mode 0700 if need be. */
  subdirectory(name: string): Promise<string>;
}

/**
 * Opens, and if need be creates, the state directory, and holds it until disposed. The kernel lets go of it when the
 * process dies, so that a crash never blocks the next start.
 * @throws AgentError "STATE_IN_USE" (another agent runs on it), "STATE_UNWRITABLE", "STATE_FOREIGN" (something else is
 *   kept there), "STATE_NEWER", "DISK_FULL", "STATE_IO"
 */
export async function openStateDirectory(path: string): Promise<StateDirectory> {
  const directory = resolve(path);
  await using cleanup = new AsyncDisposableStack();
  try {
    await prepare(directory);
    cleanup.use(await lockDirectory(join(directory, LOCK), directory));
    await settleVersion(directory);
    await sweep(directory);
    return new LockedDirectory(directory, cleanup.move());
  } catch (error) {
    throw stateFailure(error, directory);
  }
}

/**
 * Looks at the files of a state directory without holding it: an agent may run there. @throws from `read`, AgentError
 * "STATE_IO", "STATE_UNWRITABLE" where it can't be read
 */
export function stateFiles(path: string): Pick<StateDirectory, "read"> {
  const directory = resolve(path);
  return { read: (name) => readIfThere(fileIn(directory, name), directory) };
}

/** Nothing is changed before it is clear that the directory is ours: a slip like `--state /tmp` must do no harm. */
async function prepare(directory: string): Promise<void> {
  await ensureDirectory(directory, 0o700);
  const names = await readdir(directory);
  if (!names.includes(VERSION_FILE) && names.some((name) => !INNOCENT.has(name) && !isLeftover(name))) {
    // Only where it looks like ours: whoever followed this advice for another directory would hand it over to us.
    const ours = names.includes("store") && names.includes(LOCK);
    const lost = ours ? `; if only the file ${VERSION_FILE} was lost: echo 1 > ${join(directory, VERSION_FILE)}` : "";
    throw new AgentError("STATE_FOREIGN", `${directory} holds other files, and no state of Caye`, {
      fix: `choose an empty directory, or one that does not exist yet${lost}`,
    });
  }
  const { mode, uid } = await stat(directory);
  if ((mode & 0o077) !== 0 && uid === process.getuid?.()) await chmod(directory, 0o700);
}

async function settleVersion(directory: string): Promise<void> {
  const path = join(directory, VERSION_FILE);
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  const version = /^([0-9]{1,9})\n$/.exec(text ?? "")?.[1];
  if (version !== undefined && Number(version) > STATE_FORMAT) {
    throw new AgentError(
      "STATE_NEWER",
      `${directory} was written by a newer Caye (format ${version}, this one reads up to ${STATE_FORMAT})`,
      { fix: "install the Caye that wrote it, or a newer one; the directory is left as it is" },
    );
  }
  // Also where the file is empty or torn: format 1 is the oldest, so nothing is misread by that.
  if (version === undefined) await writeFileAtomic(path, utf8(`${STATE_FORMAT}\n`), 0o600);
}

/** Removes what a process that died in the middle of a write left behind. */
async function sweep(directory: string): Promise<void> {
  for (const name of await readdir(directory)) if (isLeftover(name)) await rm(join(directory, name), { force: true });
}

class LockedDirectory implements StateDirectory {
  readonly path: string;
  readonly #lock: AsyncDisposableStack;
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(path: string, lock: AsyncDisposableStack) {
    this.path = path;
    this.#lock = lock;
  }

  async read(name: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = this.#inside(name);
    await this.#last;
    return readIfThere(path, this.path);
  }

  writeAtomic(name: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
    const content = copyBytes(bytes);
    return this.#inTurn(name, (path) => writeFileAtomic(path, content, mode));
  }

  remove(name: string): Promise<void> {
    return this.#inTurn(name, async (path) => {
      await rm(path, { force: true });
      await syncDirectory(this.path);
    });
  }

  async subdirectory(name: string): Promise<string> {
    const path = this.#inside(name);
    try {
      await ensureDirectory(path, 0o700);
      return path;
    } catch (error) {
      throw stateFailure(error, this.path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#lock.disposeAsync();
  }

  async #inTurn(name: string, change: (path: string) => Promise<void>): Promise<void> {
    const path = this.#inside(name);
    const mine = this.#last.then(() => change(path));
    this.#last = mine.catch(() => undefined);
    try {
      await mine;
    } catch (error) {
      throw stateFailure(error, this.path);
    }
  }

  #inside(name: string): string {
    if (this.#closed) throw new AgentError("STATE_CLOSED", "the state directory is closed");
    return fileIn(this.path, name);
  }
}

function fileIn(directory: string, name: string): string {
  if (!NAME.test(name) || name === LOCK || name === VERSION_FILE) {
    throw new RangeError(`not a name for a state file: ${name}`);
  }
  return join(directory, name);
}

async function readIfThere(path: string, directory: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return copyBytes(await readFile(path));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw stateFailure(error, directory);
  }
}

function stateFailure(error: unknown, directory: string): Error {
  if (isAgentError(error)) return error;
  if (isDiskFull(error)) return diskFull(directory, error);
  if (isForbidden(error)) return unwritable(directory, error);
  if (UNFIT.has(systemCode(error) ?? "")) {
    // No change of owner would help here.
    return new AgentError("STATE_UNWRITABLE", `${directory} can't be the state directory: ${describeError(error)}`, {
      cause: error,
      fix: "choose another one: CAYE_STATE=DIR",
    });
  }
  const failure = storeFailure(error, directory);
  if (!isAgentError(failure)) return failure;
  const fix = failure.fix === undefined ? {} : { fix: failure.fix };
  return new AgentError("STATE_IO", failure.message, { cause: error, ...fix });
}
