/** TPM response codes in words. TCG TPM 2.0 Library, part 2, section 6.6. @module */
import { AgentError } from "../../kernel/errors.ts";

export const RC = {
  success: 0,
  pcrChanged: 0x128,
  yielded: 0x908,
  testing: 0x90a,
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
  0x0a: "TYPE",
  0x0b: "HANDLE",
  0x0e: "AUTH_FAIL",
  0x0f: "NONCE",
  0x12: "SCHEME",
  0x15: "SIZE",
  0x16: "SYMMETRIC",
  0x1a: "INSUFFICIENT",
  0x1b: "SIGNATURE",
  0x1d: "POLICY_FAIL",
  0x1f: "INTEGRITY",
  0x20: "TICKET",
  0x21: "RESERVED_BITS",
  0x22: "BAD_AUTH",
  0x26: "BINDING",
  0x27: "CURVE",
};

const FORMAT_ZERO: Readonly<Record<number, string>> = {
  0x100: "INITIALIZE",
  0x101: "FAILURE",
  0x125: "AUTH_MISSING",
  0x126: "POLICY",
  0x127: "PCR",
  0x128: "PCR_CHANGED",
  0x142: "COMMAND_SIZE",
  0x143: "COMMAND_CODE",
  0x902: "OBJECT_MEMORY",
  0x903: "SESSION_MEMORY",
  0x904: "MEMORY",
  0x905: "SESSION_HANDLES",
  0x907: "LOCALITY",
  0x908: "YIELDED",
  0x909: "CANCELED",
  0x90a: "TESTING",
  0x910: "REFERENCE_H0",
  0x918: "REFERENCE_S0",
  0x920: "NV_RATE",
  0x921: "LOCKOUT",
  0x922: "RETRY",
  0x923: "NV_UNAVAILABLE",
};

const POLICY_FAIL = 0x1d;
const LOCKOUT = 0x921;
const INTEGRITY = 0x1f;

function isFormatOne(rc: number): boolean {
  return (rc & 0x80) !== 0;
}

/** For example `0x99d POLICY_FAIL (session 1)`. */
export function describeReturnCode(rc: number): string {
  const hex = `0x${rc.toString(16).padStart(3, "0")}`;
  if (!isFormatOne(rc)) return `${hex} ${FORMAT_ZERO[rc] ?? "unknown code"}`;
  const subject =
    (rc & 0x40) !== 0 ? `parameter ${(rc >> 8) & 15}` : `${(rc & 0x800) !== 0 ? "session" : "handle"} ${(rc >> 8) & 7}`;
  return `${hex} ${FORMAT_ONE[rc & 0x3f] ?? "unknown code"} (${subject})`;
}

/** The error that a response code other than success stands for. */
export function refusal(rc: number, command: string): AgentError {
  const sentence = `TPM2_${command} was refused: ${describeReturnCode(rc)}`;
  if (rc === RC.pcrChanged || (isFormatOne(rc) && (rc & 0x3f) === POLICY_FAIL)) {
    return new AgentError("TPM_POLICY", sentence, {
      fix: "the machine's measured state is not the one that the key was sealed to: put back what changed",
    });
  }
  return new AgentError("TPM_RC", sentence, { fix: fixFor(rc) });
}

function fixFor(rc: number): string {
  if (rc === LOCKOUT)
    return "the TPM is locked after wrong passwords: wait, or run tpm2_dictionarylockout --clear-lockout";
  if (isFormatOne(rc) && (rc & 0x3f) === INTEGRITY) {
    return "the sealed key was made by another TPM, or its file is damaged: put back the TPM or the file";
  }
  return "restart the machine; if it stays, look the code up with tpm2_rc_decode";
}
