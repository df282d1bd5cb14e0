/** A machine as text: its files, directories and commands, for rules that only look. @module */
import { fromUtf8 } from "../kernel/bytes.ts";
import type { Check } from "../kernel/reports.ts";
import type { Machine } from "../ports/machine.ts";

export interface MachineView {
  /** Trimmed, without zero bytes (device trees end texts so); undefined when it is not there or can't be read. */
  text(path: string): Promise<string | undefined>;
  /** A whole number, decimal or with 0x; undefined for anything else. */
  number(path: string): Promise<number | undefined>;
  list(path: string): Promise<readonly string[]>;
  exists(path: string): Promise<boolean>;
  freeBytes(path: string): Promise<number | undefined>;
  /** What a command printed; undefined when it is not installed, or failed. */
  said(command: string, ...args: readonly string[]): Promise<string | undefined>;
}

const COMMAND_MS = 5_000;

export function lookAt(machine: Pick<Machine, "freeBytes" | "list" | "read" | "run" | "status">): MachineView {
  const text = async (path: string): Promise<string | undefined> => {
    // Some files of /sys can be seen, and answer with an error.
    const bytes = await machine.read(path).catch(() => undefined);
    return bytes && fromUtf8(bytes)?.replaceAll("\0", " ").trim();
  };
  return {
    text,
    number: async (path) => wholeNumber(await text(path)),
    list: (path) => machine.list(path),
    exists: async (path) => (await machine.status(path).catch(() => undefined)) !== undefined,
    freeBytes: (path) => machine.freeBytes(path),
    said: async (command, ...args) => {
      const { status, stdout } = await machine.run(command, args, { timeoutMs: COMMAND_MS });
      return status === 0 ? stdout.trim() : undefined;
    },
  };
}

/** Undefined for anything but digits, or hex behind 0x. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:-?\d{1,15}|0x[0-9a-f]{1,12})$/i.test(text) ? Number(text) : undefined;
}

export function ok(name: string, detail: string): Check {
  return { name, state: "OK", detail, fix: "" };
}

export function warn(name: string, detail: string, fix: string): Check {
  return { name, state: "WARN", detail, fix };
}

export function fail(name: string, detail: string, fix: string): Check {
  return { name, state: "FAIL", detail, fix };
}

/** Nothing is known: that is no fault. */
export function unseen(name: string, why: string): Check {
  return { name, state: "OK", detail: `not seen here: ${why}`, fix: "" };
}
