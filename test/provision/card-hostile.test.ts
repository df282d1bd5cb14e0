/** A card that somebody else has had in hand, in the operator's laptop; and a file that must never come onto one. */
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, expect, test } from "vitest";
import { thisMachine } from "../../src/drivers/machine.ts";
import { checkCard } from "../../src/provision/card-check.ts";
import { putCertificate, requestsOn } from "../../src/provision/card-papers.ts";
import { writeCard } from "../../src/provision/card.ts";
import { utf8 } from "../../src/kernel/bytes.ts";
import { CARD, cardRig, contents, request, SSH_KEY } from "./card-rig.ts";

const place = await mkdtemp(join(tmpdir(), "caye-card-"));
afterAll(() => rm(place, { recursive: true, force: true }));
const quiet = (): void => undefined;
let count = 0;

/** A card on this disk, and a folder of the operator's beside it. */
async function onDisk(): Promise<{ readonly card: string; readonly home: string }> {
  const here = join(place, String(count++));
  const [card, home] = [join(here, "card"), join(here, "home")];
  for (const path of [join(card, "overlays"), join(card, "caye"), join(home, "photos")])
    await mkdir(path, { recursive: true });
  await writeFile(join(card, "config.txt"), "dtparam=audio=on\n");
  await writeFile(join(card, "cmdline.txt"), "console=tty1\n");
  await writeFile(join(home, "photos/one.jpg"), "a photo");
  await writeFile(join(home, "id_ed25519"), "a secret");
  return { card, home };
}

/** Everything that a laptop does with a card. */
function works(card: string): readonly (() => Promise<unknown>)[] {
  const machine = thisMachine();
  const parts = { ...cardRig().parts, machine };
  const wishes = { name: "clinic-roof", region: "US", country: "BZ" };
  const plain = { ...request("clinic-roof", wishes), directory: card, fleet: undefined, node: undefined };
  return [
    () => writeCard(parts, { ...plain, replace: true }, quiet),
    () => writeCard(parts, { ...plain, forceDirectory: true }, quiet),
    () => checkCard(parts, card),
    () => requestsOn(machine, card),
    () => putCertificate(machine, card, "x", utf8("a certificate")),
  ];
}

async function names(directory: string): Promise<readonly string[]> {
  return (await readdir(directory, { recursive: true })).toSorted();
}

test.each(["caye", "caye/release-keys", "caye/certificates", "caye/requests"])(
  "a folder %s that is a link to the operator's own files is refused, and those are left alone",
  async (folder) => {
    const { card, home } = await onDisk();
    await rm(join(card, folder), { recursive: true, force: true });
    await symlink(home, join(card, folder));
    const before = await names(home);
    for (const work of works(card)) await expect(work()).rejects.toMatchObject({ code: "CARD_REFUSED" });
    expect(await names(home)).toEqual(before);
  },
);

test.each(["config.txt", "user-data", "caye/requests/a.request"])(
  "a file %s that is a link to a secret of the operator's is refused before it is read",
  async (file) => {
    const { card, home } = await onDisk();
    await mkdir(join(card, "caye/requests"), { recursive: true });
    await rm(join(card, file), { force: true });
    await symlink(join(home, "id_ed25519"), join(card, file));
    for (const work of works(card)) await expect(work()).rejects.toMatchObject({ code: "CARD_REFUSED" });
    expect(await readFile(join(home, "id_ed25519"), "utf8")).toBe("a secret");
  },
);

test("a pipe that nobody writes to keeps nobody waiting", async () => {
  const { card } = await onDisk();
  expect(spawnSync("mkfifo", [join(card, "user-data")]).status).toBe(0);
  for (const work of works(card)) await expect(work()).rejects.toMatchObject({ code: "CARD_REFUSED" });
});

test("sums that name files beside the card are not followed", async () => {
  const { card, home } = await onDisk();
  const sum = spawnSync("sha256sum", { input: "a secret", encoding: "utf8" }).stdout.slice(0, 64);
  await writeFile(join(card, "caye/SHA256SUMS"), `${sum}  overlays/../../home/id_ed25519\n`);
  const checks = await checkCard({ ...cardRig().parts, machine: thisMachine() }, card);
  expect(checks.find(({ name }) => name === "files")).toMatchObject({ state: "FAIL" });
  expect(await readFile(join(home, "id_ed25519"), "utf8")).toBe("a secret");
});

test("a file of SSH keys is public keys alone: the private half, options and other texts never come onto a card", async () => {
  const { machine, parts } = cardRig();
  const make = (text: string) => {
    machine.files.set("/fleet/key", utf8(text));
    return writeCard(parts, request("clinic-roof", { ssh_key_files: ["/fleet/key"] }), quiet);
  };
  const secret =
    "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\n-----END OPENSSH PRIVATE KEY-----\n";
  for (const text of [secret, "", `${SSH_KEY}\n${secret}`, `command="sh" ${SSH_KEY}`, `${SSH_KEY}" x`]) {
    await expect(make(text), text).rejects.toMatchObject({ code: "ORDER_INVALID" });
    await expect(make(text), text).rejects.not.toThrow(/b3Blbn/);
  }
  expect(machine.files.has(`${CARD}/user-data`)).toBe(false);
  await make(`# both of ours\n${SSH_KEY}\n${SSH_KEY.replace("ana", "luz")}\n`);
  expect(contents(machine)["user-data"]?.match(/ssh-ed25519/g)).toHaveLength(3);
});

test("a card that was pulled out while its secrets were written keeps no draft of them", async () => {
  const { machine, parts } = cardRig();
  await writeCard(parts, request("clinic-roof"), quiet);
  const drafts = [`${CARD}/caye/.secrets.toml.new`, `${CARD}/.network-config.new`];
  for (const path of drafts) machine.files.set(path, utf8("caye-group-key 1 5a5a"));
  const { files, written } = await writeCard(parts, request("clinic-roof"), quiet);
  expect(written).toBe(true);
  expect(files.filter(({ change }) => change === "removed").map(({ path }) => `${CARD}/${path}`)).toEqual(drafts);
  for (const path of drafts) expect(machine.files.has(path)).toBe(false);
});
