/** What is known of neighbours' attestation, and what was said on trust: for the status, and for whoever looks after the node. @module */
import type { Check, NeighbourAttestation, TrustWordRow } from "../kernel/reports.ts";
import { FIXES } from "../attest/verdict-words.ts";
import type { TrustWord } from "../exchange/trust-alerts.ts";
import { authorLabel } from "./author-label.ts";
import type { OpenParts } from "./parts.ts";

type Known = Pick<OpenParts, "exchange" | "shard">;

/** @param nowMs monotonic */
export function attestationOf({ exchange, shard }: Known, author: string, nowMs: number): NeighbourAttestation {
  const standing = exchange.standingOf(author);
  if (standing.state === "unknown" || standing.state === "unattested") return { state: standing.state };
  const ago_s = Math.round((nowMs - standing.atMs) / 1000);
  if (standing.state === "no-answer") {
    return { state: "no-answer", ago_s, ...(standing.fault === undefined ? {} : { reason: standing.fault }) };
  }
  const by = standing.by === undefined ? {} : { by: labelsOf(shard)(standing.by) };
  if (standing.state === "attested") return { state: "attested", ago_s, ...by };
  return { state: "failed", reason: standing.reason, ago_s, ...by };
}

/** The newest first. */
export function trustWords({ exchange, shard }: Known): readonly TrustWordRow[] {
  const label = labelsOf(shard);
  return exchange.trust.list().map(({ author, subject, kind, reason, atS, open }) => ({
    author: label(author),
    about: label(subject),
    kind,
    ...(reason === undefined ? {} : { reason }),
    at: atS === 0 ? "" : new Date(atS * 1000).toISOString(),
    open,
  }));
}

export function attestationChecks(open: Known): readonly Check[] {
  const label = labelsOf(open.shard);
  const failed = open.exchange.neighbours().flatMap(({ author }): readonly Check[] => {
    const standing = open.exchange.standingOf(author);
    if (standing.state !== "failed") return [];
    const detail = `${label(author)} failed its attestation: ${standing.reason}`;
    return [{ name: "attestation", state: "WARN", detail, fix: FIXES[standing.reason] }];
  });
  const words = open.exchange.trust.list().filter((word) => word.open);
  return [...failed, ...words.map((word) => wordCheck(word, label))];
}

const SAID: Readonly<Record<TrustWord["kind"], string>> = {
  attestation: "failed its attestation",
  entropy: "has too little entropy",
  selftest: "failed its self-test",
  recovered: "is well again",
};

function wordCheck({ author, subject, kind, reason }: TrustWord, label: (author: string) => string): Check {
  const about = subject === author ? "it" : label(subject);
  return {
    name: "trust",
    state: "WARN",
    detail: `${label(author)} says that ${about} ${SAID[kind]}${reason === undefined ? "" : `: ${reason}`}`,
    fix: "Look at that machine, or ask its operator. It is that node's word; a quote proves more: caye attest watch FILE.",
  };
}

function labelsOf(shard: OpenParts["shard"]): (author: string) => string {
  const names = new Map(shard.authors().map(({ id, name }) => [id, name]));
  return (author) => authorLabel(names.get(author), author);
}
