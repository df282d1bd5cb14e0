/** What firmware, kernel and systemd tell of this start of the machine, as files of Linux. @module */
import { open, type FileHandle } from "node:fs/promises";
import { basename, join } from "node:path";
import { concatBytes, fromHex, fromUtf8, type Bytes } from "../kernel/bytes.ts";
import { AgentError, describeError, systemCode } from "../kernel/errors.ts";
import type { BootRecord } from "../ports/boot-logs.ts";

export interface BootRecordPaths {
  readonly tcg: string;
  readonly ima: string;
  readonly cel: string;
  readonly bootId: string;
  /** Where copies of the first three lie, under their own names: the kernel and systemd show theirs to root alone. */
  readonly copies: string;
}

const LINUX: BootRecordPaths = {
  tcg: "/sys/kernel/security/tpm0/binary_bios_measurements",
  ima: "/sys/kernel/security/ima/binary_runtime_measurements",
  cel: "/run/log/systemd/tpm2-measure.log",
  bootId: "/proc/sys/kernel/random/boot_id",
  // Made by caye-measure.service.
  copies: "/run/caye-boot",
};

const FORBIDDEN = new Set(["EACCES", "EPERM"]);
const MAX_BYTES = 16_777_216;
const CHUNK_BYTES = 65_536;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\n?$/u;

export function bootRecord(paths: BootRecordPaths = LINUX): BootRecord {
  return {
    logs: async () => {
      const read = (path: string): Promise<Bytes | undefined> => readOrCopy(path, paths.copies);
      const [tcg, ima, cel] = await Promise.all([read(paths.tcg), read(paths.ima), read(paths.cel)]);
      return { tcg, ima, cel };
    },
    bootId: async () => bootIdOf(await readLog(paths.bootId), paths.bootId),
  };
}

function bootIdOf(bytes: Bytes | undefined, path: string): Bytes {
  const text = bytes === undefined ? undefined : fromUtf8(bytes);
  const id = text !== undefined && UUID.test(text) ? fromHex(text.trim().replaceAll("-", "")) : undefined;
  if (id !== undefined) return id;
  throw new AgentError("BOOT_LOGS", `${path} names no start of this machine`, { fix: "run the agent on Linux" });
}

/** The file itself, or what was copied of it where this user may not read it. Undefined when there is neither. */
async function readOrCopy(path: string, copies: string): Promise<Bytes | undefined> {
  try {
    return await readLog(path);
  } catch (error) {
    const hidden = error instanceof AgentError && FORBIDDEN.has(systemCode(error.cause) ?? "");
    const copy = hidden ? await readLog(join(copies, basename(path))) : undefined;
    if (copy === undefined) throw error;
    return copy;
  }
}

/** Undefined when there is no such file. */
async function readLog(path: string): Promise<Bytes | undefined> {
  try {
    await using file = await open(path, "r");
    return await readWhole(file, path);
  } catch (error) {
    if (error instanceof AgentError) throw error;
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return undefined;
    throw new AgentError("BOOT_LOGS", `${path} can't be read: ${describeError(error)}`, {
      cause: error,
      fix: `give the agent's user the right to read ${path}, or take the registers that it explains out of trust.pcrs`,
    });
  }
}

/** The kernel's files do not tell their length beforehand. */
async function readWhole(file: FileHandle, path: string): Promise<Bytes> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(CHUNK_BYTES);
    const { bytesRead } = await file.read(part, 0, CHUNK_BYTES);
    if (bytesRead === 0) return concatBytes(...parts);
    parts.push(part.subarray(0, bytesRead));
    length += bytesRead;
    if (length > MAX_BYTES) {
      const detail = `${path} is longer than ${MAX_BYTES} bytes`;
      throw new AgentError("BOOT_LOGS", detail, { fix: "measure fewer files, or take PCR 10 out of trust.pcrs" });
    }
  }
}
