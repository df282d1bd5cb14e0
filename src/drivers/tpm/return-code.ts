/** TPM response codes in words. TCG TPM 2.0 Library, part 2, section 6.6. @module */
import { AgentError } from "../../kernel/errors.ts";
import type { CommandName } from "./commands.ts";

export const RC = {
  success: 0,
  initialize: 0x100,
  failure: 0x101,
  pcrChanged: 0x128,
  objectMemory: 0x902,
  sessionMemory: 0x903,
  sessionHandles: 0x905,
  yielded: 0x908,
  testing: 0x90a,
  lockout: 0x921,
  retry: 0x922,
} as const;

/** Format 1: the code concerns a handle, session or parameter. By bits 0 … 5. */
const FORMAT_ONE: Readonly<Record<number, string>> = {
  0x01: "ASYMMETRIC",
  0x02: "ATTRIBUTES",
  0x03: "HASH",
  0x04: "VALUE",
  0x05: "HIERARCHY",
  0x07: "KEY_SIZE",
  0x08: "MGF",
  0x09: "MODE",
  0x0a: "TYPE",
  0x0b: "HANDLE",
  0x0c: "KDF",
  0x0d: "RANGE",
  0x0e: "AUTH_FAIL",
  0x0f: "NONCE",
  0x10: "PP",
  0x12: "SCHEME",
  0x15: "SIZE",
  0x16: "SYMMETRIC",
  0x17: "TAG",
  0x18: "SELECTOR",
  0x1a: "INSUFFICIENT",
  0x1b: "SIGNATURE",
  0x1c: "KEY",
  0x1d: "POLICY_FAIL",
  0x1f: "INTEGRITY",
  0x20: "TICKET",
  0x21: "RESERVED_BITS",
  0x22: "BAD_AUTH",
  0x23: "EXPIRED",
  0x24: "POLICY_CC",
  0x25: "BINDING",
  0x26: "CURVE",
  0x27: "ECC_POINT",
};

const FORMAT_ZERO: Readonly<Record<number, string>> = {
  0x100: "INITIALIZE",
  0x101: "FAILURE",
  0x103: "SEQUENCE",
  0x120: "DISABLED",
  0x121: "EXCLUSIVE",
  0x124: "AUTH_TYPE",
  0x125: "AUTH_MISSING",
  0x126: "POLICY",
  0x127: "PCR",
  0x128: "PCR_CHANGED",
  0x12d: "UPGRADE",
  0x12e: "TOO_MANY_CONTEXTS",
  0x12f: "AUTH_UNAVAILABLE",
  0x130: "REBOOT",
  0x131: "UNBALANCED",
  0x142: "COMMAND_SIZE",
  0x143: "COMMAND_CODE",
  0x144: "AUTHSIZE",
  0x145: "AUTH_CONTEXT",
  0x146: "NV_RANGE",
  0x147: "NV_SIZE",
  0x148: "NV_LOCKED",
  0x149: "NV_AUTHORIZATION",
  0x14a: "NV_UNINITIALIZED",
  0x14b: "NV_SPACE",
  0x14c: "NV_DEFINED",
  0x150: "BAD_CONTEXT",
  0x151: "CPHASH",
  0x152: "PARENT",
  0x153: "NEEDS_TEST",
  0x154: "NO_RESULT",
  0x155: "SENSITIVE",
  0x901: "CONTEXT_GAP",
  0x902: "OBJECT_MEMORY",
  0x903: "SESSION_MEMORY",
  0x904: "MEMORY",
  0x905: "SESSION_HANDLES",
  0x906: "OBJECT_HANDLES",
  0x907: "LOCALITY",
  0x908: "YIELDED",
  0x909: "CANCELED",
  0x90a: "TESTING",
  0x910: "REFERENCE_H0",
  0x911: "REFERENCE_H1",
  0x912: "REFERENCE_H2",
  0x918: "REFERENCE_S0",
  0x919: "REFERENCE_S1",
  0x91a: "REFERENCE_S2",
  0x920: "NV_RATE",
  0x921: "LOCKOUT",
  0x922: "RETRY",
  0x923: "NV_UNAVAILABLE",
};

const HIERARCHY = 0x05;
const VALUE = 0x04;
const AUTH_FAIL = 0x0e;
const SIGNATURE = 0x1b;
const POLICY_FAIL = 0x1d;
const INTEGRITY = 0x1f;
const BAD_AUTH = 0x22;

/** What these commands refuse with such a code is that the registers are not in the state that was approved. */
const WRONG_STATE: Readonly<Partial<Record<CommandName, number>>> = {
  VerifySignature: SIGNATURE,
  PolicyAuthorize: VALUE,
  PolicyOR: VALUE,
};

const FIXES: Readonly<Record<number, string>> = {
  [RC.initialize]:
    "the TPM was reset while the machine ran: restart the machine (a swtpm of your own needs --flags not-need-init,startup-clear)",
  [RC.objectMemory]: "another program left keys in the TPM: use /dev/tpmrm0, or run tpm2_flushcontext -t",
  [RC.sessionMemory]: "another program left sessions in the TPM: use /dev/tpmrm0, or run tpm2_flushcontext -l",
  [RC.sessionHandles]: "another program left sessions in the TPM: use /dev/tpmrm0, or run tpm2_flushcontext -s",
};

const FIXES_FORMAT_ONE: Readonly<Record<number, string>> = {
  [INTEGRITY]: "the sealed key was made by another TPM, or its file is damaged: put back the TPM or the file",
  [AUTH_FAIL]:
    "the TPM's owner or endorsement hierarchy has a password: Caye needs it empty (tpm2_changeauth -c o, -c e)",
  [BAD_AUTH]:
    "the TPM's owner or endorsement hierarchy has a password: Caye needs it empty (tpm2_changeauth -c o, -c e)",
  [HIERARCHY]: "the TPM's owner or endorsement hierarchy is switched off: switch it on in the firmware's set-up",
};

/** The kind of fault that a format 1 code names; undefined for another code. */
function formatOne(rc: number): number | undefined {
  return (rc & 0x80) === 0 ? undefined : rc & 0x3f;
}

/** For example `0x99d POLICY_FAIL (session 1)`. */
export function describeReturnCode(rc: number): string {
  const hex = `0x${rc.toString(16).padStart(3, "0")}`;
  const fault = formatOne(rc);
  if (fault === undefined) return `${hex} ${FORMAT_ZERO[rc] ?? "unknown code"}`;
  const subject =
    (rc & 0x40) !== 0 ? `parameter ${(rc >> 8) & 15}` : `${(rc & 0x800) !== 0 ? "session" : "handle"} ${(rc >> 8) & 7}`;
  return `${hex} ${FORMAT_ONE[fault] ?? "unknown code"} (${subject})`;
}

/** The error that a response code other than success stands for. */
export function refusal(rc: number, command: CommandName): AgentError {
  const sentence = `TPM2_${command} was refused: ${describeReturnCode(rc)}`;
  if (rc === RC.failure) return inFailureMode(sentence);
  if (rc === RC.lockout) {
    return new AgentError("TPM_LOCKED", sentence, {
      fix: "the TPM is locked after wrong passwords (none of Caye's): wait, or run tpm2_dictionarylockout --clear-lockout",
    });
  }
  const fault = formatOne(rc);
  if (rc === RC.pcrChanged || fault === POLICY_FAIL || (fault !== undefined && fault === WRONG_STATE[command])) {
    return new AgentError("TPM_POLICY", sentence, {
      fix: "the machine's measured state is not the one that the key was sealed to: put back what changed",
    });
  }
  const fix = fault === undefined ? FIXES[rc] : FIXES_FORMAT_ONE[fault];
  return new AgentError("TPM_RC", sentence, {
    fix: fix ?? "restart the machine; if it stays, look the code up with tpm2_rc_decode",
  });
}

/** The chip found a fault in itself, and does nothing any more. */
export function inFailureMode(sentence: string): AgentError {
  return new AgentError("TPM_FAILED", sentence, {
    fix: "the TPM is in failure mode: switch the machine off and on, as a restart is not enough; if it stays, replace the TPM",
  });
}
