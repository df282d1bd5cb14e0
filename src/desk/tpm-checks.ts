/** What an operator should know of the TPM: is it there, does somebody guess passwords, and what has it measured. @module */
import { isAgentError } from "../kernel/errors.ts";
import type { Check } from "../kernel/reports.ts";
import type { TpmIdentity } from "../ports/tpm.ts";
import type { NodeAttestation } from "../boot.ts";
import type { DeskParts } from "./parts.ts";

export async function tpmChecks({ trust, attest }: Pick<DeskParts, "trust" | "attest">): Promise<readonly Check[]> {
  const { node } = attest;
  return [tpmCheck(trust), ...(node === undefined ? [] : [await lockoutCheck(node), measuredCheck(node)])];
}

function tpmCheck({ tpm, softwareTpm }: DeskParts["trust"]): Check {
  const name = "tpm";
  if (tpm === "none") {
    return {
      name,
      state: "WARN",
      detail: "there is no TPM: a store key could only be a file on the disk",
      fix: "Fit a TPM 2.0, or install swtpm.",
    };
  }
  if (softwareTpm) {
    const detail = `${tpm} is a TPM in software: it protects against nobody who has the disk`;
    return { name, state: "WARN", detail, fix: "Fit a TPM 2.0 module and set trust.tpm to tpm:/dev/tpmrm0." };
  }
  return { name, state: "OK", detail: tpm, fix: "" };
}

/** As it is now. Caye's own keys have no passwords and are exempt: a count is somebody else's. */
async function lockoutCheck({ measured }: NodeAttestation): Promise<Check> {
  const name = "tpm lockout";
  let identity: TpmIdentity;
  try {
    identity = await measured.tpm.identity();
  } catch (error) {
    if (!isAgentError(error)) throw error;
    const fix = error.fix ?? "Look at the steps above; then restart the machine.";
    return { name, state: "WARN", detail: `the TPM does not say: ${error.message}`, fix };
  }
  const { inLockout, lockoutCounter, maxAuthFail } = identity;
  const counted = `${lockoutCounter} of ${maxAuthFail} wrong passwords counted`;
  if (!inLockout && lockoutCounter === 0) return { name, state: "OK", detail: counted, fix: "" };
  const fix =
    "Another program gives the TPM wrong passwords (Caye's keys have none): find it. The count falls with time, or by tpm2_dictionarylockout --clear-lockout.";
  return { name, state: "WARN", detail: inLockout ? `${counted}: the TPM is locked` : counted, fix };
}

/** Nothing to mend: what a quote of this machine says, and what it does not. */
function measuredCheck({ measured, pcrs }: NodeAttestation): Check {
  const own = `the runtime, the code, the configuration and the policy, in PCR ${measured.pcr}`;
  const below =
    measured.before.length === 0
      ? "nothing before the agent, so a quote says nothing of firmware and kernel; on a Raspberry Pi 5 as it comes nothing before Linux is measured (docs/measured-boot.md)"
      : `and before the agent something in PCR ${measured.before.join(", ")}`;
  return { name: "measured", state: "OK", detail: `${own}; ${below}; quotes cover PCR ${pcrs.join(", ")}`, fix: "" };
}
