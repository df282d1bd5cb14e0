/** `first-boot.sh` in a fake root: every step, every way it fails, and the power cut before every command that changes something. @module */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { firstBootRig, PSK, SCRIPT, sha256, type Rig } from "./first-boot-rig.ts";

const OK = "boot/firmware/PROVISION-OK.txt";
const FAILED = "boot/firmware/PROVISION-FAILED.txt";
const SECRETS = "boot/firmware/caye/secrets.toml";

async function expectDone(rig: Rig, when: string): Promise<void> {
  expect([rig.has(OK), rig.has(FAILED), rig.has(SECRETS)], when).toEqual([true, false, false]);
  expect(await rig.text("boot/firmware/network-config"), when).toBe("version: 2\n");
  expect(rig.has("boot/firmware/network-config.old"), when).toBe(false);
  expect(await rig.text("etc/caye/caye.toml"), when).toContain("clinic-roof");
  expect(await rig.text("etc/caye/release-keys/ours.pub"), when).toContain("caye-release-key");
  expect(rig.has("var/lib/caye-provision/done"), when).toBe(true);
}

test("a card becomes a node: configuration before the package, secrets wiped, the result on the card", async () => {
  await using rig = await firstBootRig();
  expect((await rig.run()).status).toBe(0);
  await expectDone(rig, "after one run");
  const log = await rig.log();
  const order = [
    "systemctl enable caye-first-boot-resume",
    "dpkg --install",
    "caye bootstrap --card",
    "dd if=/dev/zero",
  ];
  const places = order.map((command) => log.indexOf(command));
  expect(places).toEqual(places.toSorted((a, b) => a - b));
  expect(places).not.toContain(-1);
  // The stub of bootstrap says what it read: the final configuration.
  expect(await rig.text("var/log/caye-first-boot.log")).toContain('saw [node]\nname = "clinic-roof"');
  expect(await rig.text(OK)).toMatch(/This node is set up[\s\S]*Este nodo está configurado/);
  const unit = await rig.text("etc/systemd/system/caye-first-boot-resume.service");
  expect(unit).toContain("WantedBy=multi-user.target");
  // With both, systemd would find a circle and drop one of the two: cloud-final waits for multi-user.target.
  expect(unit).not.toMatch(/After=.*cloud-final/);
});

test("a second run changes nothing", async () => {
  await using rig = await firstBootRig();
  await rig.run();
  const before = await rig.log();
  expect((await rig.run()).status).toBe(0);
  expect((await rig.log()).slice(before.length)).not.toMatch(/dpkg|bootstrap|systemctl|^mv/m);
});

test("the power fails before each command that changes something: the next start goes on, and the end is the same", async () => {
  await using whole = await firstBootRig();
  const { commands } = await whole.run();
  expect(commands).toBeGreaterThan(20);
  let cuts = 0;
  for (let cut = 1; cut <= commands; cut += 1) {
    await using rig = await firstBootRig();
    const { status } = await rig.run(cut);
    cuts += status === null ? 1 : 0;
    // Success is never told while a secret lies there.
    if (rig.has(OK)) expect(rig.has(SECRETS), `cut ${cut}`).toBe(false);
    expect((await rig.run()).status, `after cut ${cut}`).toBe(0);
    await expectDone(rig, `after cut ${cut}`);
  }
  expect(cuts).toBe(commands);
}, 300_000);

/** As `caye bootstrap` ends: its last two lines. */
function bootstrapEnds(how: string, code: string): string {
  return `if [ "$1" = bootstrap ]; then echo "${how} at radio: what it says of it (${code})"; echo "the way out"; exit 1; fi`;
}

test.each([
  [
    "a file is not as it was written",
    "sums",
    (rig: Rig) => writeFile(join(rig.card, "caye/caye.toml"), "x"),
    "otra tarjeta",
  ],
  [
    "bootstrap fails",
    "bootstrap",
    (rig: Rig) => rig.stub("caye", 'if [ "$1" = bootstrap ]; then echo "no radio on /dev/meshtastic"; exit 1; fi'),
    "no radio on /dev/meshtastic",
  ],
  [
    "bootstrap names a reason",
    "bootstrap",
    (rig: Rig) => rig.stub("caye", bootstrapEnds("clinic-roof is not set up; it failed", "TPM_MISSING")),
    "Why: what it says of it (TPM_MISSING)\nWhat to do: the way out\n",
  ],
  [
    "bootstrap's reason, in Spanish",
    "bootstrap",
    (rig: Rig) => rig.stub("caye", bootstrapEnds("clinic-roof is not set up; it failed", "TPM_MISSING")),
    "Motivo: se ordenó un chip TPM y no se encuentra\nQué hacer: revise que el módulo",
  ],
  [
    "no radio is plugged in",
    "bootstrap",
    (rig: Rig) => rig.stub("caye", bootstrapEnds("clinic-roof waits", "RADIO_ABSENT")),
    "Motivo: no hay ninguna radio conectada\n",
  ],
  [
    "the disk is full",
    "package",
    async (rig: Rig) => {
      await rig.stub("dpkg", "exit 1");
      await rig.stub("dd", 'echo "dd: error writing: No space left on device" >&2; exit 1');
    },
    "Why: the node's disk is full\n",
  ],
  ["the package does not install", "package", (rig: Rig) => rig.stub("dpkg", "exit 1"), "no se pudo instalar"],
  ["a command of the system fails", "resume", (rig: Rig) => rig.stub("systemctl", "exit 5"), "a command failed"],
])("%s: the card says so in English and Spanish, and the next start tries again", async (_, step, spoil, says) => {
  await using rig = await firstBootRig();
  const deb = await readFile(join(rig.card, "caye/caye.toml"), "utf8");
  await spoil(rig);
  expect((await rig.run()).status).not.toBe(0);
  const told = await rig.text(FAILED);
  expect(told).toMatch(new RegExp(`^This node was not set up. It stopped at the step: ${step}$`, "m"));
  expect(told).toContain("Este nodo no quedó configurado");
  expect(told).toContain(says);
  expect([rig.has(OK), rig.has(SECRETS)]).toEqual([false, true]);
  expect(await rig.log()).toContain("caye board blink provision-failed");
  // Put right, it goes on.
  await using sound = await firstBootRig();
  for (const command of ["caye", "dpkg", "dd", "systemctl"]) {
    await writeFile(join(rig.root, "stubs", command), await readFile(join(sound.root, "stubs", command)));
  }
  await writeFile(join(rig.card, "caye/caye.toml"), deb);
  expect((await rig.run()).status).toBe(0);
  await expectDone(rig, "put right");
});

test("a disk that can't be written to is told of on the card, though nothing of the first boot can be remembered", async () => {
  await using rig = await firstBootRig();
  await rig.stub(
    "mkdir",
    'case "$*" in *caye-provision*) echo "mkdir: cannot create: Read-only file system" >&2; exit 1;; esac\nexec /usr/bin/mkdir "$@"',
  );
  expect((await rig.run()).status).not.toBe(0);
  expect(await rig.text(FAILED)).toMatch(
    /Why: the node's disk can't be written to\n[\s\S]*Motivo: no se puede escribir en el disco/,
  );
});

test("why it failed stands on the console, from the first start and from each later one", async () => {
  await using rig = await firstBootRig();
  await rig.run();
  const unit = await rig.text("etc/systemd/system/caye-first-boot-resume.service");
  expect(unit).toContain("StandardError=journal+console");
  await rig.stub("caye", bootstrapEnds("clinic-roof is not set up; it failed", "RADIO_AMBIGUOUS"));
  await unlink(join(rig.root, "var/lib/caye-provision/done"));
  await unlink(join(rig.root, "var/lib/caye-provision/steps/bootstrap"));
  const { errors } = await rig.run();
  expect(errors).toContain(
    "failed at bootstrap: what it says of it (RADIO_AMBIGUOUS)\nthe way out\nhay varios aparatos",
  );
});

test("a package that its manifest does not vouch for is not installed", async () => {
  await using rig = await firstBootRig();
  const other = "another package";
  await writeFile(join(rig.card, "caye/caye_1.0_arm64.deb"), other);
  const sums = await rig.text("boot/firmware/caye/SHA256SUMS");
  await writeFile(
    join(rig.card, "caye/SHA256SUMS"),
    sums.replace(/^[0-9a-f]{64}( {2}caye\/caye_1\.0_arm64\.deb)$/m, `${sha256(other)}$1`),
  );
  expect((await rig.run()).status).not.toBe(0);
  expect(await rig.text(FAILED)).toContain("not the one that its manifest vouches for");
  expect(await rig.log()).not.toContain("dpkg --install");
});

test("without a package on the card the image must have Caye; with Ansible on the card the playbook installs it", async () => {
  await using bare = await firstBootRig();
  await unlink(join(bare.root, "stubs/caye"));
  await unlink(join(bare.card, "caye/caye_1.0_arm64.deb"));
  await dropFromSums(bare, "caye/caye_1.0_arm64.deb");
  // Where the tests run Caye may be installed.
  if (!existsSync("/usr/bin/caye")) {
    expect((await bare.run()).status).not.toBe(0);
    expect(await bare.text(FAILED)).toContain("Caye is not in this image");
  }
  await using rig = await firstBootRig();
  await rig.stub("tar", 'mkdir -p "$RIG/var/lib/caye-provision/ansible/ansible"');
  await rig.stub("ansible-playbook", 'echo 1.0 > "$RIG/version"');
  await writeFile(join(rig.card, "caye/ansible.tar.gz"), "");
  expect((await rig.run()).status).toBe(0);
  const log = await rig.log();
  expect(log).toContain(`ansible-playbook -i inventory/local.yml site.yml -e card=${rig.card}`);
  expect(log).not.toContain("dpkg --install");
});

async function dropFromSums(rig: Rig, path: string): Promise<void> {
  const lines = (await rig.text("boot/firmware/caye/SHA256SUMS")).split("\n");
  await writeFile(join(rig.card, "caye/SHA256SUMS"), lines.filter((line) => !line.endsWith(`  ${path}`)).join("\n"));
}

test("the card written anew begins from the start, though this node had started from it before", async () => {
  await using rig = await firstBootRig();
  await rig.run();
  await writeFile(join(rig.card, "caye/caye.toml"), '[node]\nname = "school"\n');
  await writeFile(join(rig.card, "caye/SHA256SUMS"), `${sha256('[node]\nname = "school"\n')}  caye/caye.toml\n`);
  expect((await rig.run()).status).toBe(0);
  expect(await rig.text("etc/caye/caye.toml")).toContain("school");
});

test("two of them at once: the second leaves it to the first", async () => {
  await using rig = await firstBootRig();
  await rig.stub("flock", "exit 1");
  expect((await rig.run()).status).toBe(0);
  expect(rig.has(OK)).toBe(false);
});

test("what is wiped is overwritten before it is removed", async () => {
  await using rig = await firstBootRig();
  await rig.stub(
    "dd",
    `/usr/bin/dd "$@"; for a in "$@"; do case "$a" in of=*) cat "\${a#of=}" >> "$RIG/zeroed";; esac; done`,
  );
  await rig.run();
  const left = await rig.text("zeroed");
  expect(left.length).toBeGreaterThan(64);
  expect(left).toMatch(/^\0+$/);
  expect(left).not.toContain(PSK);
});

test("shellcheck finds nothing", (context) => {
  const { status, error, stdout } = spawnSync("shellcheck", [SCRIPT], { encoding: "utf8" });
  if (error !== undefined) context.skip("shellcheck is not installed here");
  expect([status, stdout]).toEqual([0, ""]);
});
