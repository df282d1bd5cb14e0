/** What a card says to cloud-init, judged by cloud-init's own schema and renderer, and by netplan. @module */
import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { AgentError } from "../../src/kernel/errors.ts";
import { instanceIdFor, metaData, networkConfig, userData, type CloudInit } from "../../src/provision/cloud-init.ts";
import { baseTree, FIELD_PACKAGES, reasonNotToRun } from "../machines/trees.ts";
import { SSH_KEY } from "./card-rig.ts";

const CLOUD: CloudInit = {
  hostname: "clinic-roof",
  timezone: "America/Belize",
  login: { user: "operator", keys: [SSH_KEY, `${SSH_KEY.slice(0, -10)}luz: "x" # y`] },
  wifi: { ssid: "Café: clinic #1 'n' {}", password: "pan dulce", country: "BZ" },
};

async function scratch(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "caye-cloud-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function ran(command: string, args: readonly string[]) {
  const { status, error, stdout, stderr } = spawnSync(command, [...args], { encoding: "utf8" });
  return { missing: error !== undefined, status, said: `${stdout}${stderr}` };
}

test("cloud-init's own schema takes user-data, with and without a login; and refuses a spoiled one", async (context) => {
  await using dir = await scratch();
  const file = join(dir.path, "user-data");
  for (const login of [CLOUD.login, { user: "operator", keys: [] }]) {
    await writeFile(file, userData({ ...CLOUD, login }));
    const { missing, status, said } = ran("cloud-init", ["schema", "-c", file]);
    if (missing) context.skip("cloud-init is not installed here");
    expect([status, said]).toEqual([0, expect.stringContaining("Valid")]);
    // A warning (an old key, a wrong type) is told, and does not end with an error.
    expect(said).not.toMatch(/deprecat|warning|invalid/i);
  }
  await writeFile(file, userData(CLOUD).replace("runcmd:", "runcmd: 7\nbootcmd:"));
  expect(ran("cloud-init", ["schema", "-c", file]).status).not.toBe(0);
});

test("the cloud-init of Debian 13, which has other keys and is stricter, takes user-data, too", async (context) => {
  const reason = reasonNotToRun();
  if (reason !== undefined) context.skip(reason);
  const tree = await baseTree("trixie", "amd64", FIELD_PACKAGES);
  await using dir = await scratch();
  await writeFile(join(dir.path, "user-data"), userData(CLOUD));
  // A view of its own of the file systems: the tree itself stays as it is.
  const look = `mount --bind ${dir.path} ${tree}/mnt && exec chroot ${tree} cloud-init schema -c /mnt/$0`;
  const right = ran("unshare", ["-m", "sh", "-c", look, "user-data"]);
  expect([right.status, right.said]).toEqual([0, expect.stringContaining("Valid")]);
  expect(right.said).not.toMatch(/deprecat|warning|invalid/i);
  await writeFile(join(dir.path, "other"), `${userData(CLOUD)}rpi:\n  interfaces: {spi: true}\n`);
  // So a key that only Raspberry Pi OS knows is not written.
  expect(ran("unshare", ["-m", "sh", "-c", look, "other"]).status).not.toBe(0);
}, 300_000);

test("cloud-init renders network-config, and netplan takes what it renders: the network's key is the one of its passphrase", async (context) => {
  await using dir = await scratch();
  const [file, out] = [join(dir.path, "network-config"), join(dir.path, "out")];
  await mkdir(out);
  await writeFile(file, networkConfig(CLOUD.wifi));
  const convert = ["devel", "net-convert", "-p", file, "-k", "yaml", "-D", "debian", "-d", out, "-O", "netplan"];
  const { missing, status, said } = ran("cloud-init", convert);
  if (missing) context.skip("cloud-init is not installed here");
  expect([status, said]).toEqual([0, expect.any(String)]);
  const netplan = ran("netplan", ["generate", "--root-dir", out]);
  if (netplan.missing) context.skip("netplan is not installed here");
  expect([netplan.status, netplan.said]).toEqual([0, expect.any(String)]);
  const supplicant = await readFile(join(out, "run/netplan/wpa-wlan0.conf"), "utf8");
  expect(supplicant).toContain(`ssid="Café: clinic #1 'n' {}"`);
  expect(supplicant).toContain("country=BZ");
  const psk = ran("wpa_passphrase", [CLOUD.wifi?.ssid ?? "", "pan dulce"]);
  const key = /^\s*psk=([0-9a-f]{64})$/m.exec(supplicant)?.[1];
  if (psk.missing) expect(key).toMatch(/^[0-9a-f]{64}$/);
  else expect(psk.said).toContain(`psk=${key}`);
});

test("a network's key is as IEEE 802.11i has it", () => {
  // IEEE Std 802.11i-2004, annex H.4.3, test case 1.
  const config = networkConfig({ ssid: "IEEE", password: "password", country: "US" });
  expect(config).toContain('password: "f42c6fc52df0ebef9ebb4b90b38a5f902e83fe1b135a70e23aed762e9710a12e"');
  expect(networkConfig({ ssid: "open", password: "", country: "US" })).toContain('"open": {}'.replaceAll('"', ""));
  const short = (): string => networkConfig({ ssid: "x", password: "seven77", country: "US" });
  expect(short).toThrow(AgentError);
});

test("whatever stands in a text, a reader of YAML gives it back", (context) => {
  const program = "import sys, json, yaml; print(json.dumps([yaml.safe_load(d) for d in json.load(sys.stdin)]))";
  const python = "/usr/bin/python3";
  if (ran(python, ["-c", "import yaml"]).status !== 0) context.skip("python3-yaml is not installed here");
  const names = fc.sample(fc.string({ unit: "binary", minLength: 1, maxLength: 30 }), { numRuns: 300, seed: 4 });
  const texts = [...names, "no", "null", "1e3", "~", "\u0085", "\u2028x", "\uFEFF", "a\u007f", "- x", "#"].filter(
    // YAML knows no surrogates and no U+FFFE; neither does a name that was typed.
    (text) => text.isWellFormed() && !/[\uFFFE\uFFFF]/.test(text),
  );
  const documents = texts.map((text) => metaData(text, "x"));
  const { stdout, stderr } = spawnSync(python, ["-c", program], { input: JSON.stringify(documents), encoding: "utf8" });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toEqual(texts.map((text) => ({ "instance-id": text, "local-hostname": "x" })));
});

test("what stays on the card once the node knows its network has no key", () => {
  expect(networkConfig(CLOUD.wifi, false)).not.toMatch(/wifis|password|[0-9a-f]{64}/);
});

test("the instance-id follows the contents, and never comes back", () => {
  const contents = (text: string) => [["a", new TextEncoder().encode(text)]] as const;
  const first = instanceIdFor("x", "", contents("1"));
  const same = instanceIdFor("x", metaData(first, "x"), contents("1"));
  const second = instanceIdFor("x", metaData(first, "x"), contents("2"));
  const third = instanceIdFor("x", metaData(second, "x"), contents("1"));
  expect(same).toBe(first);
  expect(new Set([first, second, third]).size).toBe(3);
});

test("whoever may log in can be made though Debian has a group of that name, as it has of operator; the reason of a failure reaches the console", () => {
  const text = userData(CLOUD);
  expect(text).toContain('primary_group: "users"');
  expect(text).toContain("StandardError=journal+console");
});
