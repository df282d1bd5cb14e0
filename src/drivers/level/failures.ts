/**
 * LevelDB's failures in our words. It reports them as English text from the C library, so that is what we match.
 * @module
 */
import { readFile, stat } from "node:fs/promises";
import { AgentError, describeError, isAgentError, systemCode } from "../../kernel/errors.ts";

/** A failure of reading or writing as an AgentError: "DISK_FULL", "STORE_CORRUPT", "STORE_IO"; a fault of ours as it is. */
export function storeFailure(error: unknown, directory: string): Error {
  if (isAgentError(error)) return error;
  if (error instanceof Error && codes(error).length === 0) return error;
  if (isDiskFull(error)) return diskFull(directory, error);
  if (codes(error).includes("LEVEL_CORRUPTION")) {
    return new AgentError("STORE_CORRUPT", `the store in ${directory} is damaged`, {
      cause: error,
      fix: "run `caye doctor`; if the card is old, replace it: neighbours hold copies",
    });
  }
  return new AgentError("STORE_IO", `the disk under ${directory} fails: ${describeError(error)}`, {
    cause: error,
    fix: "look at `dmesg` for errors of the card; replace it if there are any",
  });
}

export function diskFull(directory: string, cause?: unknown): AgentError {
  return new AgentError("DISK_FULL", `no space is left on the disk that holds ${directory}`, {
    ...(cause === undefined ? {} : { cause }),
    fix: "free some space on that disk; nothing that was confirmed is lost, and an agent that runs goes on reading",
  });
}

export function isDiskFull(error: unknown): boolean {
  return mentions(error, /ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/);
}

export function isLocked(error: unknown): boolean {
  return codes(error).includes("LEVEL_LOCKED");
}

export function isForbidden(error: unknown): boolean {
  return mentions(error, /EACCES|EPERM|EROFS|Permission denied|Operation not permitted|Read-only file system/);
}

export function unwritable(directory: string, cause: unknown): AgentError {
  return new AgentError("STATE_UNWRITABLE", `${directory} cannot be written: ${describeError(cause)}`, {
    cause,
    fix: `make it the agent's own: sudo chown -R $(id -un) ${directory}; or choose another state directory`,
  });
}

/**
 * Must come before LevelDB is asked to open a directory: were it this very process that has it open already, LevelDB would
 * open and close the lock file once more, and thereby, by POSIX, give up the lock that we hold.
 * @throws AgentError "STATE_IN_USE"
 */
export async function demandUnlocked(directory: string, lockFile: string): Promise<void> {
  if ((await lockHolder(lockFile)) !== undefined) throw await inUse(directory, lockFile);
}

/** @param lockFile the file that LevelDB locks */
export async function inUse(directory: string, lockFile: string, cause?: unknown): Promise<AgentError> {
  const pid = await lockHolder(lockFile);
  const who = pid === undefined ? "another process" : `process ${pid}`;
  const fix = pid === undefined ? "stop the other agent first" : `stop it first (systemctl stop caye, or kill ${pid})`;
  return new AgentError("STATE_IN_USE", `${who} is using ${directory}`, {
    ...(cause === undefined ? {} : { cause }),
    fix: `${fix}, or give this agent another state directory`,
  });
}

/** The process that holds a POSIX lock on the file, by the kernel's own list; undefined where there is none to read. */
async function lockHolder(lockFile: string): Promise<number | undefined> {
  try {
    const { ino } = await stat(lockFile);
    for (const line of (await readFile("/proc/locks", "utf8")).split("\n")) {
      const fields = line.trim().split(/\s+/);
      if (fields[1] === "POSIX" && fields[5]?.endsWith(`:${ino}`) === true) {
        const pid = Number(fields[4]);
        // 0 is a process that this container can't see: it shows in LevelDB's own refusal.
        return pid > 0 ? pid : undefined;
      }
    }
  } catch {
    // Not Linux, or /proc is hidden: the sentence then names nobody.
  }
  return undefined;
}

/** The codes of an error and of its causes. */
function codes(error: unknown): readonly string[] {
  const code = systemCode(error);
  const deeper = error instanceof Error && error.cause !== undefined ? codes(error.cause) : [];
  return code === undefined ? deeper : [code, ...deeper];
}

function mentions(error: unknown, pattern: RegExp): boolean {
  return pattern.test(describeError(error)) || codes(error).some((code) => pattern.test(code));
}
