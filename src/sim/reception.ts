/**
 * What becomes of frames that overlap at one receiver: half duplex, and the capture effect.
 *
 * Of two frames of one spreading factor the stronger survives when it is at least 6 dB above all that overlaps it (C. Goursaud,
 * J.-M. Gorce, EAI Endorsed Transactions on IoT 2015), also when it comes while the receiver is busy with the weaker one. What
 * ends before the last five symbols of a frame's preamble does that frame no harm (M. Bor et al., MSWiM 2016). Frames of
 * which the strength is not known are destroyed by any overlap.
 * @module
 */

/** 10^0.6: six decibels. */
const CAPTURE_RATIO = 3.981;

export type Fate = "whole" | "captured" | "collision" | "deaf";

/** Monotonic ms. */
export interface Span {
  readonly startMs: number;
  readonly endMs: number;
  /** From here on a receiver needs the frame undisturbed. */
  readonly criticalMs: number;
}

/** One frame on its way into one receiver. */
export class Incoming {
  readonly span: Span;
  /** As it arrives; undefined when the link does not say. */
  readonly milliwatts: number | undefined;
  #deaf = false;
  #clash = false;
  #rivals = 0;
  /** The sum of what overlaps it now, and the largest that sum has been. */
  #disturbance = 0;
  #worst = 0;

  constructor(span: Span, dbm?: number) {
    this.span = span;
    this.milliwatts = dbm === undefined ? undefined : 10 ** (dbm / 10);
  }

  /** The receiver itself sends. */
  deafen(): void {
    this.#deaf = true;
  }

  disturbedBy(other: Incoming): void {
    if (this.milliwatts === undefined || other.milliwatts === undefined) this.#clash = true;
    // It will have ended in time. Without strengths there is no such mercy: the plain model stays plain.
    else if (other.span.endMs <= this.span.criticalMs) return;
    else this.#disturb(other.milliwatts);
  }

  /** A rival is over; to be called only after {@link disturbedBy} with the same. */
  relievedOf(other: Incoming): void {
    if (this.milliwatts === undefined || other.milliwatts === undefined || other.span.endMs <= this.span.criticalMs)
      return;
    this.#rivals--;
    // Sums of powers that differ by many orders leave crumbs behind.
    this.#disturbance = this.#rivals === 0 ? 0 : this.#disturbance - other.milliwatts;
  }

  fate(): Fate {
    if (this.#clash) return "collision";
    if (this.#deaf) return "deaf";
    if (this.#worst === 0) return "whole";
    return (this.milliwatts ?? 0) >= CAPTURE_RATIO * this.#worst ? "captured" : "collision";
  }

  #disturb(milliwatts: number): void {
    this.#rivals++;
    this.#disturbance += milliwatts;
    this.#worst = Math.max(this.#worst, this.#disturbance);
  }
}
