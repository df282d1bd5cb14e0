/** What the self-tests of the cryptography say, and who runs them. @module */
import { createHash } from "node:crypto";

/** One algorithm's test, and the cases of it that gave something else than the known answer. */
export interface SelfTestResult {
  /** `ML-KEM-768 key generation`. */
  readonly name: string;
  /** Where the known answers come from; empty for checks over random values. */
  readonly source: string;
  readonly cases: number;
  /** The wrong ones, by their source's own names. */
  readonly failed: readonly string[];
}

export interface SelfTestReport {
  /** What runs before anything else at each start, or all that there is. */
  readonly kind: "power-up" | "full";
  readonly ok: boolean;
  /** Node's version, which brings the cryptography: `24.21.0`. */
  readonly node: string;
  readonly tests: readonly SelfTestResult[];
}

/** A report, and what it can be held against later. */
export interface SelfTestRecord {
  readonly report: SelfTestReport;
  /** SHA-256 of the report as canonical JSON: keys sorted, no spaces. Hex. */
  readonly sha256: string;
}

/** For one Node, and with a source of random values. */
export interface SelfTestTools {
  powerUp(): SelfTestReport;
  /** All known answers, and checks over random values. Takes a second or more. */
  full(): SelfTestReport;
}

export function recordOf(report: SelfTestReport): SelfTestRecord {
  return { report, sha256: createHash("sha256").update(canonicalJson(report)).digest("hex") };
}

/** Of values that JSON has; keys sorted, no spaces. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join()}}`;
}
