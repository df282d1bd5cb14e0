/** The support bundle: whole, bounded, readable by tar, and without any secret, in whatever form it was planted. */
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { wordsOf } from "../../src/cli/recovery-words.ts";
import { thisMachine } from "../../src/drivers/machine.ts";
import { toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { BundleWish } from "../../src/kernel/upkeep.ts";
import { makeKeyFiles } from "../../src/upkeep/backup-keys.ts";
import { makeBundle } from "../../src/upkeep/bundle.ts";
import { formsOf, redacted } from "../../src/upkeep/redact.ts";
import { fakeCli } from "../fakes/cli-io.ts";
import { fakeMachine } from "../fakes/machine.ts";
import { seeded } from "../fakes/seeded.ts";

const { random } = seeded(41);
const directory = await mkdtemp(join(tmpdir(), "caye-bundle-"));
afterAll(() => rm(directory, { recursive: true, force: true }));

const TOKEN = "q7TfPz1x0XKq9mVnB2sLd8";
const STORE_KEY = random.bytes(32);
const GROUP_KEY = toHex(random.bytes(32));
const WIFI = "turtle bay 1998";
const PSK = "AGthisisthechannelkeyQ";
const AUTHORITY = toHex(random.bytes(64));
const PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHcHbQpzGKV9PBbBclGyZkX\n-----END PRIVATE KEY-----";
const WORDS = wordsOf(random.bytes(32), "en").join(" ");
const PALABRAS = wordsOf(random.bytes(32), "es").join(" ");
const BACKUP_SECRET = Buffer.from(makeKeyFiles(random, undefined).secret).toString();
const HASHED = "$6$rounds=4096$saltsalt$Zk1abcdefGHIJ/klmnopqrstuvwx";

/** Each with the texts that must be nowhere. */
const SECRETS: readonly string[] = [
  TOKEN,
  GROUP_KEY,
  WIFI,
  PSK,
  AUTHORITY,
  "MC4CAQAwBQYDK2VwBCIEIHcHbQpzGKV9PBbBclGyZkX",
  WORDS.slice(0, 40),
  PALABRAS.slice(0, 40),
  BACKUP_SECRET.split("\n")[1] ?? "?",
  "Zk1abcdefGHIJ",
  ...formsOf(STORE_KEY),
  ...formsOf(Buffer.from(GROUP_KEY, "hex")),
  "hunter2hunter2",
];

/** Somebody, somewhere, has written each of them into a log. */
const LEAKS = [
  `caye[1]: token is ${TOKEN}`,
  `store key ${toHex(STORE_KEY)} ${Buffer.from(STORE_KEY).toString("base64")}`,
  `caye-group-key 2 ${GROUP_KEY}`,
  `the key ${GROUP_KEY.toUpperCase()} of the group`,
  `group key in base64 ${Buffer.from(GROUP_KEY, "hex").toString("base64")}`,
  `wpa_supplicant: psk="${WIFI}" ssid="caye"`,
  `joined with ${WIFI}`,
  `https://meshtastic.org/e/#${PSK}`,
  `https://meshtastic.org/e/?add=true#${PSK}`,
  `caye-authority 1 plain ${AUTHORITY}`,
  PEM,
  WORDS,
  WORDS.split(" ")
    .map((word, i) => `${i + 1}. ${word}`)
    .join("\n"),
  PALABRAS,
  BACKUP_SECRET,
  `root:${HASHED}:19000:0:99999:7:::`,
  "mqtt://caye:hunter2hunter2@broker.example/topic",
  "Authorization: Bearer hunter2hunter2",
  '{"api_key": "hunter2hunter2", "node": "clinic"}',
  "passphrase = hunter2hunter2",
].join("\n");

function wish(changes: Partial<BundleWish> = {}): BundleWish {
  return {
    out: "/tmp/caye-support.tar.gz",
    statePath: "/var/lib/caye",
    configPath: "/etc/caye/caye.toml",
    version: "0.1.0",
    reports: { "status.json": '{"node": "clinic"}' },
    journalLines: 100,
    ...changes,
  };
}

function leaky() {
  const machine = fakeMachine({
    "/var/lib/caye/token": `${TOKEN}\n`,
    "/etc/caye/caye.toml": `[node]\nname = "clinic"\n[village]\ngroup_key_file = "/etc/caye/group.key"\n# ${LEAKS.replaceAll("\n", "\n# ")}\n`,
    "/etc/caye/group.key": `# the village's\ncaye-group-key 2 ${GROUP_KEY}\n`,
    "/etc/NetworkManager/system-connections/home.nmconnection": `[wifi-security]\nkey-mgmt=wpa-psk\npsk=${WIFI}\n`,
    "/boot/firmware/caye/secrets.toml": `channel_url = "https://meshtastic.org/e/#${PSK}"\n`,
    "/boot/firmware/config.txt": "dtparam=spi=on\n",
    "/proc/self/mounts": "/dev/root / ext4 rw 0 0\n",
  });
  machine.files.set("/var/lib/caye/store.key", STORE_KEY);
  machine.answer = () => ({ stdout: `a line before\n${LEAKS}\na line after\n` });
  return machine;
}

describe("a bundle", () => {
  test("holds no secret that was planted, packed or unpacked, and tells the rest", async () => {
    const machine = leaky();
    await makeBundle(machine, wish({ reports: { "status.json": LEAKS } }), 1_800_000_000);
    const packed = Buffer.from(machine.files.get("/tmp/caye-support.tar.gz") ?? []);
    const plain = gunzipSync(packed);
    for (const secret of SECRETS) {
      expect(plain.includes(secret), secret).toBe(false);
      expect(packed.includes(secret), secret).toBe(false);
    }
    const text = plain.toString("utf8");
    for (const told of [
      "a line before",
      "a line after",
      "clinic",
      "dtparam=spi=on",
      "/etc/caye/group.key",
      "[removed]",
    ]) {
      expect(text).toContain(told);
    }
    expect(machine.modes.get("/tmp/caye-support.tar.gz")).toBe(0o600);
  });

  test("the planted secrets would have been found", () => {
    for (const secret of SECRETS.slice(0, 10)) expect(LEAKS).toContain(secret);
  });

  test("is bounded, whatever the journal says, and keeps the end", async () => {
    const machine = fakeMachine();
    machine.answer = () => ({ stdout: `${"a line of a log\n".repeat(100_000)}the last word\n` });
    const { entries } = await makeBundle(machine, wish(), 0);
    const all = entries.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(all).toBeLessThanOrEqual(4 * 1_048_576);
    for (const { bytes } of entries) expect(bytes).toBeLessThanOrEqual(262_144);
    const plain = gunzipSync(machine.files.get("/tmp/caye-support.tar.gz") ?? new Uint8Array());
    expect(plain.includes("the last word")).toBe(true);
  });

  test("names what could not be had, with the reason", async () => {
    const machine = fakeMachine();
    machine.answer = (command) =>
      command === "dmesg" ? { status: 1, stderr: "dmesg: read kernel buffer failed" } : undefined;
    const { missing } = await makeBundle(machine, wish(), 0);
    expect(missing).toContainEqual({ name: "dmesg.txt", reason: "dmesg: dmesg: read kernel buffer failed" });
    expect(missing).toContainEqual({ name: "usb.txt", reason: "lsusb is not installed" });
    expect(missing.find(({ name }) => name === "caye.toml")?.reason).toContain("/etc/caye/caye.toml");
  });

  test("of this machine is read by tar, index first", async () => {
    const out = join(directory, "a.tar.gz");
    await makeBundle(thisMachine(), wish({ out, statePath: directory, configPath: undefined, journalLines: 5 }), 1e9);
    const listed = spawnSync("tar", ["-tvzf", out], { encoding: "utf8" });
    expect(listed.status, listed.stderr).toBe(0);
    expect(listed.stdout.split("\n")[0]).toMatch(/2001-09-0\d .* caye-support\/index\.txt$/);
    expect(spawnSync("tar", ["-xzf", out, "-C", directory]).status).toBe(0);
    expect(await readFile(join(directory, "caye-support/status.json"), "utf8")).toBe('{"node": "clinic"}');
  });
});

test("a text without secrets stays as it is", () => {
  const text = [
    "2027-02-14T02:00:00 caye: storm.txt is on its way (bafkreicysg23kiwv34eg2d7qweipxwosdo2py4ldv42nbauguluen5v6am)",
    'group_key_file = "/etc/caye/group.key"',
    "token = true, secret: none, passphrase_file=/etc/x",
    "PCR 14: 3f9a1c20b4d5e6f73f9a1c20b4d5e6f73f9a1c20b4d5e6f73f9a1c20b4d5e6f7",
    "http://127.0.0.1:8420/v1/status",
  ].join("\n");
  expect(redacted(text, [])).toBe(text);
});

test("a secret that is known is gone, whatever stands around it", () => {
  const secret = fc.string({ minLength: 8, maxLength: 40 }).filter((text) => !"[removed]".includes(text));
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
      fc.pre(!`${before}${after}`.includes(value));
      const text = redacted(`${before} ${value} ${after}`, [value]);
      expect(text.includes(value) && !`${before} [removed] ${after}`.includes(value)).toBe(false);
    }),
  );
  expect(formsOf(utf8("one\ntwo words"))).toContain("two words");
});

test("the command works with an agent and without, and says where the file is", async () => {
  const cli = fakeCli();
  const { code, out, err } = await cli.run("support-bundle", "--json");
  expect(err).toBe("");
  expect(code).toBe(0);
  const report: unknown = JSON.parse(out);
  expect(report).toMatchObject({ file: "/home/ana/caye-support.tar.gz" });
  expect(JSON.stringify(report)).toContain("status.json");
  cli.answer = undefined;
  expect((await cli.run("support-bundle", "--json")).out).toContain("no-agent.txt");
});

test("a place where nobody may write is named, with another way", async () => {
  const cli = fakeCli();
  const denied = Object.assign(new Error("EACCES: permission denied, open '/etc/x'"), { code: "EACCES" });
  cli.upkeepTools = { ...cli.upkeepTools, bundle: () => Promise.reject(denied) };
  const { code, err } = await cli.run("support-bundle");
  expect(code).toBe(1);
  expect(err).toMatch(/caye-support\.tar\.gz could not be written: this user may not write there[\s\S]*-o FILE/);
});
