import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { describeReturnCode, refusal } from "../../../src/drivers/tpm/return-code.ts";
import { needs } from "./rig.ts";

/** Names that TCG TPM 2.0 Library, part 2, table 17 gives, and words by which `tpm2_rc_decode` explains the code. */
const NAMES: readonly (readonly [name: string, code: number, words: string])[] = [
  ["INITIALIZE", 0x100, "not initialized by TPM2_Startup"],
  ["FAILURE", 0x101, "TPM failure"],
  ["DISABLED", 0x120, "command is disabled"],
  ["AUTH_MISSING", 0x125, "requires an authorization session"],
  ["POLICY", 0x126, "policy failure"],
  ["PCR", 0x127, "PCR check fail"],
  ["PCR_CHANGED", 0x128, "PCR have changed"],
  ["UPGRADE", 0x12d, "field upgrade mode"],
  ["AUTH_UNAVAILABLE", 0x12f, "authPolicy is not available"],
  ["COMMAND_SIZE", 0x142, "commandSize value is inconsistent"],
  ["COMMAND_CODE", 0x143, "command code not supported"],
  ["NV_RANGE", 0x146, "NV offset+size is out of range"],
  ["NV_LOCKED", 0x148, "NV access locked"],
  ["NV_AUTHORIZATION", 0x149, "NV access authorization fails"],
  ["NV_UNINITIALIZED", 0x14a, "before being initialized"],
  ["NV_SPACE", 0x14b, "insufficient space for NV"],
  ["NV_DEFINED", 0x14c, "already defined"],
  ["BAD_CONTEXT", 0x150, "ContextLoad is not valid"],
  ["NEEDS_TEST", 0x153, "needs testing"],
  ["SENSITIVE", 0x155, "sensitive area did not unmarshal"],
  ["CONTEXT_GAP", 0x901, "gap for context ID"],
  ["OBJECT_MEMORY", 0x902, "out of memory for object contexts"],
  ["SESSION_MEMORY", 0x903, "out of memory for session contexts"],
  ["MEMORY", 0x904, "out of shared object"],
  ["SESSION_HANDLES", 0x905, "out of session handles"],
  ["OBJECT_HANDLES", 0x906, "out of object handles"],
  ["LOCALITY", 0x907, "bad locality"],
  ["YIELDED", 0x908, "suspended operation on the command"],
  ["CANCELED", 0x909, "command was canceled"],
  ["TESTING", 0x90a, "performing selftests"],
  ["NV_RATE", 0x920, "rate limiting accesses"],
  ["LOCKOUT", 0x921, "DA lockout mode"],
  ["RETRY", 0x922, "not able to start the command"],
  ["NV_UNAVAILABLE", 0x923, "writing of NV"],
  ["ASYMMETRIC", 0x081, "asymmetric algorithm not supported"],
  ["ATTRIBUTES", 0x082, "inconsistent attributes"],
  ["HASH", 0x083, "hash algorithm not supported"],
  ["VALUE", 0x084, "value is out of range"],
  ["HIERARCHY", 0x085, "hierarchy is not enabled"],
  ["KEY_SIZE", 0x087, "key size is not supported"],
  ["MGF", 0x088, "mask generation function"],
  ["MODE", 0x089, "mode of operation"],
  ["TYPE", 0x08a, "type of the value"],
  ["HANDLE", 0x08b, "handle is not correct"],
  ["KDF", 0x08c, "key derivation function"],
  ["RANGE", 0x08d, "out of allowed range"],
  ["AUTH_FAIL", 0x08e, "authorization HMAC check failed"],
  ["NONCE", 0x08f, "nonce size"],
  ["PP", 0x090, "assertion of PP"],
  ["SCHEME", 0x092, "scheme"],
  ["SIZE", 0x095, "wrong size"],
  ["SYMMETRIC", 0x096, "unsupported symmetric algorithm"],
  ["TAG", 0x097, "structure tag"],
  ["SELECTOR", 0x098, "union selector"],
  ["INSUFFICIENT", 0x09a, "not enough octets"],
  ["SIGNATURE", 0x09b, "signature is not valid"],
  ["KEY", 0x09c, "not compatible with the selected use"],
  ["POLICY_FAIL", 0x09d, "policy check failed"],
  ["INTEGRITY", 0x09f, "integrity check failed"],
  ["TICKET", 0x0a0, "invalid ticket"],
  ["RESERVED_BITS", 0x0a1, "reserved bits"],
  ["BAD_AUTH", 0x0a2, "authorization failure without DA"],
  ["EXPIRED", 0x0a3, "expired"],
  ["POLICY_CC", 0x0a4, "commandCode in the policy"],
  ["BINDING", 0x0a5, "not cryptographically bound"],
  ["CURVE", 0x0a6, "curve not supported"],
  ["ECC_POINT", 0x0a7, "not on the required curve"],
];

/** Where format 1 codes point to, by what is added to them. */
const SUBJECTS = [
  ["handle 1", 0x100, "handle(1)"],
  ["handle 3", 0x300, "handle(3)"],
  ["parameter 1", 0x140, "parameter(1)"],
  ["parameter 7", 0x740, "parameter(7)"],
  ["session 1", 0x900, "session(1)"],
  ["session 2", 0xa00, "session(2)"],
] as const;

function decode(code: number): string {
  return spawnSync("tpm2_rc_decode", [`0x${code.toString(16)}`], { encoding: "utf8" }).stdout;
}

test.for(NAMES)("%s reads as tpm2_rc_decode reads it", ([name, code, words], context) => {
  const isFormatOne = (code & 0x80) !== 0;
  const whole = isFormatOne ? code + 0x100 : code;
  expect(describeReturnCode(whole)).toContain(` ${name}`);
  needs(context, "tpm2_rc_decode");
  expect(decode(whole)).toContain(words);
});

test.for(SUBJECTS)("a code may concern %s, as tpm2_rc_decode says", ([ours, added, theirs], context) => {
  expect(describeReturnCode(0x8b + added)).toMatch(new RegExp(`HANDLE \\(${ours}\\)$`));
  needs(context, "tpm2_rc_decode");
  expect(decode(0x8b + added)).toContain(theirs);
});

test("a parameter's number has four bits, though tpm2_rc_decode reads three", () => {
  expect(describeReturnCode(0xccb)).toBe("0xccb HANDLE (parameter 12)");
});

test("a code that nobody knows is told as it is", () => {
  expect(describeReturnCode(0x9bf)).toBe("0x9bf unknown code (session 1)");
  expect(describeReturnCode(0x17f)).toBe("0x17f unknown code");
  expect(describeReturnCode(0xffff_ffff)).toMatch(/^0xffffffff /);
});

test.each([
  ["Unseal", 0x101, "TPM_FAILED"],
  ["Quote", 0x921, "TPM_LOCKED"],
  ["Unseal", 0x99d, "TPM_POLICY"],
  ["Unseal", 0x128, "TPM_POLICY"],
  ["VerifySignature", 0x2db, "TPM_POLICY"],
  ["PolicyOR", 0x1c4, "TPM_POLICY"],
  ["PolicyAuthorize", 0x1c4, "TPM_POLICY"],
  ["Create", 0x1c4, "TPM_RC"],
  ["Load", 0x1df, "TPM_RC"],
  ["CreatePrimary", 0x9a2, "TPM_RC"],
  ["Load", 0x902, "TPM_RC"],
] as const)("%s refused with %i is an error of its own kind, %s, with something to do", (command, code, kind) => {
  const error = refusal(code, command);
  expect(error).toMatchObject({ code: kind, message: expect.stringContaining(`TPM2_${command}`) });
  expect(error.fix).not.toBe("");
});
