/** Finds and reads the configuration file; reading itself is handed in. @module */
import { fromUtf8 } from "../kernel/bytes.ts";
import { AgentError, describeError, systemCode } from "../kernel/errors.ts";
import { parseConfig } from "./parse.ts";
import type { Config } from "./schema.ts";

export interface LoadedConfig {
  readonly config: Config;
  /** The file as it was read, for measuring; empty when there is none. */
  readonly bytes: Uint8Array;
}

/**
 * @param path of the TOML file; undefined when none is named: every field then has its default or its variable's value
 * @throws AgentError "CONFIG_MISSING" when the file can't be read, "CONFIG_INVALID"
 */
export async function loadConfig(
  path: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  readFile: (path: string) => Promise<Uint8Array>,
): Promise<LoadedConfig> {
  const bytes = path === undefined ? new Uint8Array(0) : await read(path, readFile);
  const toml = fromUtf8(bytes);
  if (toml === undefined) throw new AgentError("CONFIG_INVALID", `${path ?? ""} is not UTF-8 text`);
  try {
    return { config: parseConfig(toml, env), bytes };
  } catch (cause) {
    if (path === undefined || !(cause instanceof AgentError)) throw cause;
    const { code, message, fix } = cause;
    throw new AgentError(code, `${path}: ${message}`, fix === undefined ? {} : { fix });
  }
}

async function read(path: string, readFile: (path: string) => Promise<Uint8Array>): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const reasons: Readonly<Record<string, string>> = {
      ENOENT: "there is no such file",
      EACCES: "this user may not read it",
      EISDIR: "it is a directory",
    };
    const reason = reasons[systemCode(cause) ?? ""] ?? describeError(cause);
    throw new AgentError("CONFIG_MISSING", `the configuration file ${path}: ${reason}`, {
      cause,
      fix: "Name the right one with --config FILE (or CAYE_CONFIG), or none at all: every field has a default.",
    });
  }
}
