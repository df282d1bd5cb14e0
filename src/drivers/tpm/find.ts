/** Which TPM `auto` means on this machine. @module */
import { access, constants } from "node:fs/promises";
import { AgentError } from "../../kernel/errors.ts";

const DEVICE = "/dev/tpmrm0";

/**
 * The URI of the TPM to open: the configured one, or for `auto` the machine's own when it is there, else one in software.
 * @throws AgentError "TPM_NONE" when none is wanted
 */
export async function findTpm(uri: string): Promise<string> {
  if (uri === "none") {
    throw new AgentError("TPM_NONE", 'the configuration names no TPM (trust.tpm = "none")', {
      fix: 'set trust.tpm = "auto", and fit a TPM 2.0 or install swtpm',
    });
  }
  if (uri !== "auto") return uri;
  try {
    // Only whether it is there: one that may not be used must be an error with a fix, not a quiet step down.
    await access(DEVICE, constants.F_OK);
    return `tpm:${DEVICE}`;
  } catch {
    return "swtpm:";
  }
}
