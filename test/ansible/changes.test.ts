/**
 * Changes that Ansible brings to a node that runs, under `trust.mode = "enforce"`: what is wrong leaves the node as it was,
 * and the run ends with the reason; what is right is there afterwards, and the same again changes nothing.
 */
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReleaseKeys, decodeReleaseSecret } from "../../src/release/keys.ts";
import { ROOT } from "../e2e/agent-process.ts";
import { seeded } from "../fakes/seeded.ts";
import { builtDeb } from "../machines/deb.ts";
import { otherDeb, signDeb } from "../machines/other-deb.ts";
import { play, type Step } from "../machines/story.ts";
import { FIELD_PACKAGES, baseTree, copyOfTree, reasonNotToRunLong } from "../machines/trees.ts";

const MINUTES = 60_000;
const PLAY = "cd /ansible; ansible-playbook --inventory inventory/local.yml";
const CONFIG = { node: { name: "clinic" }, radio: { modem: "sim:" }, trust: { mode: "enforce" } };
const LOOK = "caye health --wait 30 >&2; md5sum /etc/caye/caye.toml; caye status --json";

function configure(config: object): string {
  const values = { caye_config: config, caye_health_seconds: 30, radio_kind: "sim", tpm_kind: "software" };
  return `${PLAY} site.yml --tags caye --extra-vars '${JSON.stringify(values)}'`;
}

function update(version: string): string {
  const values = { update_package: `/debs/caye_${version}_amd64.deb`, update_health_seconds: 40 };
  return `${PLAY} update.yml --extra-vars '${JSON.stringify(values)}'`;
}

const STEPS = {
  install: `mkdir -p /etc/caye/release-keys; cp /debs/release.pub /etc/caye/release-keys/
${PLAY} site.yml --tags caye --extra-vars '${JSON.stringify({ caye_config: CONFIG, caye_package_on_node: "/debs/caye_91.0.0_amd64.deb" })}'`,
  first: LOOK,
  misspelt: configure({ ...CONFIG, radio: { modem: "sim:", reegion: "US" } }),
  afterMisspelt: LOOK,
  ill: configure({ ...CONFIG, trust: { mode: "enforce", policy_file: "/etc/caye/nowhere.policy" } }),
  afterIll: LOOK,
  renamed: configure({ ...CONFIG, node: { name: "school" } }),
  afterRenamed: LOOK,
  renamedAgain: configure({ ...CONFIG, node: { name: "school" } }),
  broken: update("91.0.2"),
  afterBroken: LOOK,
  foreign: update("91.0.3"),
  newer: update("91.0.1"),
  afterNewer: LOOK,
  newerAgain: update("91.0.1"),
  collect: `${PLAY} collect.yml --extra-vars collect_folder=/root/collected; ls /root/collected/localhost; ! grep -rlE "$(cat /var/lib/caye/token)" /root/collected`,
  retire: `${PLAY} retire.yml --extra-vars '{"retire_node": "localhost", "retire_confirm": "retire localhost"}'
test ! -e /var/lib/caye/sealed.bin; ! systemctl is-active caye.service`,
} as const;
type Name = keyof typeof STEPS;

/** Nine plays and two updates that are watched: five minutes on a quiet machine. */
const reason = reasonNotToRunLong();
let directory: string;
let step: (name: Name) => Step;

function signerOf(seed: number) {
  const { secret, publicKey } = createReleaseKeys(seeded(seed).random);
  const signer = decodeReleaseSecret(secret);
  if (!signer.ok) throw new Error(signer.reason);
  return { signer: signer.value, publicKey };
}

beforeAll(async () => {
  if (reason !== undefined) return;
  directory = await mkdtemp(join(tmpdir(), "caye-changes-"));
  const base = await builtDeb("amd64");
  const own = signerOf(1);
  const fault = 'throw new Error("a fault of this version");\n';
  signDeb(await otherDeb(base, directory, { version: "91.0.0" }), own.signer);
  signDeb(await otherDeb(base, directory, { version: "91.0.1" }), own.signer);
  signDeb(await otherDeb(base, directory, { version: "91.0.2", prefixes: { "src/agent.js": fault } }), own.signer);
  signDeb(await otherDeb(base, directory, { version: "91.0.3" }), signerOf(2).signer);
  writeFileSync(join(directory, "release.pub"), own.publicKey);
  await using tree = await copyOfTree(await baseTree("trixie", "amd64", FIELD_PACKAGES));
  const args = [`--bind-ro=${directory}:/debs`, `--bind-ro=${join(ROOT, "ansible")}:/ansible`];
  step = await play(tree.path, STEPS, { seconds: 1500, args });
}, 30 * MINUTES);

afterAll(async () => {
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

interface Found {
  readonly config: string;
  readonly node: string;
  readonly version: string;
  readonly state: string;
  readonly author: string;
}

function found(name: Name): Found {
  const { status, output } = step(name);
  expect(status, output).toBe(0);
  const { node, version, state, author }: Omit<Found, "config"> = JSON.parse(
    /^\{[\s\S]*^\}/m.exec(output)?.[0] ?? "{}",
  );
  return { config: /^[0-9a-f]{32}/m.exec(output)?.[0] ?? "", node, version, state, author };
}

function expectRefused(name: Name, because: RegExp): void {
  expect(step(name).status, step(name).output).toBe(2);
  expect(step(name).output.replaceAll(/\s+/g, " ")).toMatch(because);
}

function expectDone(name: Name, changed: RegExp): void {
  expect(step(name).status, step(name).output).toBe(0);
  expect(step(name).output).toMatch(changed);
}

describe.skipIf(reason !== undefined)("a node under enforce", () => {
  test("is made by site.yml out of the inventory alone", () => {
    expectDone("install", /failed=0/);
    expect(found("first")).toMatchObject({ node: "clinic", version: "91.0.0", state: "running" });
  });

  test("keeps its configuration when the new one is misspelt: the agent's own schema says so", () => {
    expectRefused("misspelt", /radio\.reegion: there is no such field/);
    expect(found("afterMisspelt")).toEqual(found("first"));
  });

  test("keeps it when the agent would not run with the new one", () => {
    expectRefused("ill", /policy/i);
    expect(found("afterIll")).toEqual(found("first"));
  });

  test("takes a right one, announced: the same keys open; the same again changes nothing", () => {
    expectDone("renamed", /failed=0/);
    const { author } = found("first");
    expect(found("afterRenamed")).toMatchObject({ node: "school", state: "running", author });
    expectDone("renamedAgain", /changed=0 +unreachable=0 +failed=0/);
  });

  test("goes back from a version that does not run, and the run ends with the reason", () => {
    expectRefused("broken", /has 91\.0\.0 still, step rolled-back/);
    expect(found("afterBroken")).toEqual(found("afterRenamed"));
  });

  test("is not touched for a package that somebody else signed", () => {
    expectRefused("foreign", /a key that is not trusted here/);
  });

  test("takes the next version; the same again changes nothing", () => {
    expectDone("newer", /failed=0/);
    expect(found("afterNewer")).toMatchObject({ version: "91.0.1", node: "school", author: found("first").author });
    expectDone("newerAgain", /changed=0 +unreachable=0 +failed=0/);
  });

  test("tells what it knows, without its token", () => {
    expectDone("collect", /status\.json/);
    expect(step("collect").output).toContain("support-bundle.tar.gz");
  });

  test("is retired once that was typed: its keys are gone, the agent has stopped", () => {
    expectDone("retire", /failed=0/);
  });
});

test("changes were tried on a machine", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("install").output).toContain("PLAY RECAP");
});
