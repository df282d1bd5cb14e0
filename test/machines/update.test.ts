/**
 * Updates on a node that keeps its store's key sealed to its measured state (`trust.mode = "enforce"`, a TPM in software):
 * version after version, the bad ones taken back, the foreign ones refused, and the updater killed in the middle.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { UpdateReport } from "../../src/kernel/update.ts";
import { createReleaseKeys, decodeReleaseSecret, type ReleaseSigner } from "../../src/release/keys.ts";
import { seeded } from "../fakes/seeded.ts";
import { builtDeb } from "./deb.ts";
import { otherDebs, signDeb } from "./other-deb.ts";
import { play, type Step } from "./story.ts";
import { NODE_PACKAGES, baseTree, copyOfTree, reasonNotToRunLong } from "./trees.ts";

const MINUTES = 60_000;
const APPLY = "caye update apply --wait 40 --json";
/** The file, and the key: the node is open, its own words say so. */
const WELL =
  "caye health --wait 20 >&2; caye get kept.txt -o /root/again.txt >&2; cmp /root/kept.txt /root/again.txt; caye status --json";
const STATE = "/var/lib/caye-update/state";
const until = (step: string): string =>
  `for i in $(seq 600); do grep -q '^step=${step}$' ${STATE} && break; sleep 0.1; done`;
const OVER = `for i in $(seq 900); do grep -qE '^step=(confirmed|rolled-back|failed)$' ${STATE} && break; sleep 0.2; done; caye update status --json`;
/** As the kernel ends it when memory runs out: the updater, and dpkg if it runs. */
const KILL = "systemctl kill --kill-whom=all --signal=KILL caye-update.service";

const STEPS = {
  install: `mkdir -p /etc/caye/release-keys; cp /debs/release.pub /etc/caye/release-keys/
printf '[trust]\\nmode = "enforce"\\n[radio]\\nmodem = "sim:"\\n' > /etc/caye/caye.toml
dpkg -i /debs/caye_91.0.0_amd64.deb; caye health --wait 60; echo 'kept through all that comes' > /root/kept.txt; caye put /root/kept.txt`,
  first: WELL,
  unsigned: `${APPLY} /debs/unsigned/caye_91.0.1_amd64.deb`,
  foreign: `${APPLY} /debs/foreign/caye_91.0.1_amd64.deb`,
  flipped: `${APPLY} /debs/flipped/caye_91.0.1_amd64.deb`,
  older: `${APPLY} /debs/caye_90.0.0_amd64.deb`,
  aptUnsigned: "apt-get install -y /debs/unsigned/caye_91.0.1_amd64.deb",
  aptForeign: "apt-get install -y /debs/foreign/caye_91.0.1_amd64.deb",
  aptFlipped: "apt-get install -y /debs/flipped/caye_91.0.1_amd64.deb",
  aptOlder: "apt-get install -y --allow-downgrades /debs/caye_90.0.0_amd64.deb",
  dpkgOlder: "dpkg -i /debs/caye_90.0.0_amd64.deb",
  unharmed: `dpkg-query -W -f '\${Status} \${Version}\\n' caye >&2; ${WELL}`,
  upgrade: `${APPLY} /debs/caye_91.0.1_amd64.deb`,
  upgraded: WELL,
  sealedOnce: "test ! -e /var/lib/caye/sealed-before.bin; ls /var/lib/caye-update/packages",
  // Its time is waited for to the end.
  broken: "caye update apply --wait 15 --json /debs/caye_91.0.2_amd64.deb",
  afterBroken: WELL,
  dumb: `${APPLY} /debs/caye_91.0.3_amd64.deb >/dev/null & ${until("watching")}; ${KILL}; ${OVER}; wait || true`,
  afterDumb: WELL,
  cut: `${APPLY} /debs/caye_91.0.4_amd64.deb >/dev/null & ${until("installing")}; sleep 1; ${KILL}; systemctl stop caye-update caye
rm -rf /usr/lib/caye/src/kernel; grep '^step=' ${STATE} >&2; /usr/lib/caye/update early >&2; grep '^step=' ${STATE} >&2
systemctl start caye-update; ${OVER}; wait || true`,
  afterCut: WELL,
  rollback: "caye update rollback --wait 40 --json",
  afterRollback: WELL,
} as const;

const reason = reasonNotToRunLong();
let directory: string;
let step: (name: keyof typeof STEPS) => Step;

function signerOf(seed: number): { readonly signer: ReleaseSigner; readonly publicKey: Uint8Array } {
  const { secret, publicKey } = createReleaseKeys(seeded(seed).random);
  const signer = decodeReleaseSecret(secret);
  if (!signer.ok) throw new Error(signer.reason);
  return { signer: signer.value, publicKey };
}

async function makeDebs(): Promise<void> {
  const base = await builtDeb("amd64");
  const own = signerOf(1);
  const fault = 'throw new Error("a fault of this version");\n';
  const versions = [
    { version: "90.0.0" },
    { version: "91.0.0" },
    { version: "91.0.1" },
    // Its agent does not start; or nothing of it runs.
    { version: "91.0.2", prefixes: { "src/agent.js": fault } },
    { version: "91.0.3", prefixes: { "src/main.js": fault } },
    { version: "91.0.4" },
  ];
  for (const deb of await otherDebs(base, directory, versions)) signDeb(deb, own.signer);
  writeFileSync(join(directory, "release.pub"), own.publicKey);
  const name = "caye_91.0.1_amd64.deb";
  for (const kind of ["unsigned", "foreign", "flipped"]) {
    const place = join(directory, kind, name);
    mkdirSync(join(directory, kind));
    copyFileSync(join(directory, name), place);
    if (kind === "foreign") signDeb(place, signerOf(2).signer);
    if (kind !== "flipped") continue;
    copyFileSync(join(directory, `${name}.manifest`), `${place}.manifest`);
    const bytes = readFileSync(place);
    bytes[bytes.length - 1_000]! ^= 4;
    writeFileSync(place, bytes);
  }
}

beforeAll(async () => {
  if (reason !== undefined) return;
  directory = await mkdtemp(join(tmpdir(), "caye-debs-"));
  await makeDebs();
  await using tree = await copyOfTree(await baseTree("trixie", "amd64", NODE_PACKAGES));
  step = await play(tree.path, STEPS, { seconds: 900, args: [`--bind-ro=${directory}:/debs`] });
}, 20 * MINUTES);

afterAll(async () => {
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

function reportOf(name: keyof typeof STEPS): UpdateReport {
  return JSON.parse(/^\{[\s\S]*^\}/m.exec(step(name).output)?.[0] ?? "{}");
}

/** Under enforce only an open store has the file and lets a status without quarantine come. */
function expectWell(name: keyof typeof STEPS, version: string): void {
  expect(step(name), name).toMatchObject({ status: 0 });
  expect(reportOf(name)).toMatchObject({
    version,
    state: expect.not.stringContaining("quarantine"),
    trust: { mode: "enforce" },
  });
}

test("a node is installed under enforce", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("install")).toMatchObject({ status: 0 });
  expectWell("first", "91.0.0");
});

test.skipIf(reason !== undefined).each([
  ["unsigned", "RELEASE_UNSIGNED"],
  ["foreign", "RELEASE_FOREIGN"],
  ["flipped", "RELEASE_"],
  ["older", "RELEASE_OLDER"],
] as const)("caye update refuses what is %s", (name, code) => {
  expect(step(name).status, step(name).output).toBe(1);
  expect(step(name).output).toContain(`"code": "${code}`);
});

test.skipIf(reason !== undefined).each([
  ["aptUnsigned", "nobody vouches for"],
  ["aptForeign", "a key that is not trusted here"],
  ["aptFlipped", ""],
  ["aptOlder", "is older than"],
  ["dpkgOlder", "caye update rollback"],
] as const)("so do apt and dpkg: %s", (name, sentence) => {
  expect(step(name).status, step(name).output).not.toBe(0);
  expect(step(name).output).toContain(sentence);
});

test("what was refused changed nothing", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("unharmed").output).toContain("install ok installed 91.0.0");
  expectWell("unharmed", "91.0.0");
});

test("a signed newer version is installed and confirmed: file and key are there, the old state opens no more", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("upgrade").status, step("upgrade").output).toBe(0);
  expect(reportOf("upgrade")).toMatchObject({ step: "confirmed", from: "91.0.0", to: "91.0.1", installed: "91.0.1" });
  expectWell("upgraded", "91.0.1");
  expect(step("sealedOnce").status).toBe(0);
  expect(step("sealedOnce").output.match(/\.deb$/gm)).toHaveLength(2);
});

test("a version whose agent does not start is taken back by itself, and the key opens", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("broken").status, step("broken").output).toBe(1);
  expect(reportOf("broken")).toMatchObject({ step: "rolled-back", from: "91.0.1", to: "91.0.2", installed: "91.0.1" });
  expectWell("afterBroken", "91.0.1");
});

test("so is one of which nothing runs, by the shell alone, when the updater of the version before was killed", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(reportOf("dumb"), step("dumb").output).toMatchObject({
    step: "rolled-back",
    to: "91.0.3",
    installed: "91.0.1",
  });
  expect(reportOf("dumb").why).toContain("its own update command");
  expectWell("afterDumb", "91.0.1");
});

test("what was cut short while dpkg worked, and left the code half there, is installed whole at the next start", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("cut").output).toMatch(/step=installing[\s\S]*step=installed/);
  expect(reportOf("cut"), step("cut").output).toMatchObject({ step: "confirmed", to: "91.0.4", installed: "91.0.4" });
  expectWell("afterCut", "91.0.4");
});

test("an operator goes back to the version before, though that was long confirmed", (context) => {
  if (reason !== undefined) context.skip(reason);
  expect(step("rollback").status, step("rollback").output).toBe(0);
  expect(reportOf("rollback")).toMatchObject({ step: "confirmed", from: "91.0.4", to: "91.0.1", installed: "91.0.1" });
  expectWell("afterRollback", "91.0.1");
});
