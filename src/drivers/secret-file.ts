/** Secrets that operators keep in files of their own: read only when nobody else can read them. @module */
import { open } from "node:fs/promises";
import { copyBytes, type Bytes } from "../kernel/bytes.ts";
import { AgentError, describeError, isAgentError } from "../kernel/errors.ts";

const MAX_SECRET_BYTES = 16_384;

/** @throws AgentError "SECRET_UNREADABLE"; "SECRET_OPEN" when others than the owner may read it */
export async function readSecretFile(path: string): Promise<Bytes> {
  try {
    await using file = await open(path, "r");
    // Of the opened file, not of the path: between two looks another one could stand there.
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw new AgentError("SECRET_OPEN", `${path} is a secret, and others than its owner may read it`, {
        fix: `chmod 600 ${path}; if somebody has read it already, make a new one`,
      });
    }
    if (size > MAX_SECRET_BYTES) throw new AgentError("SECRET_UNREADABLE", `${path} is too large for a key`);
    return copyBytes(await file.readFile());
  } catch (cause) {
    if (isAgentError(cause)) throw cause;
    throw new AgentError("SECRET_UNREADABLE", `${path} can't be read: ${describeError(cause)}`, {
      cause,
      fix: "check the path in the configuration, and that the agent's user owns the file",
    });
  }
}
