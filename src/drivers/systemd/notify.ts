/**
 * systemd as the agent's supervisor: `sd_notify` of libsystemd, called in this process, so that the unit can say
 * `NotifyAccess=main`. Without `NOTIFY_SOCKET` nobody listens and nothing is loaded. sd_notify(3), sd_watchdog_enabled(3).
 * @module
 */
import { env, pid } from "node:process";
import { describeError } from "../../kernel/errors.ts";
import type { Log } from "../../ports/log.ts";
import type { Supervisor } from "../../ports/supervisor.ts";

const LIBRARY = "libsystemd.so.0";
const MAX_STATUS_CHARACTERS = 200;

const NOBODY: Supervisor = {
  watchdogMs: undefined,
  ready: () => undefined,
  status: () => undefined,
  alive: () => undefined,
  stopping: () => undefined,
};

/** Never rejects: an agent whose supervisor can't be told runs all the same, and the log says why. */
export async function openSupervisor(log: Log, environment: NodeJS.ProcessEnv = env): Promise<Supervisor> {
  if ((environment["NOTIFY_SOCKET"] ?? "") === "") return NOBODY;
  try {
    const { default: koffi } = await import("koffi");
    const notify = koffi.load(LIBRARY).func("int sd_notify(int, const char *)");
    const send = (...lines: readonly string[]): void => {
      const result: unknown = notify(0, lines.join("\n"));
      // Below 0 is −errno: the supervisor is gone, or its queue is full; the next sign of life tries again.
      if (typeof result === "number" && result < 0) log.debug("systemd was not told", { errno: -result });
    };
    return supervisorOver(send, environment);
  } catch (error) {
    log.warn("systemd can't be told how the agent is", {
      error: describeError(error),
      fix: `install ${LIBRARY} (Debian package libsystemd0)`,
    });
    return NOBODY;
  }
}

/** @param send lines of one message, see sd_notify(3) */
function supervisorOver(send: (...lines: readonly string[]) => void, environment: NodeJS.ProcessEnv): Supervisor {
  return {
    watchdogMs: watchdogMs(environment),
    ready: (status) => send("READY=1", statusLine(status)),
    status: (text) => send(statusLine(text)),
    alive: () => send("WATCHDOG=1"),
    stopping: (status) => send("STOPPING=1", statusLine(status)),
  };
}

/** A line of its own: what stands after a line break would be another message. */
function statusLine(text: string): string {
  return `STATUS=${text.replaceAll(/\p{Cc}+/gu, " ").slice(0, MAX_STATUS_CHARACTERS)}`;
}

/** `WATCHDOG_USEC`, when it is meant for this process. */
function watchdogMs(environment: NodeJS.ProcessEnv): number | undefined {
  const watched = environment["WATCHDOG_PID"];
  if (watched !== undefined && watched !== `${pid}`) return undefined;
  const us = Number(environment["WATCHDOG_USEC"]);
  return Number.isSafeInteger(us) && us > 0 ? us / 1000 : undefined;
}
