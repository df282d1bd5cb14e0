/** The village's policy on the disk: no secret, and judged by its signatures. @module */
import { open } from "node:fs/promises";
import { copyBytes, type Bytes } from "../kernel/bytes.ts";
import { AgentError, describeError, isAgentError } from "../kernel/errors.ts";

const MAX_POLICY_BYTES = 262_144;

/** @throws AgentError "POLICY_UNREADABLE" */
export async function readPolicyFile(path: string): Promise<Bytes> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > MAX_POLICY_BYTES) throw new AgentError("POLICY_UNREADABLE", `${path} is too large for a policy`);
    return copyBytes(await file.readFile());
  } catch (cause) {
    if (isAgentError(cause)) throw cause;
    throw new AgentError("POLICY_UNREADABLE", `the policy ${path} can't be read: ${describeError(cause)}`, {
      cause,
      fix: "check trust.policy_file in the configuration, and that the agent's user may read the file",
    });
  }
}
