/** Which process listens on a TCP port, as far as Linux's `/proc` lets this user see. @module */
import { readFile, readdir, readlink } from "node:fs/promises";
import { basename } from "node:path";

export interface PortOwner {
  readonly pid: number;
  /** The program's file name, for example `node`; without arguments, which may be secret. */
  readonly command: string;
}

const LISTENING = "0A";
const MAX_PROCESSES = 5_000;

/** Undefined when nobody listens, when the process belongs to another user, and where there is no `/proc`. */
export async function findPortOwner(port: number): Promise<PortOwner | undefined> {
  try {
    const sockets = new Set([
      ...(await listeningSockets("/proc/net/tcp", port)),
      ...(await listeningSockets("/proc/net/tcp6", port)),
    ]);
    if (sockets.size === 0) return undefined;
    const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).slice(0, MAX_PROCESSES);
    for (const name of processes) {
      if (!(await holdsAny(name, sockets))) continue;
      return { pid: Number(name), command: await programOf(name) };
    }
  } catch {
    // What this answers only makes an error message kinder: whatever is wrong with /proc, the message goes without.
  }
  return undefined;
}

/** Not `comm` when it can be helped: that is the name of a thread, in Node `MainThread`. */
async function programOf(pid: string): Promise<string> {
  const [program = ""] = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
  return program === "" ? (await readFile(`/proc/${pid}/comm`, "utf8")).trim() : basename(program);
}

async function listeningSockets(table: string, port: number): Promise<string[]> {
  const text = await readFile(table, "latin1").catch(() => "");
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  return text.split("\n").flatMap((line) => {
    const columns = line.trim().split(/\s+/);
    const matches = columns[1]?.endsWith(`:${hexPort}`) === true && columns[3] === LISTENING;
    return matches && columns[9] !== undefined ? [`socket:[${columns[9]}]`] : [];
  });
}

async function holdsAny(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
  for (const descriptor of descriptors) {
    const target = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "");
    if (sockets.has(target)) return true;
  }
  return false;
}
