/** Files on the user's own disk: read whole, and saved whole or not at all. @module */
import { AgentError, systemCode } from "../kernel/errors.ts";
import type { CliIo } from "./io.ts";
import { quoted } from "./text.ts";

/** @param most stops after so many bytes; all when left out @throws AgentError "FILE_UNREADABLE" */
export async function readLocal(io: CliIo, file: string, most?: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await io.readFile(file, most));
  } catch (cause) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      EACCES: "this user may not read it",
      EISDIR: "it is a directory",
    };
    const reason = reasons[systemCode(cause) ?? ""] ?? "it can't be read";
    throw new AgentError("FILE_UNREADABLE", `${file}: ${reason}`, { cause });
  }
}

/** Where a file will be saved; what is not overwritten was not there when it was looked for. */
export interface Place {
  readonly file: string;
  readonly overwrite: boolean;
  /** Permission bits of a new file. */
  readonly mode?: number;
  /** What to do when it exists. */
  readonly advice: string;
}

export interface WantedPlace {
  /** For the working directory, or the directory that `output` names. Safe as a file name. */
  readonly name: string;
  /** As typed after `-o`. */
  readonly output: string | undefined;
  /** What was typed, without `-o`: for the advice in errors. Undefined: an existing file is never overwritten. */
  readonly command: string | undefined;
}

/** @throws AgentError "FILE_EXISTS", "PATH_INVALID": before anything costly is done */
export async function placeFor(io: CliIo, { name, output, command }: WantedPlace): Promise<Place> {
  const advice =
    command === undefined ? "Name another file: -o FILE" : `To overwrite it: ${command} -o ${quoted(name)}`;
  const overwrite = output !== undefined && command !== undefined;
  if (output === undefined) {
    if ((await io.facts(name)) !== undefined) throw fileExists(name, advice);
    return { file: name, overwrite, advice };
  }
  if ((await io.facts(output))?.kind === "directory") {
    return { file: `${output.replace(/\/+$/, "")}/${name}`, overwrite, advice };
  }
  const parent = output.includes("/") ? output.slice(0, output.lastIndexOf("/")) || "/" : ".";
  if ((await io.facts(parent))?.kind === "directory") return { file: output, overwrite, advice };
  throw new AgentError("PATH_INVALID", `there is no directory ${parent}`, { fix: `mkdir -p ${quoted(parent)}` });
}

/** @returns the file. @throws AgentError "FILE_EXISTS", "FILE_UNWRITABLE" */
export async function save(io: CliIo, { file, overwrite, mode, advice }: Place, bytes: Uint8Array): Promise<string> {
  try {
    await io.writeFile(file, bytes, { exclusive: !overwrite, ...(mode === undefined ? {} : { mode }) });
    return file;
  } catch (cause) {
    if (systemCode(cause) === "EEXIST") throw fileExists(file, advice);
    throw unwritable(file, cause, "Name another place: -o FILE. The file itself is safe in the agent's store.");
  }
}

/** What a system's error at writing says to people. */
export function unwritable(file: string, cause: unknown, fix: string): AgentError {
  const reasons: Readonly<Record<string, string>> = {
    ENOSPC: ": the disk is full",
    EACCES: ": this user may not write there",
    EROFS: ": the file system is read-only",
  };
  const reason = reasons[systemCode(cause) ?? ""] ?? "";
  return new AgentError("FILE_UNWRITABLE", `${file} could not be written${reason}`, { cause, fix });
}

function fileExists(file: string, advice: string): AgentError {
  return new AgentError("FILE_EXISTS", `${file} exists already; it was not touched`, { fix: advice });
}
