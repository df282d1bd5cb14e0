/** Authors that go on under another key, for operators: who became whom, and what is suspicious about it. @module */
import { toHex } from "../kernel/bytes.ts";
import type { Check } from "../kernel/reports.ts";
import type { HandoverReport } from "../kernel/village.ts";
import type { Shard } from "../dag/shard.ts";
import { authorLabel } from "./author-label.ts";
import type { OpenParts } from "./parts.ts";

export async function handoverReports(shard: Shard): Promise<readonly HandoverReport[]> {
  const names = new Map(shard.authors().map(({ id, name }) => [id, name]));
  const reports: HandoverReport[] = [];
  for await (const { from, to, ignored, contested } of shard.handovers()) {
    const labels = { from: authorLabel(names.get(from), from), to: authorLabel(names.get(to), to) };
    reports.push({ ...labels, ignored, contested });
  }
  return reports;
}

/** One for this node's new key until the village knows it; one for each former key that somebody else uses. */
export async function handoverChecks({
  shard,
  membership,
}: Pick<OpenParts, "shard" | "membership">): Promise<readonly Check[]> {
  const own = toHex(shard.author.id);
  const found: Check[] = [];
  for (const { from, ignored } of await handoverReports(shard)) {
    if (ignored === 0) continue;
    const detail = `somebody else has the former key of ${from}: entries came after the handover, ${ignored} in all, and are ignored`;
    found.push({ name: "handover", state: "WARN", detail, fix: "The authority revokes it: caye village revoke" });
  }
  if (await shard.isAuthorReplaced()) {
    const detail = `this node's author, ${own}, is replaced at the agent's next start`;
    found.push({ name: "author key", state: "WARN", detail, fix: "Start the agent again." });
  } else if (membership !== undefined && membership.standing(own) === "stranger" && (await isSuccessor(shard, own))) {
    const detail = `this node has a new author's key, ${own}, which the village's authority has not enrolled yet`;
    const fix = "caye village request, and bring it to the authority; whoever attests this node: caye attest enrol.";
    found.push({ name: "author key", state: "WARN", detail, fix });
  }
  return found;
}

async function isSuccessor(shard: Shard, own: string): Promise<boolean> {
  for await (const { to } of shard.handovers()) if (to === own) return true;
  return false;
}
