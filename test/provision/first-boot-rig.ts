/** A fake root and a card for `first-boot.sh`: real files and a real shell; what would change this machine is a stub. @module */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

export const SCRIPT = resolve(import.meta.dirname, "../../provisioning/first-boot/first-boot.sh");
const SECRET = "caye-group-key 1 5a5a5a";
export const PSK = "00ff".repeat(16);

/** Before each of these the power may fail. */
const CUT_AT = ["mv", "rm", "dd", "dpkg", "systemctl", "mkdir", "caye"];

export interface Rig extends AsyncDisposable {
  readonly root: string;
  readonly card: string;
  /** Runs the script. @param cut the power fails before the so manieth command of the machine; 0: never */
  run(cut?: number): Promise<{ readonly status: number | null; readonly commands: number; readonly errors: string }>;
  text(path: string): Promise<string>;
  has(path: string): boolean;
  /** Every command that a stub answered, one a line. */
  log(): Promise<string>;
  /** What a stub does besides being noted down. */
  stub(command: string, body: string): Promise<void>;
}

export async function firstBootRig(): Promise<Rig> {
  const root = await mkdtemp(join(tmpdir(), "caye-first-boot-"));
  const card = join(root, "boot/firmware");
  const bin = join(root, "stubs");
  await mkdir(join(card, "caye/release-keys"), { recursive: true });
  await mkdir(bin);
  const stub = async (command: string, body: string): Promise<void> => {
    await writeFile(
      join(bin, command),
      `#!/bin/sh\n${CUT_AT.includes(command) ? countdown() : ""}echo "${command} $*" >> "$RIG/log"\n${body}\n`,
    );
    await chmod(join(bin, command), 0o755);
  };
  for (const command of CUT_AT) await stub(command, `exec /usr/bin/env PATH=/usr/bin:/bin ${command} "$@"`);
  // A disk of this machine's is not waited for.
  await stub("sync", "exit 0");
  await stub(
    "dpkg",
    'case "$1" in --install) echo 1.0 > "$RIG/version";; --compare-versions) exec /usr/bin/dpkg "$@";; esac',
  );
  await stub("dpkg-query", '[ -e "$RIG/version" ] && echo "installed $(cat "$RIG/version")" || exit 1');
  await stub("dpkg-deb", "echo 1.0");
  await stub("apt-get", "exit 100");
  await stub("systemctl", "exit 0");
  await stub("systemd-run", "exit 0");
  await stub("mount", "exit 0");
  await stub("caye", `if [ "$1" = bootstrap ]; then echo "saw $(cat "$RIG/etc/caye/caye.toml")"; fi`);
  await fillCard(card);
  return {
    root,
    card,
    stub,
    run: (cut = 0) => run({ root, card, bin }, cut),
    text: (path) => readFile(join(root, path), "utf8"),
    has: (path) => existsSync(join(root, path)),
    log: () => readFile(join(root, "log"), "utf8"),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}

/** The whole group of processes dies at once, as a machine does. */
function countdown(): string {
  return 'n=$(($(cat "$RIG/count") + 1)); echo "$n" > "$RIG/count"\nif [ "$n" = "$CUT" ]; then kill -9 0; fi\n';
}

async function fillCard(card: string): Promise<void> {
  const deb = "not a package, and nobody opens it";
  const row = { name: "caye_1.0_arm64.deb", bytes: deb.length, sha256: sha256(deb) };
  const files: Readonly<Record<string, string>> = {
    "caye/first-boot.sh": await readFile(SCRIPT, "utf8"),
    "caye/caye.toml": '[node]\nname = "clinic-roof"\n',
    "caye/secrets.toml": SECRET,
    "caye/network-config.after": "version: 2\n",
    "caye/caye_1.0_arm64.deb": deb,
    "caye/caye_1.0_arm64.deb.manifest": `caye-release 1\n${JSON.stringify({ files: [row] }, undefined, 2)}\nsignatures\n`,
    "caye/release-keys/ours.pub": "caye-release-key 1 00\n",
    "network-config": `version: 2\n# ${PSK}\n`,
    "user-data": "#cloud-config\n",
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(card, path), text);
  const sums = Object.entries(files).map(([path, text]) => `${sha256(text)}  ${path}\n`);
  await writeFile(join(card, "caye/SHA256SUMS"), sums.join(""));
}

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

interface Place {
  readonly root: string;
  readonly card: string;
  readonly bin: string;
}

async function run({ root, card, bin }: Place, cut: number) {
  await writeFile(join(root, "count"), "0");
  const { promise, resolve: ended } = Promise.withResolvers<number | null>();
  const child = spawn("sh", [SCRIPT, card], {
    // A group of its own, so that a power cut ends the script and nothing of ours.
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: `${bin}:/usr/bin:/bin`, CAYE_FIRST_BOOT_ROOT: root, RIG: root, CUT: String(cut) },
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (errors += text));
  child.on("close", ended);
  const status = await promise;
  return { status, commands: Number(await readFile(join(root, "count"), "utf8")), errors };
}
