/** Secrets in the forms that configurations, journals and people give them, none of which may leave a node. */
import { expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import { makeBundle } from "../../src/upkeep/bundle.ts";
import { redacted } from "../../src/upkeep/redact.ts";
import { gunzipSync } from "node:zlib";
import { fakeMachine } from "../fakes/machine.ts";

test.each([
  ["a channel in the base64 of other apps", "https://meshtastic.org/e/#CgsS+abcHIDDEN/xyzHIDDEN=="],
  ["a channel whose # a browser wrote otherwise", "https://meshtastic.org/e/?add=true%23CgsSHIDDEN"],
  ["a passphrase of several words", "passphrase: correct horse HIDDEN"],
  ["a setting that is commented out", '  #psk="HIDDEN"'],
  ["a quote within quotes", String.raw`psk="one\"more HIDDEN"`],
  ["a line of a log as JSON", String.raw`{"msg":"psk=\"HIDDEN words\" was taken"}`],
  ["JSON in JSON", String.raw`{"config":"{\"password\":\"HIDDEN\"}"}`],
  ["a text of several lines in TOML", 'group_key = """\nHIDDEN\nHIDDEN"""\n'],
  ["one in single quotes", "secret = '''\nHIDDEN'''"],
  ["one that is cut off", 'secret = """\nHIDDEN'],
  ["a text of several lines in YAML", "password: |\n  HIDDEN\n  HIDDEN\n"],
  ["an option of a command", "wpa_cli --password HIDDEN"],
  ["a header of another kind", "Authorization: Token HIDDENHIDDEN"],
  ["a password with a slash in an address", "mqtt://caye:HID/HIDDEN@broker"],
  ["Spanish", "contraseña: HIDDEN"],
  ["Spanish, with the tilde apart", "contrasen\u0303a=HIDDEN"],
  ["a name and password of curl", "curl -u caye:HIDDEN https://10.0.0.1/"],
  ["a name and password of curl, in the long form", "curl --user='caye:HIDDEN' https://10.0.0.1/"],
  ["recovery words as somebody shouts them", `${"Abandon ABILITY ".repeat(11)}Able Hidden`.replace("Hidden", "HIDDEN")],
  ["a key in base64 that begins with a slash", "token=/HIDDENabc"],
])("%s", (_, text) => {
  expect(redacted(text, [])).toContain("[removed]");
  expect(redacted(text, [])).not.toContain("HIDDEN");
});

test("names of files, addresses and answers stay", () => {
  const text = [
    "passphrase_file=/etc/caye/backup.secret",
    "caye backup restore FILE --key FILE --passphrase-file FILE",
    "token = true",
    "http://127.0.0.1:8420/v1/status",
    "docker run -u 1000:1000 caye",
    "ops@example.org wrote at 12:30",
  ].join("\n");
  expect(redacted(text, [])).toBe(text);
});

test("a key from the card's secrets is gone from every text, also without the words before it", async () => {
  const key = "5a1b".repeat(16);
  const machine = fakeMachine({
    "/boot/firmware/caye/secrets.toml": `group_key = "caye-group-key 1 ${key}\\ncaye-group-key 2 ${"6c".repeat(32)}"\n`,
  });
  machine.answer = () => ({ stdout: `opened with ${key} and ${"6C".repeat(32)}\nin base64 ${base64(key)}\n` });
  const wish = { out: "/tmp/b.tar.gz", statePath: "/var/lib/caye", configPath: undefined, version: "1", reports: {} };
  await makeBundle(machine, { ...wish, journalLines: 1 }, 0);
  const text = gunzipSync(machine.files.get("/tmp/b.tar.gz") ?? utf8("")).toString("latin1");
  expect(text).toContain("opened with [removed] and [removed]");
  for (const secret of [key, base64(key), "6C6C6C"]) expect(text).not.toContain(secret);
});

function base64(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
