/**
 * Answers PROBEs with a quote of this node's TPM. A quote costs the chip 20 to 500 ms and the air a packet, and anybody can
 * ask: so few an hour, fewest for those who are no members, one at a time. Who asks the same again gets the same again.
 * @module
 */
import { toHex } from "../kernel/bytes.ts";
import { describeError } from "../kernel/errors.ts";
import { keepRecent } from "../kernel/recent.ts";
import { compactOf } from "../attest/compact.ts";
import { ANSWER } from "../radio/priority.ts";
import type { Probe } from "../wire/probe.ts";
import { MAX_PROOF_PIECES, PROOF_OVERHEAD_BYTES, type Proof } from "../wire/proof.ts";
import type { Prover } from "./attestation-records.ts";
import { Hourly } from "./hourly.ts";
import type { ExchangeParts, Origin } from "./parts.ts";

export interface AttestationAnswersParts extends ExchangeParts {
  /** This node's author id, 8 bytes. */
  readonly self: Uint8Array;
  readonly prover: Prover;
  /** True for who is no member while members are about. */
  readonly isGuest: (radio: number) => boolean;
}

/** Quotes an hour: for one radio, for all guests together, for all. */
const QUOTES_A_RADIO = 4;
const QUOTES_OF_GUESTS = 8;
const QUOTES = 24;
/** Answers that are kept for who did not hear them, and how often one is said again. */
const MAX_KEPT = 8;
const SAYINGS = 6;
/** Quotes under way and waiting. */
const MAX_WAITING = 3;
const EXPIRES_MS = 60_000;

export class AttestationAnswers {
  readonly #parts: AttestationAnswersParts;
  readonly #ofRadio = new Hourly(QUOTES_A_RADIO);
  readonly #ofGuests = new Hourly(QUOTES_OF_GUESTS);
  readonly #ofAll = new Hourly(QUOTES);
  readonly #sayings = new Hourly(SAYINGS);
  readonly #kept = new Map<string, readonly Proof[]>();
  /** Nonces that are being answered. */
  readonly #waiting = new Set<string>();
  #last: Promise<void> = Promise.resolve();

  constructor(parts: AttestationAnswersParts) {
    this.#parts = parts;
  }

  /** A PROBE for this node. The quote is made beside the talk: nobody waits for it here. */
  onProbe(probe: Probe, origin: Origin): void {
    const { count, prover } = this.#parts;
    if (probe.pcrs.join() !== prover.pcrs.join()) return count("probes_unanswerable");
    const key = `${toHex(probe.nonce)} ${probe.pcrs.join()} ${probe.expected.join()}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return this.#say(kept, origin);
    if (this.#waiting.has(key)) return;
    if (this.#waiting.size >= MAX_WAITING) return count("probes_refused_busy");
    if (!this.#mayQuote(origin.from)) return count("probes_refused_budget");
    this.#waiting.add(key);
    this.#last = this.#last.then(() => this.#quote(key, probe, origin));
  }

  #mayQuote(radio: number): boolean {
    const nowMs = this.#parts.clock.monotonicMs();
    if (!this.#ofRadio.take(String(radio), nowMs)) return false;
    if (this.#parts.isGuest(radio) && !this.#ofGuests.take("all", nowMs)) return false;
    return this.#ofAll.take("all", nowMs);
  }

  /** Never rejects. */
  async #quote(key: string, probe: Probe, origin: Origin): Promise<void> {
    const { count, log } = this.#parts;
    try {
      const proofs = await this.#proofs(probe);
      if (proofs === undefined) count("probes_unanswerable");
      else {
        keepRecent(this.#kept, key, proofs, MAX_KEPT);
        this.#say(proofs, origin);
      }
    } catch (error) {
      count("probes_failed");
      log.warn("a neighbour's probe could not be answered", { error: describeError(error) });
    } finally {
      this.#waiting.delete(key);
    }
  }

  async #proofs({ nonce, pcrs, expected }: Probe): Promise<readonly Proof[] | undefined> {
    const { air, self, prover, log } = this.#parts;
    const evidence = await prover.evidence(nonce, pcrs);
    const { akPublic } = evidence;
    const compact = compactOf(evidence, { akPublic, nonce, pcrs, ownPcr: prover.ownPcr }, expected);
    const room = air.maxMessageBytes - PROOF_OVERHEAD_BYTES;
    if (!compact.ok || compact.value.length > MAX_PROOF_PIECES * room) {
      log.warn("this node's quote can't be said in two packets", { reason: compact.ok ? "too long" : compact.reason });
      return undefined;
    }
    const body = compact.value;
    const pieces = Math.ceil(body.length / room);
    const shared = { type: "proof" as const, author: self.subarray(0, 4), re: referenceOf(nonce), pieces };
    return Array.from({ length: pieces }, (_, piece) => ({
      ...shared,
      piece,
      body: body.slice(piece * room, (piece + 1) * room),
    }));
  }

  #say(proofs: readonly Proof[], { hops }: Origin): void {
    const { air, clock, count } = this.#parts;
    for (const proof of proofs) {
      const key = `proof:${proof.re}:${proof.piece}`;
      if (!this.#sayings.take(key, clock.monotonicMs())) return count("probes_refused_budget");
      air.say(proof, { priority: ANSWER, hops: air.reach(hops), key, expiresInMs: EXPIRES_MS });
    }
    count("proofs_said");
  }
}

/** How an answer names its question. */
export function referenceOf(nonce: Uint8Array): number {
  const [high = 0, low = 0] = nonce;
  return 256 * high + low;
}
