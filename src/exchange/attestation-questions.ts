/**
 * Questions about other nodes' TPMs that wait for an answer: this node's own, and those of others that were overheard.
 * Puts answers together, judges them, and tells which change what is known.
 *
 * An answer is signed by the TPM or it is nothing: anybody can send one that does not hold, so that such a one ends no
 * question and accuses nobody.
 * @module
 */
import { concatBytes, equalBytes, toHex, type Bytes } from "../kernel/bytes.ts";
import type { AttestReason, AttestVerdict, Evidence } from "../kernel/attest.ts";
import { keepRecent } from "../kernel/recent.ts";
import { expandCompact, expectationTag, type Expectations } from "../attest/compact.ts";
import { decodeAttest, type Attest } from "../attest/quote.ts";
import type { Probe } from "../wire/probe.ts";
import type { Proof } from "../wire/proof.ts";
import { referenceOf } from "./attestation-answers.ts";
import type { AttestationRecords, KnownNode } from "./attestation-records.ts";

/** Reasons that rest on what the TPM signed, and on nothing that was added on the way: the neighbour's own state. */
export const SIGNED_REASONS: ReadonlySet<AttestReason> = new Set<AttestReason>([
  "counters-backward",
  "unknown-reset",
  "reset-missing",
  "firmware",
  "not-measured",
  "policy-missing",
  "policy-forged",
  "policy-not-yet",
  "policy-expired",
  "policy-stale",
  "drift",
]);

export interface Question {
  readonly author: string;
  readonly probe: Probe;
  readonly node: KnownNode;
  /** Where the asker's expectations are known here, too. */
  readonly expected: Expectations;
  /** Author id of who asked; undefined: this node. */
  readonly askedBy: string | undefined;
  /** Radio → pieces of its answer by place. */
  readonly pieces: Map<number, Map<number, Bytes>>;
  /** Answers that did not hold. */
  falseOnes: number;
  /** Why the last one of them did not. */
  lastFault: AttestReason | undefined;
}

/** What an answer was good for. */
export type AnswerOutcome =
  | { readonly kind: "ignored"; readonly counter: string }
  | { readonly kind: "incomplete" }
  | {
      readonly kind: "judged";
      readonly question: Question;
      readonly verdict: AttestVerdict;
      readonly attest: Attest;
      readonly evidence: Evidence;
    };

const MAX_OVERHEARD = 16;
const MAX_PAST = 64;
/** Radios whose pieces are gathered for one question. */
const MAX_SPEAKERS = 4;
/** False answers to one question that are looked at: each costs a signature to check. */
export const MAX_FALSE = 24;

type Past = "answered" | "late";

export class AttestationQuestions {
  readonly #records: AttestationRecords;
  /** Own ones, by author. */
  readonly #own = new Map<string, Question>();
  /** By nonce. */
  readonly #overheard = new Map<string, Question>();
  /** By author and reference: what became of it. */
  readonly #past = new Map<string, Past>();

  constructor(records: AttestationRecords) {
    this.#records = records;
  }

  own(author: string): Question | undefined {
    return this.#own.get(author);
  }

  get asking(): number {
    return this.#own.size;
  }

  /** @param expects false: the whole answer is asked for */
  ask(author: string, node: KnownNode, nonce: Bytes, expects: boolean): Question {
    const target = new Uint8Array(Buffer.from(author, "hex"));
    const tags = expects ? node.expected.map(expectationTag) : [];
    const probe: Probe = { type: "probe", target, nonce, pcrs: node.pcrs, expected: tags };
    const question = questionOf({ author, probe, node, expected: expects ? node.expected : [], askedBy: undefined });
    this.giveUp(author);
    this.#own.set(author, question);
    return question;
  }

  /** The question is over without a verdict; what still comes is late. */
  giveUp(author: string): void {
    const question = this.#own.get(author);
    if (question === undefined) return;
    this.#own.delete(author);
    this.#end(question, "late");
  }

  /** Somebody asks another node. */
  overhear(probe: Probe, askedBy: string): void {
    const author = toHex(probe.target);
    const node = this.#records.known(author);
    const key = toHex(probe.nonce);
    if (node === undefined || node.pcrs.join() !== probe.pcrs.join() || this.#overheard.has(key)) return;
    const expected = node.expected.map((value, i) => (expectationTag(value) === probe.expected[i] ? value : undefined));
    keepRecent(this.#overheard, key, questionOf({ author, probe, node, expected, askedBy }), MAX_OVERHEARD);
  }

  /** @param from number of the radio that said it */
  onProof(proof: Proof, from: number): AnswerOutcome {
    const question = this.#questionOf(proof);
    if (question === undefined) return { kind: "ignored", counter: counterOfPast(this.#past.get(pastKey(proof))) };
    if (question.falseOnes >= MAX_FALSE) return { kind: "ignored", counter: "proofs_false_ignored" };
    const body = gathered(question, proof, from);
    return body === undefined ? { kind: "incomplete" } : this.#judge(question, body);
  }

  /** It was judged: no other answer to it counts. */
  settle(question: Question): void {
    if (this.own(question.author) === question) this.#own.delete(question.author);
    this.#overheard.delete(toHex(question.probe.nonce));
    this.#end(question, "answered");
  }

  #judge(question: Question, body: Uint8Array): AnswerOutcome {
    const { author, node, probe, expected } = question;
    const evidence = expandCompact(body, { ...node, nonce: probe.nonce }, expected);
    const attest = evidence.ok ? decodeAttest(evidence.value.attest) : evidence;
    if (!evidence.ok || !attest.ok) return wrong(question, "malformed");
    const verdict = this.#records.judge(author, evidence.value, probe.nonce);
    if (!verdict.ok && !SIGNED_REASONS.has(verdict.reason)) return wrong(question, verdict.reason);
    return { kind: "judged", question, verdict, attest: attest.value, evidence: evidence.value };
  }

  #questionOf({ author, re }: Proof): Question | undefined {
    for (const questions of [this.#own, this.#overheard]) {
      for (const question of questions.values()) {
        const { target, nonce } = question.probe;
        if (referenceOf(nonce) === re && equalBytes(target.subarray(0, author.length), author)) return question;
      }
    }
    return undefined;
  }

  #end({ probe }: Question, past: Past): void {
    const author = probe.target.subarray(0, 4);
    keepRecent(this.#past, pastKey({ author, re: referenceOf(probe.nonce) }), past, MAX_PAST);
  }
}

function questionOf(parts: Pick<Question, "author" | "probe" | "node" | "expected" | "askedBy">): Question {
  return { ...parts, pieces: new Map(), falseOnes: 0, lastFault: undefined };
}

function wrong(question: Question, reason: AttestReason): AnswerOutcome {
  question.falseOnes++;
  question.lastFault = reason;
  return { kind: "ignored", counter: `proofs_false_${reason.replaceAll("-", "_")}` };
}

/** The whole answer of one speaker once all its pieces are here. */
function gathered({ pieces }: Question, { piece, pieces: count, body }: Proof, from: number): Uint8Array | undefined {
  if (count === 1) return body;
  const held = pieces.get(from) ?? new Map<number, Bytes>();
  held.set(piece, new Uint8Array(body));
  keepRecent(pieces, from, held, MAX_SPEAKERS);
  if (held.size < count) return undefined;
  pieces.delete(from);
  return concatBytes(...[...held].toSorted(([a], [b]) => a - b).map(([, part]) => part));
}

function counterOfPast(past: Past | undefined): string {
  if (past === "answered") return "proofs_replayed";
  return past === "late" ? "proofs_late" : "proofs_unasked";
}

function pastKey({ author, re }: Pick<Proof, "author" | "re">): string {
  return `${toHex(author)} ${re}`;
}
