/** This machine: its commands, its files. @module */
import { spawn } from "node:child_process";
import { lstat, mkdir, open, readdir, rm, stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { concatBytes, copyBytes, type Bytes } from "../kernel/bytes.ts";
import { systemCode } from "../kernel/errors.ts";
import type { Machine, PathStatus, Ran, RunLimits } from "../ports/machine.ts";
import { writeFileAtomic } from "./atomic-file.ts";

const TIMEOUT_MS = 60_000;
/** After SIGTERM, before SIGKILL. */
const GRACE_MS = 5_000;
const MAX_OUTPUT_BYTES = 16 * 1_048_576;
const MAX_FILE_BYTES = 1_048_576;
const PIECE_BYTES = 65_536;
const FORBIDDEN: ReadonlySet<string | undefined> = new Set(["EACCES", "EPERM"]);
const ABSENT: ReadonlySet<string | undefined> = new Set(["ENOENT", "ENOTDIR"]);

export function thisMachine(): Machine {
  return {
    run,
    read: async (path, most = MAX_FILE_BYTES) => await unlessAbsent(() => readStart(path, most)),
    write: async (path, bytes, mode = 0o644) => {
      await mkdir(dirname(path), { recursive: true });
      await writeFileAtomic(path, bytes, mode);
    },
    remove: async (path) => await rm(path, { recursive: true, force: true }),
    list: async (path) => (await namesIn(path)).toSorted((a, b) => (a < b ? -1 : 1)),
    status: async (path) => await unlessAbsent(() => statusOf(path)),
    isLink: async (path) => (await unlessAbsent(() => lstat(path)))?.isSymbolicLink() === true,
    freeBytes: async (path) => {
      const disk = await statfs(path).catch(() => undefined);
      return disk && disk.bavail * disk.bsize;
    },
    isRoot: () => process.geteuid?.() === 0,
  };
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (ABSENT.has(systemCode(error)) || FORBIDDEN.has(systemCode(error))) return [];
    throw error;
  }
}

async function unlessAbsent<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (ABSENT.has(systemCode(error))) return undefined;
    throw error;
  }
}

async function statusOf(path: string): Promise<PathStatus> {
  const found = await stat(path);
  const kind = found.isFile() ? "file" : found.isDirectory() ? "directory" : "special";
  return { kind, mode: found.mode & 0o777, bytes: found.isFile() ? found.size : 0 };
}

/** Piece by piece: files of `/proc` and `/sys` say that they are empty. */
async function readStart(path: string, most: number): Promise<Bytes> {
  await using file = await open(path);
  const pieces: Uint8Array[] = [];
  for (let left = most; left > 0;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(Math.min(left, PIECE_BYTES)));
    if (bytesRead === 0) break;
    pieces.push(buffer.subarray(0, bytesRead));
    left -= bytesRead;
  }
  return concatBytes(...pieces);
}

async function run(command: string, args: readonly string[], limits: RunLimits = {}): Promise<Ran> {
  const { input = new Uint8Array(), timeoutMs = TIMEOUT_MS, env = {} } = limits;
  const { promise, resolve } = Promise.withResolvers<Ran>();
  const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ["pipe", "pipe", "pipe"] });
  const stdout = gather(child.stdout);
  const stderr = gather(child.stderr);
  const gentle = setTimeout(() => child.kill("SIGTERM"), timeoutMs);
  const hard = setTimeout(() => child.kill("SIGKILL"), timeoutMs + GRACE_MS);
  const end = (status: number | undefined, missing: boolean): void => {
    clearTimeout(gentle);
    clearTimeout(hard);
    resolve({ status, stdout: stdout(), stderr: stderr(), missing });
  };
  child.on("error", (error) => end(undefined, systemCode(error) === "ENOENT"));
  child.on("close", (status) => end(status ?? undefined, false));
  // A command that does not read its input is no failure of ours.
  child.stdin.on("error", () => undefined).end(copyBytes(input));
  return await promise;
}

/** Keeps the first 16 MiB. */
function gather(stream: NodeJS.ReadableStream): () => string {
  const pieces: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (piece: Buffer) => {
    if (bytes < MAX_OUTPUT_BYTES) pieces.push(piece);
    bytes += piece.length;
  });
  return () => Buffer.concat(pieces).subarray(0, MAX_OUTPUT_BYTES).toString("utf8");
}
