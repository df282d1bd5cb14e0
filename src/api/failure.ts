/** How failures answer over HTTP: a stable code, a sentence, a fix. @module */
import { AgentError, isAgentError } from "../kernel/errors.ts";
import type { FailureReport } from "../kernel/reports.ts";

const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  BAD_REQUEST: 400,
  NAME_INVALID: 400,
  CAR_INVALID: 400,
  CAP_INVALID: 400,
  STATEMENT_INVALID: 400,
  CHALLENGE_INVALID: 400,
  ENROLMENT_INVALID: 400,
  ALERT_INVALID: 400,
  PATH_INVALID: 400,
  OWN_FILES: 400,
  CONFIG_MISSING: 400,
  CONFIG_INVALID: 400,
  RECOVERY_KEY: 400,
  APPROVAL_INVALID: 400,
  UNAUTHORIZED: 401,
  HOST_REFUSED: 403,
  ORIGIN_REFUSED: 403,
  NOT_FOUND: 404,
  FILE_MISSING: 404,
  MANIFEST_BAD: 404,
  AUTHOR_FORKED: 409,
  AUTHOR_REPLACED: 409,
  ALERT_NOT_OWN: 409,
  NO_AUTHORITY: 409,
  APPROVAL_FOREIGN: 409,
  NO_UPDATE_KEY: 409,
  ROTATION_UNDER_WAY: 409,
  ROTATION_NONE: 409,
  ENTROPY_BUSY: 409,
  BOARD_LINE: 409,
  BOARD_OPEN: 409,
  FILE_TOO_LARGE: 413,
  TOO_MANY: 429,
  TIME_REFUSED: 409,
  QUARANTINE: 503,
  STARTING: 503,
  RADIO_UNKNOWN: 503,
  TPM_GONE: 503,
  TRUST_KEY_AWAY: 503,
  TPM_BUSY: 503,
  SHARD_BUSY: 503,
  STORE_BUSY: 503,
  DISK_FULL: 507,
};

/** What every answer carries: nothing here is for a browser to show, guess at or keep. */
export const COMMON_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
};

/** A failure that nobody foresaw says nothing of its inside: only a log does. */
export function failureOf(error: unknown): Response {
  const known = isAgentError(error) ? error : new AgentError("INTERNAL", "the agent failed; its log says how");
  const report: FailureReport = { error: { code: known.code, message: known.message, fix: known.fix ?? "" } };
  return Response.json(report, { status: STATUS_BY_CODE[known.code] ?? 500, headers: COMMON_HEADERS });
}
