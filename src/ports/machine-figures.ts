/** What the machine and this process tell of themselves, for the figures page. @module */

export interface MachineFigures {
  /** Of the file system that holds the state, for an ordinary user; undefined when the system doesn't say. */
  readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  /** Of each sensor that the kernel knows, with the kernel's name for it; empty where there is none. In °C. */
  readonly temperatures: readonly { readonly sensor: string; readonly celsius: number }[];
  /** Of the machine's own clock: Unix time in s. */
  readonly unixS: number;
  /** Memory of this process that is in the machine's RAM, and the part of it that JavaScript uses. */
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  /** User and system time of this process, in s. */
  readonly cpuS: number;
  /** How much later than asked for the event loop came round just now, in s. */
  readonly eventLoopLagS: number;
  /** Signs of life that were given to the init system; undefined where nobody watches. */
  readonly watchdogBeats: number | undefined;
  /** Unix time in s of each author's newest backup, by the author's id, where backups are made to; undefined where none are, or where it can't be read. */
  readonly backups: ReadonlyMap<string, number> | undefined;
  /** How far the latest update of the package came; undefined where there was none. */
  readonly updateStep: string | undefined;
  /** Of traces; undefined where none are made. */
  readonly spans: { readonly sent: number; readonly dropped: number } | undefined;
}
