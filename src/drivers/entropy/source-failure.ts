/** What is said when a source of random samples does not do its part. @module */
import { AgentError, describeError, systemCode } from "../../kernel/errors.ts";

const CHECK_DEVICE = "check the device and its driver";

const FIXES: Readonly<Record<string, string>> = {
  ENOENT: 'plug the device in, load its driver, or set entropy.source = "kernel"',
  EACCES: "let the agent's user read and write the device: group dialout, or the udev rules of the package",
  EBUSY: "stop the other program that uses the device",
  ENODEV: 'no generator is behind the device: check rng_available, or set entropy.source = "kernel"',
};

/** The serial driver writes the system's words into its message, and no code beside it. */
const WORDS: readonly (readonly [words: RegExp, code: string])[] = [
  [/no such file|no such device/i, "ENOENT"],
  [/permission denied|not permitted/i, "EACCES"],
  [/cannot lock|temporarily unavailable|busy/i, "EBUSY"],
];

/** @param path of the device */
export function notGiving(path: string, error: unknown): AgentError {
  const message = `${path} does not give samples: ${describeError(error)}`;
  return new AgentError("ENTROPY_SOURCE", message, { cause: error, fix: FIXES[codeOf(error) ?? ""] ?? CHECK_DEVICE });
}

/** @param said the sentence's end: `/dev/ttyUSB0 …` */
export function sourceFault(path: string, said: string, fix = CHECK_DEVICE): AgentError {
  return new AgentError("ENTROPY_SOURCE", `${path} ${said}`, { fix });
}

function codeOf(error: unknown): string | undefined {
  return systemCode(error) ?? WORDS.find(([words]) => words.test(describeError(error)))?.[1];
}

/** So few can be text by chance: 32 uniform bytes are all printable once in 10^13 times. */
const LEAST_TEXT = 32;

/** @throws AgentError "ENTROPY_SOURCE" when all that came is printable: a device that talks, a wrong device, a login */
export function refuseText(path: string, samples: Uint8Array): void {
  if (samples.length < LEAST_TEXT || !samples.every(isPrintable)) return;
  const words = JSON.stringify(String.fromCharCode(...samples.subarray(0, LEAST_TEXT)));
  throw sourceFault(path, `sends text instead of samples: ${words} …`, "check that the URI names the right device");
}

function isPrintable(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
