/** `caye provision` as it is typed, on a real disk: a card of the documents' own fleet, looked at, and its node's request signed. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AgentError } from "../../src/kernel/errors.ts";
import { authorFromSeed } from "../../src/dag/author.ts";
import { decodeStatementFile, encodeRequest } from "../../src/dag/statement-file.ts";
import { decodeStatement } from "../../src/dag/statement.ts";
import { hostnameFor, orderFor, wishFor } from "../../src/provision/card-wish.ts";
import { typed, typedAnswering } from "../fakes/local-io.ts";
import { cardRig, SSH_KEY } from "./card-rig.ts";

let dir: string;
const at = (name: string): string => join(dir, name);
const run = (...argv: readonly string[]) => typed(dir, at("state"), "provision", ...argv);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "caye-card-"));
  await mkdir(at("card/overlays"), { recursive: true });
  await writeFile(at("card/config.txt"), "dtparam=audio=on\n");
  await writeFile(at("card/cmdline.txt"), "console=tty1 rootwait\n");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** The fleet that the documents show, with what it names beside it. */
async function fleetOfDocs(): Promise<void> {
  const text = await readFile(resolve(import.meta.dirname, "../../docs/provisioning.md"), "utf8");
  const [, fleet = ""] = /^```text\n(\[defaults\][\s\S]*?)^```$/m.exec(text) ?? [];
  const made = await typed(dir, at("state"), "village", "create", "--out", "village.authority", "--json");
  const { authority, update_key } = JSON.parse(made.stdout);
  const { machine } = cardRig();
  const renamed = fleet.replaceAll("caye_0.1.0_arm64.deb", "caye_1.0_arm64.deb");
  await writeFile(
    at("fleet.toml"),
    renamed
      .replace('authority = "…"', `authority = "${authority}"`)
      .replace('update_key = "…"', `update_key = "${update_key}"`),
  );
  for (const name of ["caye_1.0_arm64.deb", "caye_1.0_arm64.deb.manifest", "ours.pub", "group.key"]) {
    await writeFile(at(name), machine.files.get(`/fleet/${name}`) ?? "");
  }
  await writeFile(at("ana.pub"), `${SSH_KEY}\n`);
  await writeFile(at("channel.url"), "https://meshtastic.org/e/#CgMSAQESBggBQANIAQ\n");
}

test("the documents' fleet gives a card that check finds right; a second time nothing has to be written", async () => {
  await fleetOfDocs();
  const made = await run("card", "card", "--fleet", "fleet.toml", "--node", "clinic-roof", "--json");
  expect([made.code, made.stderr]).toEqual([0, ""]);
  const report = JSON.parse(made.stdout);
  expect(report).toMatchObject({ node: "clinic-roof", hostname: "clinic-roof", written: true, notes: [] });
  expect(Object.keys(report).toSorted()).toEqual("directory files hostname instance_id node notes written".split(" "));
  const checked = await run("check", "card", "--json");
  const { checks } = JSON.parse(checked.stdout);
  expect(checks.filter(({ state }: { readonly state: string }) => state === "FAIL")).toEqual([]);
  const again = await run("card", "card", "--fleet", "fleet.toml", "--node", "clinic-roof");
  expect([again.code, again.stdout]).toEqual([0, expect.stringContaining("Nothing had to be written")]);
  // One flag wins over the file.
  const other = await run("card", "card", "--fleet", "fleet.toml", "--node", "clinic-roof", "--preset", "LongSlow");
  expect(other.stdout).toMatch(/changed +caye\/order.toml/);
  expect((await run("card", "card", "--fleet", "fleet.toml", "--node", "school")).stderr).toContain("--replace");
});

test("flags alone are enough, and errors say which flag is missing", async () => {
  const made = await run("card", "card", "--name", "clinic roof", "--region", "US", "--radio", "sim", "--channel", "2");
  expect([made.code, made.stdout]).toEqual([0, expect.stringContaining("nobody can log in")]);
  expect(await readFile(at("card/meta-data"), "utf8")).toContain('local-hostname: "clinic-roof"');
  expect(await readdir(at("card/caye"))).not.toContain("secrets.toml");
  const bare = await run("card", "card", "--name", "x");
  expect([bare.code, bare.stderr]).toEqual([
    1,
    expect.stringContaining("1 problem in what was typed:\n  region is missing: must be"),
  ]);
  await writeFile(at("fleet.toml"), '[defaults]\nregion = "USA"\n[nodes.x]\n');
  const wrong = await run("card", "card", "--fleet", "fleet.toml", "--node", "x");
  expect(wrong.stderr).toContain(`1 problem in ${at("fleet.toml")}, node x:\n  region = "USA": must be one of`);
  expect((await run("card", "card", "--name", "x", "--channel", "9")).code).toBe(2);
});

function enrolAnswering(answers: readonly string[], ...more: readonly string[]) {
  const authority = ["--authority", "village.authority", "--until", "2099-12-31", "--json"];
  return () => typedAnswering(answers, dir, at("state"), "provision", "enrol", "card", ...authority, ...more);
}

async function leaveRequest(name: string, seed: number): Promise<void> {
  const author = authorFromSeed(new Uint8Array(32).fill(seed));
  const request = { radio: 9, mlDsaFingerprint: author.mlDsa.fingerprint, name };
  await mkdir(at("card/caye/requests"), { recursive: true });
  await writeFile(at(`card/caye/requests/${name}.request`), encodeRequest(request, author));
}

test("what a node left on its card is signed, once; the certificate is the node's", async () => {
  await fleetOfDocs();
  await run("card", "card", "--fleet", "fleet.toml", "--node", "clinic-roof");
  const enrol = enrolAnswering([], "--yes");
  expect((await enrol()).stderr).toContain("holds no request");
  await leaveRequest("clinic-roof", 4);
  const first = await enrol();
  expect([first.code, first.stderr]).toEqual([0, ""]);
  const { certificates } = JSON.parse(first.stdout);
  expect(certificates).toMatchObject([
    { name: "clinic-roof", change: "new", file: "caye/certificates/clinic-roof.certificate" },
  ]);
  const file = at("card/caye/certificates/clinic-roof.certificate");
  const signed = await readFile(file);
  const held = decodeStatementFile(signed);
  const statement = held.ok ? decodeStatement(held.value.entry) : held;
  expect(statement).toMatchObject({ ok: true, value: { statement: { kind: "certificate", radio: 9 } } });
  expect(JSON.parse((await enrol()).stdout).certificates).toMatchObject([{ change: "same" }]);
  expect(await readFile(file)).toEqual(signed);
});

test("nothing is signed that nobody said yes to, and a file that is no request stops none of the others", async () => {
  await typed(dir, at("state"), "village", "create", "--out", "village.authority", "--json");
  for (const [i, name] of ["clinic-roof", "school", "stranger"].entries()) await leaveRequest(name, 4 + i);
  await writeFile(at("card/caye/requests/broken.request"), "caye-request nonsense");
  const changesOf = (stdout: string): Readonly<Record<string, string>> => {
    const rows: readonly { name: string; file: string; change: string }[] = JSON.parse(stdout).certificates;
    return Object.fromEntries(rows.map(({ name, file, change }) => [name || file, change]));
  };
  const broken = { "caye/requests/broken.request": "refused" };
  const silent = await enrolAnswering([])();
  expect(silent.stderr).toMatch(/Sign clinic-roof \([0-9a-f]{16}\)\? \[y\/N\] Sign school/);
  const none = { "clinic-roof": "declined", school: "declined", stranger: "declined" };
  expect([silent.code, changesOf(silent.stdout)]).toEqual([1, { ...broken, ...none }]);
  const asked = await enrolAnswering(["y", "no", "maybe"])();
  expect([asked.code, changesOf(asked.stdout)]).toEqual([1, { ...broken, ...none, "clinic-roof": "new" }]);
  const named = await enrolAnswering([], "--node", "school")();
  const both = { "clinic-roof": "same", school: "new", stranger: "declined" };
  expect([named.stderr, changesOf(named.stdout)]).toEqual(["", { ...broken, ...both }]);
  const mistyped = await enrolAnswering([], "--node", "shcool")();
  expect([mistyped.code, mistyped.stderr]).toEqual([1, expect.stringContaining("did you mean school?")]);
  expect(await readdir(at("card/caye/certificates"))).toEqual(["clinic-roof.certificate", "school.certificate"]);
});

test("a fleet file of whatever bytes gives a wish, or the problems of one", () => {
  const whole = `[defaults]\nregion = "US"\nssh_keys = ["${SSH_KEY}"]\n[nodes.a]\nname = "a"\nchannel = 3\n`;
  fc.assert(
    fc.property(fc.nat(whole.length), fc.string({ maxLength: 9 }), fc.nat(9), (place, put, cut) => {
      const text = whole.slice(0, place) + put + whole.slice(place + cut);
      try {
        orderFor(wishFor({ file: "fleet.toml", text, node: "a" }, {}));
      } catch (error) {
        expect(error).toBeInstanceOf(AgentError);
      }
    }),
    { numRuns: 300 },
  );
});

test("a machine's name is made of the node's, and always one", () => {
  expect(hostnameFor({ name: "Clínica norte" })).toBe("clinica-norte");
  expect(hostnameFor({ name: "医院" })).toBe("caye");
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 24 }), (name) => {
      expect(hostnameFor({ name })).toMatch(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
    }),
  );
});
