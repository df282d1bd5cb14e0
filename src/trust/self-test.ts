/** The boot's first step: the cryptography that all others rest on gives the known answers, or nothing begins. @module */
import { type PowerUp, powerUpTests } from "../selftest/self-test.ts";
import { failure, type Failure } from "./outcome.ts";

export type PowerUpTests = () => PowerUp;

export type SelfTesting = { readonly kind: "tested" } | Failure<"selftest-failed">;

/** @param run left out: the tests of what this program uses */
export function testCryptography(run: PowerUpTests = powerUpTests): SelfTesting {
  const result = run();
  if (result.ok) return { kind: "tested" };
  return failure(
    "selftest-failed",
    `this machine's cryptography gives wrong answers: ${result.failed.join(", ")}`,
    "test the machine's memory, install Caye and its Node afresh, and see caye selftest --full",
  );
}
