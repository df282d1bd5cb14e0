/**
 * The machine that a node runs on, as whoever looks after it sees it: its commands, its files, its services. For the work
 * that is done beside the agent: bringing a card to life, updates, backups, looking at the hardware.
 * @module
 */
import type { Bytes } from "../kernel/bytes.ts";

export interface Ran {
  /** Exit code; undefined when a signal or the time limit ended it, or it is not installed. */
  readonly status: number | undefined;
  /** At most 16 MiB; what comes after is dropped. */
  readonly stdout: string;
  readonly stderr: string;
  /** True when there is no such command. */
  readonly missing: boolean;
}

export interface RunLimits {
  readonly input?: Uint8Array;
  /** Ended by SIGTERM, then SIGKILL; 60 s when left out. */
  readonly timeoutMs?: number;
  /** Set besides what this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

/** `special` is whatever is neither a file nor a directory: devices, sockets, pipes. Links are followed. */
export interface PathStatus {
  readonly kind: "file" | "directory" | "special";
  /** Permission bits, 0 … 0o777. */
  readonly mode: number;
  /** 0 for what has no length. */
  readonly bytes: number;
}

export interface Machine {
  /** No shell stands between: arguments are passed on as they are. Never rejects. */
  run(command: string, args: readonly string[], limits?: RunLimits): Promise<Ran>;
  /** At most `most` bytes of it (1 MiB when left out); undefined when nothing is there. @throws a system error */
  read(path: string, most?: number): Promise<Bytes | undefined>;
  /** Atomically and synced, through directories that are made as needed. @param mode 0o644 when left out @throws a system error */
  write(path: string, bytes: Uint8Array, mode?: number): Promise<void>;
  /** Also a directory with all that is in it; nothing there is no error. @throws a system error */
  remove(path: string): Promise<void>;
  /**
   * The names in a directory, in rising order; empty when it is none, or not for us to read.
   * @throws a system error: a failing disk does not count as an empty directory
   */
  list(path: string): Promise<readonly string[]>;
  /** Undefined when nothing is there. */
  status(path: string): Promise<PathStatus | undefined>;
  /** True for a symbolic link itself, wherever it points. */
  isLink(path: string): Promise<boolean>;
  /** Of the file system that the path lies on; undefined when it can't be told. */
  freeBytes(path: string): Promise<number | undefined>;
  /** True when this process may do all of this: it runs as root. */
  isRoot(): boolean;
}
