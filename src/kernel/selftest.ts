/** What the self-tests of the cryptography say, and who runs them. @module */

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
  recordOf(report: SelfTestReport): SelfTestRecord;
}
