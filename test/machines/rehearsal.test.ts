/** The first boot of a node, from a blank Debian tree and a card; and its second. What it takes longest is other people's work. */
import { describe, expect, test } from "vitest";
import { LIMIT_SECONDS, rehearse, type Rehearsal, type Rehearsed } from "./rehearsal.ts";
import { reasonNotToRun, reasonNotToRunLong } from "./trees.ts";

/** Trees and package are made on the first run; on a busy machine all of it takes its time. */
const MOST_MS = 1_800_000;

type Reason = typeof reasonNotToRun;
const REHEARSALS: readonly (readonly [title: string, how: Rehearsal, reasonNotTo: Reason])[] = [
  ["Debian 13, with Ansible", { suite: "trixie", withAnsible: true }, reasonNotToRun],
  ["Debian 12, the package alone", { suite: "bookworm", withAnsible: false }, reasonNotToRunLong],
];

describe.for(REHEARSALS)("%s", ([title, how, reasonNotTo]) => {
  test(
    "a card makes a node of a blank machine, and leaves it as it is from then on",
    { timeout: MOST_MS },
    async (context) => {
      const reason = reasonNotTo();
      if (reason !== undefined) context.skip(reason);
      const rehearsed = await rehearse(how);
      // A figure, not a verdict: on a busy machine it says nothing of the node.
      const limit = rehearsed.seconds <= LIMIT_SECONDS ? "within" : "above";
      process.stdout.write(
        `first boot, ${title}: ${rehearsed.seconds.toFixed(1)} s (${limit} the ${LIMIT_SECONDS} s wanted)\n`,
      );
      expectNode(rehearsed, how);
    },
  );
});

function expectNode({ verdict, card, first, second }: Rehearsed, { withAnsible }: Rehearsal): void {
  expect(verdict, first.get("log")).toMatch(/^PROVISION-OK\.txt/);
  expect(card).toEqual(expect.arrayContaining(["caye/node-card.txt", "caye/node-card.svg"]));
  expect(card.filter((name) => name.includes("secret"))).toEqual([]);
  for (const boot of [first, second]) {
    expect(boot.get("service"), boot.get("journal")).toBe("active");
    expect(boot.get("health"), boot.get("journal")).toMatch(/^Healthy: .*radio ready/);
    expect(boot.get("failed")).toBe("");
    expect(boot.get("login")).toMatch(/^uid=\d+\(operator\) .*sudo[\s\S]*ssh-ed25519/);
    expect(boot.get("system"), boot.get("journal")).toBe("running");
  }
  const status = statusOf(first);
  expect(status).toMatchObject({ node: "clinic-roof", state: "running" });
  expect(status.trust.tpm).toMatch(/^swtpm:/);
  // The same keys opened at the second start.
  expect(statusOf(second).author).toBe(status.author);
  if (withAnsible) expect(first.get("again")).toMatch(/changed=0 +unreachable=0 +failed=0/);
}

function statusOf(boot: Rehearsed["first"]): { author: string; node: string; state: string; trust: { tpm: string } } {
  return JSON.parse(boot.get("status") ?? "");
}
