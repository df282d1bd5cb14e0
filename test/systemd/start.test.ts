/** Under a real systemd: logs of the measured boot before the network, and words on the console when the agent gives up. */
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { succeed } from "../machines/command.ts";
import { bootTree } from "../machines/nspawn.ts";
import { baseTree, copyOfTree, NODE_PACKAGES, reasonNotToRunLong } from "../machines/trees.ts";

const SYSTEMD = resolve(import.meta.dirname, "../../systemd");
const UNITS = "usr/lib/systemd/system";
/** In the agent's place: says that it is up, or that it can't be. */
const AGENT = `#!/bin/sh
case "$*" in *"board blink"*) echo "blinks: $*"; exec sleep 600;; esac
if [ -e /run/wrong ]; then echo "caye: the state directory belongs to another node"; exit 1; fi
cat /run/caye-boot/tpm2-measure.log >/run/caye/seen
systemd-notify --ready
exec sleep 600
`;
/** systemd's own measurements, before and after the network; made by root for root, as systemd makes it. */
const EARLY = `[Unit]
DefaultDependencies=no
Before=caye-measure.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'mkdir -p /run/log/systemd; umask 077; echo early >/run/log/systemd/tpm2-measure.log'
[Install]
WantedBy=multi-user.target
`;
const LATE = `[Unit]
After=network-pre.target
Before=caye.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'cp /run/caye-boot/tpm2-measure.log /run/at-network; echo late >>/run/log/systemd/tpm2-measure.log'
[Install]
WantedBy=multi-user.target
`;
const SCRIPT = `
systemctl is-active caye.service
echo "at the network: $(cat /run/at-network)"
echo "the agent saw: $(tr '\\n' ' ' </run/caye/seen)"
stat -c '%a %U %G' /run/caye-boot /run/caye-boot/tpm2-measure.log
echo "failed units: $(systemctl list-units --state=failed --plain --no-legend | wc -l)"
journalctl -b --no-pager -q --grep 'ordering cycle' && exit 9
touch /run/wrong
mkdir -p /run/systemd/system/caye.service.d
printf '[Unit]\\nStartLimitBurst=2\\n[Service]\\nRestartSec=100ms\\n' >/run/systemd/system/caye.service.d/limit.conf
systemctl daemon-reload
systemctl restart caye.service || true
for try in $(seq 100); do systemctl is-active -q caye-failed.service && break; sleep 0.2; done
systemctl is-active caye-failed.service
sleep 1
echo "it says: $(journalctl -u caye-failed.service -o cat --no-pager -q | tr '\\n' '|')"
rm /run/wrong
systemctl reset-failed caye.service
systemctl start caye.service
systemctl is-active caye.service caye-failed.service || true
`;

const reason = reasonNotToRunLong();

test.for(["bookworm", "trixie"] as const)("%s", { timeout: 600_000 }, async (suite, { skip }) => {
  if (reason !== undefined) skip(reason);
  const base = await baseTree(suite, "amd64", NODE_PACKAGES);
  await using copy = await copyOfTree(base);
  const at = (path: string): string => join(copy.path, path);
  for (const unit of ["caye.service", "caye-measure.service", "caye-failed.service"]) {
    cpSync(join(SYSTEMD, unit), at(join(UNITS, unit)));
  }
  cpSync(join(SYSTEMD, "sysusers.d/caye.conf"), at("usr/lib/sysusers.d/caye.conf"));
  cpSync(join(SYSTEMD, "tmpfiles.d/caye.conf"), at("usr/lib/tmpfiles.d/caye.conf"));
  mkdirSync(at("usr/lib/caye/node_modules/.bin"), { recursive: true });
  for (const program of ["usr/lib/caye/node_modules/.bin/node", "usr/bin/caye"]) {
    writeFileSync(at(program), AGENT, { mode: 0o755 });
  }
  mkdirSync(at(join(UNITS, "caye.service.d")));
  // A shell speaks through a child.
  writeFileSync(at(join(UNITS, "caye.service.d/test.conf")), "[Service]\nNotifyAccess=all\n");
  writeFileSync(at(join(UNITS, "test-early.service")), EARLY);
  writeFileSync(at(join(UNITS, "test-late.service")), LATE);
  const enabled = ["caye.service", "caye-measure.service", "test-early.service", "test-late.service"];
  await succeed(["systemd-sysusers", `--root=${copy.path}`, "caye.conf"], { seconds: 30 });
  await succeed(["systemctl", `--root=${copy.path}`, "--quiet", "enable", ...enabled], { seconds: 30 });
  const { status, output, console } = await bootTree(copy.path, { script: SCRIPT, seconds: 180 });
  expect(status, output + console).toBe(0);
  const lines = output.split("\n");
  // The first copy lay there before the network; the agent saw what was measured after it, too.
  expect(lines.slice(0, 6)).toEqual([
    "active",
    "at the network: early",
    "the agent saw: early late ",
    "750 root caye",
    "640 root caye",
    "failed units: 0",
  ]);
  expect(output).toMatch(
    /^it says: .*\*\*\* Caye does not run\. What it said last:\|caye: the state directory belongs to another node\|/m,
  );
  expect(output).toMatch(/^it says: .*blinks: board blink not-started --config \/etc\/caye\/caye\.toml\|/m);
  expect(console).toMatch(/caye: the state directory belongs to another node/);
  // Started again, the agent takes the lamp over.
  expect(lines.slice(-3)).toEqual(["active", "inactive", ""]);
});
