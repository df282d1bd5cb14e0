/** What is known of neighbours' attestation: the newest verdict on each, and how fresh overheard evidence must be. Bounded. @module */
import type { AttestReason } from "../kernel/attest.ts";
import { keepRecent } from "../kernel/recent.ts";
import type { Attest } from "../attest/quote.ts";

/** Times are monotonic ms. */
export type Standing =
  /** `by`: author id of who asked, when it was overheard; undefined when this node asked. */
  | { readonly state: "attested"; readonly atMs: number; readonly by: string | undefined }
  | { readonly state: "failed"; readonly reason: AttestReason; readonly atMs: number; readonly by: string | undefined }
  /** `fault`: answers came, and did not hold, for this reason: anybody can send such ones. */
  | { readonly state: "no-answer"; readonly atMs: number; readonly fault: AttestReason | undefined }
  /** Its key is known; it was not asked yet. */
  | { readonly state: "unattested" }
  /** Its key is not known. */
  | { readonly state: "unknown" };

/** Where a TPM's clock stood when this node's own nonce was answered. */
interface Anchor extends Pick<Attest, "clock" | "resetCount" | "restartCount"> {
  readonly atMs: number;
}

interface Known {
  readonly standing: Exclude<Standing, { readonly state: "unattested" | "unknown" }>;
  readonly anchor: Anchor | undefined;
  /** Questions in a row that stayed without an answer. */
  readonly silent: number;
  /** When it was judged, or a question was given up. */
  readonly lookedMs: number;
}

const CAPACITY = 1_024;
/** A TPM's clock may run faster or slower than ours by this part, and never so far that an old quote passes for long. */
const CLOCK_RATE_ERROR = 0.01;
const CLOCK_SLACK_MS = 30_000;
const MAX_CLOCK_ERROR_MS = 600_000;

export class Standings {
  readonly #known = new Map<string, Known>();

  get(author: string): Known | undefined {
    return this.#known.get(author);
  }

  /** @param direct the quote that answered this node's own nonce; undefined for an overheard one */
  judged(
    author: string,
    standing: Extract<Standing, { readonly state: "attested" | "failed" }>,
    direct: Attest | undefined,
  ): void {
    const anchor = direct === undefined ? this.#known.get(author)?.anchor : { ...direct, atMs: standing.atMs };
    keepRecent(this.#known, author, { standing, anchor, silent: 0, lookedMs: standing.atMs }, CAPACITY);
  }

  /** What was attested stays so until it is too old: silence alone is no sign. */
  silent(author: string, nowMs: number, maxAgeMs: number, fault: AttestReason | undefined): void {
    const before = this.#known.get(author);
    const keeps =
      before !== undefined && before.standing.state === "attested" && nowMs - before.standing.atMs < maxAgeMs;
    const standing = keeps ? before.standing : { state: "no-answer" as const, atMs: nowMs, fault };
    keepRecent(
      this.#known,
      author,
      { standing, anchor: before?.anchor, silent: (before?.silent ?? 0) + 1, lookedMs: nowMs },
      CAPACITY,
    );
  }

  /**
   * Somebody else's nonce may be an old one, played again together with its answer. Only the TPM's clock tells: it must
   * have gone on as ours has since it last answered a nonce of our own, without a reset.
   */
  isFresh(author: string, { clock, resetCount, restartCount }: Attest, nowMs: number): boolean {
    const anchor = this.#known.get(author)?.anchor;
    if (anchor === undefined || anchor.resetCount !== resetCount || anchor.restartCount !== restartCount) return false;
    const passedMs = nowMs - anchor.atMs;
    const error = Math.abs(Number(clock - anchor.clock) - passedMs);
    return error <= Math.min(CLOCK_SLACK_MS + CLOCK_RATE_ERROR * passedMs, MAX_CLOCK_ERROR_MS);
  }
}
