/**
 * Runs the self-tests: at power-up some known answers of each algorithm, before anything is trusted to it; in full, all
 * of them and checks over random values.
 * @module
 */
import type { SelfTestReport, SelfTestResult } from "../kernel/selftest.ts";
import { CROSS_CHECKS, type CrossCheck, type Draw } from "./cross-checks.ts";
import { type KnownAnswer, knownAnswers } from "./known-answers.ts";
import { type Primitives, ownPrimitives } from "./primitives.ts";

export type PowerUp = { readonly ok: true } | { readonly ok: false; readonly failed: readonly string[] };

/** `failed`: the tests by name. Nothing may be trusted to cryptography that fails. */
export function powerUpTests(primitives: Primitives = ownPrimitives): PowerUp {
  const failed = powerUpResults(primitives).filter((result) => result.failed.length > 0);
  return failed.length === 0 ? { ok: true } : { ok: false, failed: failed.map(({ name }) => name) };
}

/** @param node version of Node, for the report */
export function powerUp(node: string, primitives: Primitives = ownPrimitives): SelfTestReport {
  return reportOf("power-up", node, powerUpResults(primitives));
}

/** All known answers, and checks over random values. */
export function full(node: string, random: Draw, primitives: Primitives = ownPrimitives): SelfTestReport {
  const known = knownAnswers().map((answer) => knownResult(answer, answer.cases.length, primitives));
  return reportOf("full", node, [...known, ...CROSS_CHECKS.map((check) => crossResult(check, random, primitives))]);
}

/** Each check over random values is made so many times. */
const ROUNDS = 25;

function powerUpResults(primitives: Primitives): readonly SelfTestResult[] {
  return knownAnswers().map((answer) => knownResult(answer, answer.atPowerUp, primitives));
}

function knownResult({ name, source, cases, run }: KnownAnswer, count: number, primitives: Primitives): SelfTestResult {
  const failed = cases.slice(0, count).filter((_, index) => !run(index, primitives));
  return { name, source, cases: count, failed };
}

function crossResult({ name, holds }: CrossCheck, random: Draw, primitives: Primitives): SelfTestResult {
  const rounds = Array.from({ length: ROUNDS }, (_, round) => `round ${round + 1}`);
  const failed = rounds.filter(() => {
    try {
      return !holds(primitives, random);
    } catch {
      return true;
    }
  });
  return { name, source: "", cases: ROUNDS, failed };
}

function reportOf(kind: SelfTestReport["kind"], node: string, tests: readonly SelfTestResult[]): SelfTestReport {
  return { kind, ok: tests.every(({ failed }) => failed.length === 0), node, tests };
}
