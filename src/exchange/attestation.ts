/**
 * Who is attested by whom: this node asks direct neighbours whose TPM it knows for a quote over its own nonce, now and
 * then and on request; answers such questions of others; and takes what it overhears, where the TPM's own clock shows
 * that it is new. What a neighbour without a good verdict may have of us is the village's policy.
 * @module
 */
import type { AttestReason } from "../kernel/attest.ts";
import { toHex } from "../kernel/bytes.ts";
import { chance } from "../radio/chance.ts";
import { REQUEST } from "../radio/priority.ts";
import type { Probe } from "../wire/probe.ts";
import { PROBE_NONCE_BYTES } from "../wire/probe.ts";
import type { Proof } from "../wire/proof.ts";
import { AttestationAnswers } from "./attestation-answers.ts";
import { AttestationQuestions, type AnswerOutcome, type Question } from "./attestation-questions.ts";
import type { AttestationRecords, Prover } from "./attestation-records.ts";
import { Standings, type Standing } from "./attestation-standings.ts";
import { Hourly } from "./hourly.ts";
import type { Neighbours } from "./neighbours.ts";
import type { Rights } from "./neighbours-budget.ts";
import type { ExchangeParts, Origin } from "./parts.ts";

export interface AttestationWishes {
  readonly records: AttestationRecords;
  /** Nobody is answered when left out. */
  readonly prover?: Prover;
  /** How often each neighbour is asked; 0: only on request. */
  readonly everyMs: number;
}

export interface AttestationParts extends ExchangeParts {
  readonly wishes: AttestationWishes;
  readonly self: Uint8Array;
  readonly neighbours: Pick<Neighbours, "list" | "authorOf" | "hopsTo">;
  readonly isGuest: (radio: number) => boolean;
  /** A neighbour's TPM shows, signed, that something is wrong. */
  readonly onFailed: (author: string, reason: AttestReason) => Promise<unknown>;
  /** … or that all is well, as it may have been before. */
  readonly onAttested: (author: string) => Promise<unknown>;
}

/** Of the time of a full packet: how long an answer is waited for, and the random part more. */
const WAIT_PACKETS = 5;
const WAIT_SPREAD = 2;
/** … and as long as a slow chip takes for a quote. */
const QUOTE_MS = 1_000;
/** Each try waits so many times longer than the one before. */
const BACK_OFF = 1.4;
const MAX_TRIES = 6;
/** Packets an hour that questions cost this node at most. */
const PROBES_AN_HOUR = 24;
const MAX_ASKING = 2;
const LOOK_EVERY_MS = 60_000;
/** Who was silent, or failed, is asked again after this, then after twice as long, and so on up to the usual time. */
const AGAIN_MS = 900_000;
/** … and who asks us for something that it may not have, after this. */
const SOON_MS = 120_000;
/** A question that the hour has no room for goes on after this. */
const PUT_OFF_MS = 600_000;
const AUTHOR_HEX_DIGITS = 16;
/** Accusations that are told on: others are matters of our own policy, or of a power cut. */
const TOLD: ReadonlySet<AttestReason> = new Set<AttestReason>([
  "counters-backward",
  "firmware",
  "not-measured",
  "drift",
]);

export class Attestation {
  readonly #parts: AttestationParts;
  readonly #self: string;
  readonly #questions: AttestationQuestions;
  readonly #standings = new Standings();
  readonly #answers: AttestationAnswers | undefined;
  readonly #probes = new Hourly(PROBES_AN_HOUR);

  constructor(parts: AttestationParts) {
    const { prover, records } = parts.wishes;
    this.#parts = parts;
    this.#self = toHex(parts.self);
    this.#questions = new AttestationQuestions(records);
    this.#answers = prover && new AttestationAnswers({ ...parts, prover });
  }

  start(): void {
    if (this.#parts.wishes.everyMs > 0) this.#lookLater();
  }

  standingOf(author: string): Standing {
    const known = this.#standings.get(author);
    if (known !== undefined) return known.standing;
    return { state: this.#parts.wishes.records.known(author) === undefined ? "unknown" : "unattested" };
  }

  /** Asks now, however lately it was asked. False when its TPM is not known, or it is this node itself. */
  request(author: string): boolean {
    if (author === this.#self || this.#parts.wishes.records.known(author) === undefined) return false;
    if (this.#questions.own(author) === undefined) this.#ask(author, { tries: 1, expects: true });
    return true;
  }

  /** What that radio may have of us, by the village's policy. */
  rightsOf(radio: number): Rights {
    const rules = this.#parts.wishes.records.rules();
    if (rules === undefined || rules.unattested === "serve") return "full";
    const author = this.#parts.neighbours.authorOf(radio);
    const standing = author === undefined ? undefined : this.#standings.get(author)?.standing;
    if (standing?.state === "attested" && this.#nowMs() - standing.atMs < rules.maxAgeMs) return "full";
    return rules.unattested === "limit" ? "limited" : "none";
  }

  /** It asks for something: who has no good verdict gets a chance to show one. */
  onAsked({ from }: Origin): void {
    if (this.rightsOf(from) === "full") return;
    this.#parts.count("asked_by_unattested");
    const author = this.#parts.neighbours.authorOf(from);
    if (author === undefined || !this.#isDue(author, SOON_MS)) return;
    this.request(author);
  }

  onProbe(probe: Probe, origin: Origin): void {
    const { count, neighbours } = this.#parts;
    if (toHex(probe.target) !== this.#self) {
      const asker = neighbours.authorOf(origin.from);
      if (asker !== undefined) this.#questions.overhear(probe, asker);
    } else if (this.#answers === undefined) count("probes_without_tpm");
    else this.#answers.onProbe(probe, origin);
  }

  async onProof(proof: Proof, { from }: Origin): Promise<void> {
    const outcome = this.#questions.onProof(proof, from);
    if (outcome.kind === "ignored") this.#parts.count(outcome.counter);
    if (outcome.kind === "judged") await this.#take(outcome);
  }

  async #take({ question, verdict, attest, evidence }: Extract<AnswerOutcome, { kind: "judged" }>): Promise<void> {
    const { agenda, count, log, onAttested, onFailed, wishes } = this.#parts;
    const { author, askedBy: by } = question;
    const atMs = this.#nowMs();
    this.#questions.settle(question);
    // What was said to others, and said again, may be older than what was said to us: such a clock did not go back.
    const isOlder = !verdict.ok && verdict.reason === "counters-backward";
    if (by !== undefined && (isOlder || !this.#standings.isFresh(author, attest, atMs))) {
      return count("proofs_overheard_unsure");
    }
    // An answer to a question of ours that is still open would be older than this.
    this.#questions.giveUp(author);
    agenda.cancel(askKey(author));
    const direct = by === undefined ? attest : undefined;
    if (verdict.ok) {
      this.#standings.judged(author, { state: "attested", atMs, by }, direct);
      count(by === undefined ? "attested" : "attested_overheard");
      await wishes.records.remember(author, evidence);
      await onAttested(author);
      return;
    }
    const { reason } = verdict;
    this.#standings.judged(author, { state: "failed", reason, atMs, by }, direct);
    count(`attestation_failed_${reason.replaceAll("-", "_")}`);
    log.warn("a neighbour's attestation failed", { author, reason, detail: verdict.detail });
    if (TOLD.has(reason)) await onFailed(author, reason);
  }

  #lookLater(): void {
    const { agenda, random } = this.#parts;
    agenda.set("attest:look", LOOK_EVERY_MS * (0.5 + chance(random)), () => this.#look());
  }

  /** One neighbour at a time, who is due for longest. */
  #look(): void {
    this.#lookLater();
    if (this.#questions.asking >= MAX_ASKING) return;
    const due = this.#parts.neighbours
      .list()
      .filter(({ author, hops }) => (hops ?? 0) === 0 && author.length === AUTHOR_HEX_DIGITS && author !== this.#self)
      .filter(({ author }) => this.#questions.own(author) === undefined && this.#isDue(author, AGAIN_MS))
      .map(({ author }) => author)
      .filter((author) => this.#parts.wishes.records.known(author) !== undefined)
      .toSorted((a, b) => this.#sinceMs(a) - this.#sinceMs(b));
    const [first] = due;
    if (first !== undefined) this.#ask(first, { tries: 1, expects: true });
  }

  /** @param againMs after which somebody is asked again who gave no good answer; then after twice as long, … */
  #isDue(author: string, againMs: number): boolean {
    const known = this.#standings.get(author);
    if (known === undefined) return this.#questions.own(author) === undefined;
    const { everyMs } = this.#parts.wishes;
    const usualMs = everyMs === 0 ? Number.POSITIVE_INFINITY : everyMs;
    const isWell = known.silent === 0 && known.standing.state === "attested";
    const waitMs = isWell ? usualMs : Math.min(againMs * 2 ** known.silent, Math.max(usualMs, againMs));
    return this.#nowMs() - known.lookedMs >= waitMs;
  }

  #sinceMs(author: string): number {
    return this.#standings.get(author)?.lookedMs ?? Number.NEGATIVE_INFINITY;
  }

  #ask(author: string, { tries, expects }: { readonly tries: number; readonly expects: boolean }): void {
    const { agenda, air, count, neighbours, random, wishes } = this.#parts;
    const node = wishes.records.known(author);
    if (node === undefined) return;
    if (!this.#probes.take("all", this.#nowMs())) {
      count("probes_put_off");
      // What was asked already may still be answered; nobody is called silent who was not asked.
      if (this.#questions.own(author) !== undefined) {
        agenda.set(askKey(author), PUT_OFF_MS, () => this.#ask(author, { tries, expects }));
      }
      return;
    }
    const before = this.#questions.own(author);
    // The same nonce again draws the same answer again, from memory; only a whole answer is another question.
    const isSame = before !== undefined && before.probe.expected.length > 0 === expects;
    const question = isSame ? before : this.#questions.ask(author, node, random.bytes(PROBE_NONCE_BYTES), expects);
    const hops = air.reach(neighbours.hopsTo(author));
    count("probes_said");
    air.say(question.probe, { priority: REQUEST, hops, key: `probe:${author}`, expiresInMs: 60_000 });
    const packets = WAIT_PACKETS + WAIT_SPREAD * chance(random);
    const waitMs = (QUOTE_MS + packets * air.packetMs * (1 + hops)) * BACK_OFF ** (tries - 1);
    agenda.set(askKey(author), waitMs, () => this.#askAgain(question, tries));
  }

  #askAgain(question: Question, tries: number): void {
    const { author, falseOnes, lastFault, expected } = question;
    if (tries >= MAX_TRIES) {
      if (falseOnes > 0)
        this.#parts.log.warn("answers to a probe did not hold", { author, falseOnes, reason: lastFault });
      return this.#giveUp(author, lastFault);
    }
    // What was left out may be something else than what was expected: then the signature can't hold.
    this.#ask(author, { tries: tries + 1, expects: falseOnes === 0 && expected.length > 0 });
  }

  #giveUp(author: string, fault: AttestReason | undefined): void {
    const maxAgeMs = this.#parts.wishes.records.rules()?.maxAgeMs ?? 2 * this.#parts.wishes.everyMs;
    this.#parts.count("probes_unanswered");
    this.#questions.giveUp(author);
    this.#standings.silent(author, this.#nowMs(), maxAgeMs, fault);
  }

  #nowMs(): number {
    return this.#parts.clock.monotonicMs();
  }
}

function askKey(author: string): string {
  return `attest:ask:${author}`;
}
