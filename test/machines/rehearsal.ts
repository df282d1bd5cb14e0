/**
 * The first boot of a node, rehearsed: a blank Debian tree and a card as `caye provision card` writes it are booted by
 * systemd-nspawn, and become a node by themselves: cloud-init, first-boot.sh, Ansible (or dpkg alone), the signed package,
 * `caye bootstrap`, the agent with a TPM in software and a radio on TCP. Then Ansible runs once more, and the node boots again.
 *
 * What only hardware can show: the firmware (config.txt), a TPM chip, a radio on USB, the FAT file system, the time of a Pi.
 * @module
 */
import { mkdir, mkdtemp, readFile, rm, writeFile, copyFile, stat } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createReleaseKeys, decodeReleaseSecret } from "../../src/release/keys.ts";
import { ROOT } from "../e2e/agent-process.ts";
import { succeed } from "./command.ts";
import { builtDeb } from "./deb.ts";
import { bootTree } from "./nspawn.ts";
import { signDeb } from "./other-deb.ts";
import { baseTree, copyOfTree, FIELD_PACKAGES, type Suite } from "./trees.ts";

/** What the issue asks for. A busy machine may take longer; then it is reported, and no failure. */
export const LIMIT_SECONDS = 60;
const RADIO_PORT = 4403;
const CARD = "/boot/firmware";
/** Nobody has the other half. */
const SSH_KEY = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${"A".repeat(43)} ana@laptop`;

export interface Rehearsal {
  readonly suite: Suite;
  /** False: the card carries no `ansible.tar.gz`, so that first-boot.sh installs the package alone. */
  readonly withAnsible: boolean;
}

export interface Rehearsed {
  /** From the moment in which the tree and the card exist to the last word on the card. */
  readonly seconds: number;
  /** Seconds from that moment, and what was done then. */
  readonly timeline: readonly (readonly [atS: number, what: string])[];
  /** What lies on the card: PROVISION-OK.txt, or PROVISION-FAILED.txt. */
  readonly verdict: string;
  /** The other files of the card afterwards, by their names. */
  readonly card: readonly string[];
  /** By name: what the machine's script found, first at the first boot, then at the second. */
  readonly first: ReadonlyMap<string, string>;
  readonly second: ReadonlyMap<string, string>;
}

/** Trees and package are made first, if they are not there: that is no part of the time. */
export async function rehearse({ suite, withAnsible }: Rehearsal): Promise<Rehearsed> {
  const [base, deb] = await Promise.all([baseTree(suite, "amd64", FIELD_PACKAGES), builtDeb("amd64")]);
  const home = await mkdtemp(join(tmpdir(), "caye-rehearsal-"));
  try {
    await using tree = await copyOfTree(base);
    await imageOf(tree.path);
    const card = join(home, "card");
    await writeCard(home, card, deb, withAnsible);
    const startedMs = Date.now();
    const boot = async (script: string): Promise<ReadonlyMap<string, string>> => {
      const args = [`--bind=${card}:${CARD}`, `--bind-ro=${ROOT}:/opt/neighbour`];
      const { output } = await bootTree(tree.path, { script, seconds: 600, args });
      return sections(output);
    };
    const first = await boot(FIRST_BOOT + LOOK + (withAnsible ? ONCE_MORE : ""));
    const outcome = { ...(await onCard(card, startedMs)), timeline: timelineOf(first.get("marks") ?? "", startedMs) };
    return { ...outcome, first, second: await boot(LOOK) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

/** What an image brings besides Debian: where cloud-init looks (as Raspberry Pi OS says it), and here a radio beside it. */
async function imageOf(tree: string): Promise<void> {
  const files: Readonly<Record<string, string>> = {
    "etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg":
      'datasource_list: [ NoCloud, None ]\ndatasource: { NoCloud: { seedfrom: "file:///boot/firmware/" } }\nnetwork: { config: disabled }\nlocale: C.UTF-8\n',
    "etc/systemd/system/neighbour-radio.service": `[Unit]
Description=A simulated radio on TCP
[Service]
ExecStart=/opt/neighbour/node_modules/.bin/node /opt/neighbour/src/main.ts radios --count 1 --port ${RADIO_PORT}
Restart=on-failure
`,
    "etc/systemd/system/ssh.service":
      "[Unit]\nDescription=Stands for the server of Raspberry Pi OS\n[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n",
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(tree, name, ".."), { recursive: true });
    await writeFile(join(tree, name), text);
  }
  const wants = join(tree, "etc/systemd/system/multi-user.target.wants");
  await mkdir(wants, { recursive: true });
  await succeed(["ln", "-sf", "../neighbour-radio.service", wants], { seconds: 10 });
  await mkdir(join(tree, "boot/firmware"), { recursive: true });
}

async function writeCard(home: string, card: string, deb: string, withAnsible: boolean): Promise<void> {
  const signed = await signedPackage(home, deb);
  const options = ["--name", "clinic-roof", "--region", "US", "--timezone", "America/Belize", "--tpm", "software"];
  const radio = ["--radio", "tcp", "--modem", `tcp://127.0.0.1:${RADIO_PORT}`];
  const parts = ["--package", signed.deb, "--release-key", signed.key];
  if (withAnsible) {
    const archive = join(home, "ansible.tar.gz");
    await succeed(["tar", "-czf", archive, "-C", ROOT, "ansible"], { seconds: 60 });
    parts.push("--ansible", archive);
  }
  await writeFile(join(home, "ana.pub"), `${SSH_KEY}\n`);
  parts.push("--ssh-key", join(home, "ana.pub"));
  await mkdir(card);
  await writeFile(join(card, "config.txt"), "# as the image brings it\ndtparam=audio=on\n");
  await writeFile(join(card, "cmdline.txt"), "console=tty1 root=PARTUUID=1 rootwait\n");
  const write = [process.execPath, join(ROOT, "src/main.ts"), "provision", "card", card, "--force-directory"];
  await succeed([...write, ...options, ...radio, ...parts], { seconds: 120 });
}

/** Signed by a key that is made for this. */
async function signedPackage(home: string, deb: string): Promise<{ deb: string; key: string }> {
  const keys = createReleaseKeys({ bytes: (length) => new Uint8Array(randomBytes(length)) });
  const signer = decodeReleaseSecret(keys.secret);
  if (!signer.ok) throw new Error(signer.reason);
  const copy = join(home, basename(deb));
  await copyFile(deb, copy);
  signDeb(copy, signer.value);
  const key = join(home, "rehearsal.pub");
  await writeFile(key, keys.publicKey);
  return { deb: copy, key };
}

/** Waits for the card's last word. A section of the output is headed by `== NAME`. */
const FIRST_BOOT = `
card=${CARD}
for try in $(seq 1500); do
  if [ -e $card/PROVISION-OK.txt ] || [ -e $card/PROVISION-FAILED.txt ]; then break; fi
  sleep 0.2
done
echo "== log"; tail -n 60 /var/log/caye-first-boot.log || true
echo "== marks"; find /var/lib/caye-provision/order /var/lib/caye-provision/steps -type f -printf '%T@ %f\n'
`;
const LOOK = `
echo "== service"; systemctl is-active caye.service || true
echo "== login"; id operator; cat ~operator/.ssh/authorized_keys || true
echo "== health"; caye health --wait 60 --radio || true
echo "== status"; caye status --json || true
echo "== system"; timeout 60 systemctl is-system-running --wait || true
echo "== failed"; systemctl list-units --failed --plain --no-legend || true
echo "== cloud-init"; cloud-init status --long || true
echo "== journal"; journalctl --unit 'caye*' --boot --no-pager --output short-monotonic | tail -n 80
`;
const ONCE_MORE = `
echo "== again"
cd /var/lib/caye-provision/ansible/ansible
LC_ALL=C.UTF-8 ansible-playbook --inventory inventory/local.yml site.yml --extra-vars card=${CARD} || true
`;

function sections(output: string): ReadonlyMap<string, string> {
  const parts = output.split(/^== (.*)\n/m).slice(1);
  const pairs = parts.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, (parts[index + 1] ?? "").trim()]] : [],
  );
  return new Map(pairs);
}

/** The machine's clock is ours. */
async function onCard(card: string, startedMs: number): Promise<Pick<Rehearsed, "verdict" | "card" | "seconds">> {
  const listed = await succeed(["find", card, "-type", "f", "-printf", "%P\n"], { seconds: 10 });
  const names = listed.split("\n").filter(Boolean).toSorted();
  const name = names.find((one) => /^PROVISION-(?:OK|FAILED)\.txt$/.test(one));
  if (name === undefined) return { verdict: "", card: names, seconds: Number.NaN };
  const seconds = ((await stat(join(card, name))).mtimeMs - startedMs) / 1000;
  return { verdict: `${name}\n${await readFile(join(card, name), "utf8")}`, card: names, seconds };
}

/** Out of the marks that first-boot.sh leaves: `SECONDS NAME` a line, in Unix time. */
function timelineOf(marks: string, startedMs: number): Rehearsed["timeline"] {
  return marks
    .split("\n")
    .map((line) => line.split(" "))
    .map(([at = "", name = ""]) => [Number(at) - startedMs / 1000, MARKS[name] ?? name] as const)
    .toSorted(([a], [b]) => a - b);
}

const MARKS: Readonly<Record<string, string>> = {
  order: "first-boot.sh began, after cloud-init",
  sums: "the card's files are as they were written",
  configuration: "caye.toml in place",
  package: "package installed",
  bootstrap: "bootstrap: TPM, entropy, radio, papers; the agent runs",
  wipe: "secrets wiped",
  finish: "PROVISION-OK.txt",
};
