/**
 * `npm run rehearsal -- [--suite trixie|bookworm] [--without-ansible]`: the first boot of a node, with its timeline.
 * Ends with 1 when no node came up.
 * @module
 */
import { parseArgs } from "node:util";
import { LIMIT_SECONDS, rehearse } from "./rehearsal.ts";
import { reasonNotToRun } from "./trees.ts";

const { values } = parseArgs({
  options: { suite: { type: "string", default: "trixie" }, "without-ansible": { type: "boolean", default: false } },
});

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const reason = reasonNotToRun();
if (reason === undefined) {
  const suite = values.suite === "bookworm" ? "bookworm" : "trixie";
  const withAnsible = !values["without-ansible"];
  say(
    `A blank Debian tree (${suite}) and a card, booted by systemd-nspawn; ${withAnsible ? "with" : "without"} Ansible.`,
  );
  const { seconds, timeline, verdict, first, second } = await rehearse({ suite, withAnsible });
  for (const [at, what] of timeline) say(`${at.toFixed(1).padStart(7)} s  ${what}`);
  say(`\n${verdict}`);
  for (const [name, boot] of Object.entries({ "first boot": first, "second boot": second })) {
    say(`${name}: caye.service ${boot.get("service")}, system ${boot.get("system")}; ${boot.get("health")}`);
  }
  const recap = /changed=\d+.*failed=\d+/.exec(first.get("again") ?? "")?.[0];
  if (recap !== undefined) say(`Ansible once more: ${recap}`);
  say(`\n${seconds.toFixed(1)} s from the tree to the card's last word; wanted: ${LIMIT_SECONDS} s.`);
  say(
    "Only hardware shows: the firmware and its overlays, a TPM chip, a radio on USB, the FAT file system, the time of a Pi.",
  );
  if (!verdict.startsWith("PROVISION-OK")) {
    say(first.get("log") ?? "");
    process.exitCode = 1;
  }
} else {
  say(`NOT REHEARSED: ${reason}`);
}
