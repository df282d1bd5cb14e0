/** A machine in memory: files by path, and commands that a test answers. @module */
import { copyBytes, fromUtf8, utf8 } from "../../src/kernel/bytes.ts";
import type { Machine, Ran, RunLimits } from "../../src/ports/machine.ts";

export interface FakeMachine extends Machine {
  /** Contents by path. Directories are there when something is in them. */
  readonly files: Map<string, Uint8Array>;
  readonly modes: Map<string, number>;
  /** Paths that are links, besides what is there under them. */
  readonly links: Set<string>;
  /** Every command that was run, as one line. */
  readonly commands: string[];
  /** Answers a command; undefined: not installed. */
  answer: (command: string, args: readonly string[], limits: RunLimits) => Partial<Ran> | undefined;
  root: boolean;
  free: number | undefined;
  /** What a file holds, as text; undefined when nothing is there. */
  text(path: string): string | undefined;
}

export function fakeMachine(files: Readonly<Record<string, string>> = {}): FakeMachine {
  const modes = new Map<string, number>();
  const contents = new Map(Object.entries(files).map(([path, text]) => [path, utf8(text) as Uint8Array]));
  const below = (path: string): string[] => [...contents.keys()].filter((name) => name.startsWith(`${path}/`));
  const links = new Set<string>();
  const machine: FakeMachine = {
    files: contents,
    modes,
    links,
    commands: [],
    answer: () => ({}),
    root: true,
    free: 10_000_000_000,
    text: (path) => fromUtf8(contents.get(path) ?? new Uint8Array()),
    run: async (command, args, limits = {}) => {
      machine.commands.push([command, ...args].join(" "));
      const ran = machine.answer(command, args, limits);
      if (ran === undefined) return { status: undefined, stdout: "", stderr: "", missing: true };
      return { status: 0, stdout: "", stderr: "", missing: false, ...ran };
    },
    read: async (path, most = 1_048_576) => {
      const bytes = contents.get(path);
      return bytes && copyBytes(bytes.subarray(0, most));
    },
    write: async (path, bytes, mode = 0o644) => {
      contents.set(path, copyBytes(bytes));
      modes.set(path, mode);
    },
    remove: async (path) => {
      for (const name of [path, ...below(path)]) contents.delete(name);
    },
    list: async (path) => {
      const names = below(path).map((name) => name.slice(path.length + 1).split("/")[0] ?? "");
      return [...new Set(names)].toSorted((a, b) => (a < b ? -1 : 1));
    },
    status: async (path) => {
      const bytes = contents.get(path);
      if (bytes !== undefined) return { kind: "file", mode: modes.get(path) ?? 0o644, bytes: bytes.length };
      return below(path).length > 0 ? { kind: "directory", mode: 0o755, bytes: 0 } : undefined;
    },
    isLink: async (path) => links.has(path),
    freeBytes: async () => machine.free,
    isRoot: () => machine.root,
  };
  return machine;
}
