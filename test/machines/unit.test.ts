/** The agent under its unit, by systemd itself: hung, killed, unable to start, stopped. On Debian 13. @module */
import { beforeAll, expect, test } from "vitest";
import { builtDeb } from "./deb.ts";
import { play, type Step } from "./story.ts";
import { NODE_PACKAGES, baseTree, copyOfTree, reasonNotToRunLong } from "./trees.ts";

/**
 * Waits as an operator would look again, for what systemd does by itself. `went`: the agent that was there before is gone,
 * another one does its work.
 */
const WORDS = `
pid() { systemctl show caye.service -p MainPID --value; }
went() {
  for try in $(seq 300); do
    if [ "$(pid)" != 0 ] && [ "$(pid)" != "$1" ] && systemctl is-active --quiet caye.service; then return 0; fi
    sleep 0.1
  done
  systemctl status --no-pager caye.service; return 1
}
kept() { caye health --wait 60 && caye get kept.txt -o /root/again.txt >&2 && cmp /root/kept.txt /root/again.txt && rm /root/again.txt; }
failed() { journalctl --no-pager -q -b -u caye-failed.service; }
said() { journalctl --no-pager -q -b -u caye.service; }
`;
/** The watchdog's time is shortened, and the agent told to hang on a signal: everything else is as it is given out. */
const HANGS = `
printf 'process.on("SIGUSR2", () => { for (;;); });' >/usr/lib/caye-hangs.cjs
mkdir -p /etc/systemd/system/caye.service.d
printf '[Service]\\nWatchdogSec=6\\nEnvironment=NODE_OPTIONS=--require=/usr/lib/caye-hangs.cjs\\n' >/etc/systemd/system/caye.service.d/hangs.conf
systemctl daemon-reload; systemctl restart caye.service; caye health --wait 60`;
const STEPS = {
  install: `apt-get install -y --no-install-recommends /run/caye.deb && caye health --wait 60
echo 'kept through all that comes' >/root/kept.txt; caye put /root/kept.txt`,
  verify: "systemd-analyze verify --man=no caye.service",
  kill: `before=$(pid); kill -9 "$before"; went "$before"; kept; said | grep -F 'status=9/KILL'`,
  hang: `${HANGS}; before=$(pid); kill -USR2 "$before"; went "$before"; kept; said | grep -F 'Watchdog timeout'`,
  freeze: `before=$(pid); kill -STOP "$before"; went "$before"; kept; test "$(said | grep -cF 'Watchdog timeout')" = 2`,
  whole: `rm -r /etc/systemd/system/caye.service.d; systemctl daemon-reload; systemctl restart caye.service; kept`,
  stop: `for try in 1 2 3; do
systemctl stop caye.service; ! pgrep -u caye >&2
systemctl show caye.service -p Result -p ExecMainStatus -p ActiveExitTimestampMonotonic -p InactiveEnterTimestampMonotonic
systemctl start caye.service; done`,
  exhaust: `cp /etc/caye/caye.toml /root/caye.toml; echo 'no such word' >>/etc/caye/caye.toml
mkdir -p /run/systemd/system/caye.service.d; printf '[Service]\\nRestartSec=0\\n' >/run/systemd/system/caye.service.d/soon.conf
systemctl daemon-reload; systemctl restart caye.service || true
for try in $(seq 300); do said | grep -qF 'repeated too quickly' && break; sleep 0.1; done
systemctl is-failed caye.service; systemctl show caye.service -p NRestarts; said | tail -n 60
for try in $(seq 300); do failed | grep -qF 'Caye does not run' && break; sleep 0.1; done; failed`,
  mend: `cp /root/caye.toml /etc/caye/caye.toml; apt-get install -y --reinstall /run/caye.deb; kept`,
} as const;

const reason = reasonNotToRunLong();
let step: (name: keyof typeof STEPS) => Step;

beforeAll(async () => {
  if (reason !== undefined) return;
  const deb = await builtDeb("amd64");
  await using tree = await copyOfTree(await baseTree("trixie", "amd64", NODE_PACKAGES));
  const steps = Object.fromEntries(Object.entries(STEPS).map(([name, script]) => [name, WORDS + script]));
  step = await play(tree.path, steps, { seconds: 500, args: [`--bind-ro=${deb}:/run/caye.deb`] });
}, 900_000);

test.for([
  ["kill", "an agent that is killed is started again, and has lost nothing"],
  ["hang", "an agent whose event loop hangs is killed by the watchdog and started again, and has lost nothing"],
  ["freeze", "so is one that is stopped from outside"],
  ["whole", "and then it runs again as it is given out"],
] as const)("%s: %s", ([name], context) => {
  if (reason !== undefined) context.skip(reason);
  for (const done of ["install", name] as const) expect(step(done), step(done).output).toMatchObject({ status: 0 });
});

test("systemd finds nothing to say against the installed unit", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("verify")).toEqual({ status: 0, output: "" });
});

test("it stops in order within two seconds, by systemd's own clock, and takes its TPM in software along", (context) => {
  if (reason !== undefined) context.skip(reason);
  const { status, output } = step("stop");
  expect(status, output).toBe(0);
  expect(output.match(/^Result=success$/gm)).toHaveLength(3);
  expect(output.match(/^ExecMainStatus=0$/gm)).toHaveLength(3);
  // The quickest of three, as other tests may keep the machine busy.
  const began = microseconds(output, "ActiveExit");
  const took = microseconds(output, "InactiveEnter").map((endUs, i) => endUs - (began[i] ?? 0));
  expect(Math.min(...took)).toBeLessThanOrEqual(2_000_000);
});

test("one that can never start is given up as failed, with the reason in the journal, and starts with the package that mends it", (context) => {
  if (reason !== undefined) context.skip(reason);
  const { status, output } = step("exhaust");
  expect(status, output).toBe(0);
  expect(output).toMatch(/^failed$/m);
  expect(output).toContain("illegal character in key");
  expect(output).toContain("Start request repeated too quickly");
  expect(Number(/^NRestarts=(\d+)$/m.exec(output)?.[1])).toBeGreaterThan(0);
  expect(output).toContain("Caye does not run");
  expect(step("mend"), step("mend").output).toMatchObject({ status: 0 });
});

/** Of systemd's own clock, in the order of the text. */
function microseconds(text: string, name: string): readonly number[] {
  return [...text.matchAll(new RegExp(`^${name}TimestampMonotonic=(\\d+)$`, "gm"))].map(([, us]) => Number(us));
}
