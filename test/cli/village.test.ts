/** `caye village` and `caye roster`, with the authority's own tools and an agent in memory. @module */
import { beforeEach, expect, test } from "vitest";
import { authorFromSeed } from "../../src/dag/author.ts";
import { decodeStatementFile, encodeRequest } from "../../src/dag/statement-file.ts";
import { decodeStatement } from "../../src/dag/statement.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

let cli: FakeCli;
beforeEach(() => {
  cli = fakeCli();
});

function request(): Uint8Array {
  const author = authorFromSeed(new Uint8Array(32).fill(4));
  return encodeRequest({ radio: 9, mlDsaFingerprint: author.mlDsa.fingerprint, name: "school" }, author);
}

test("a village is made once: its secret file is never overwritten", async () => {
  const first = await cli.run("village", "create");
  expect([first.code, first.err]).toEqual([0, ""]);
  expect(first.out).toMatch(/authority = "[0-9a-f]{128}"/);
  const secret = cli.files.get("village.authority");
  const second = await cli.run("village", "create", "--out", "village.authority");
  expect([second.code, second.err]).toEqual([1, expect.stringContaining("exists already")]);
  expect(cli.files.get("village.authority")).toBe(secret);
});

test("what the configuration names of an authority is shown again from its file", async () => {
  cli.files.set("pass", new TextEncoder().encode("pan dulce\n"));
  const { out } = await cli.run("village", "create", "--passphrase-file", "pass");
  const show = ["village", "show", "--authority", "village.authority"];
  const shown = await cli.run(...show, "--passphrase-file", "pass");
  expect(shown.code).toBe(0);
  expect(shown.out).toMatch(/^authority = "[0-9a-f]{128}"$/m);
  expect(shown.out).toMatch(/^update_key = "0[23][0-9a-f]{64}"$/m);
  expect(out).toContain(shown.out);
  expect((await cli.run(...show)).err).toContain("--passphrase-file");
});

test("from request to certificate, which is whole and says what was asked", async () => {
  await cli.run("village", "create");
  cli.files.set("school.request", request());
  const { code, out, err } = await cli.run(
    "village",
    "enrol",
    "school.request",
    "--authority",
    "village.authority",
    "--until",
    "2099-12-31",
  );
  expect([code, err]).toEqual([0, ""]);
  expect(out).toContain("school");
  const name = [...cli.files.keys()].find((file) => file.endsWith(".certificate"));
  const file = decodeStatementFile(cli.files.get(name ?? "") ?? new Uint8Array(0));
  const statement = file.ok ? decodeStatement(file.value.entry) : file;
  expect(statement).toMatchObject({
    ok: true,
    value: { statement: { kind: "certificate", radio: 9, name: "school" } },
  });
  const joined = await cli.run("village", "join", name ?? "");
  expect([joined.code, joined.out]).toEqual([0, `${name}: taken, and told to the neighbours\n`]);
});

test("a bad date, a file that is no request and a wrong passphrase are told as such", async () => {
  cli.files.set("pass", new TextEncoder().encode("pan dulce\n"));
  cli.files.set("bad", new TextEncoder().encode("pan amargo\n"));
  await cli.run("village", "create", "--passphrase-file", "pass");
  cli.files.set("school.request", request());
  const enrol = (...more: string[]) => cli.run("village", "enrol", "--authority", "village.authority", ...more);
  expect((await enrol("school.request", "--until", "soon", "--passphrase-file", "pass")).code).toBe(2);
  for (const date of ["2099-02-31", "2020-01-01"]) {
    const { code, err } = await enrol("school.request", "--until", date, "--passphrase-file", "pass");
    expect([code, err], date).toEqual([2, expect.stringContaining(`--until`)]);
  }
  expect((await enrol("pass", "--until", "2099-01-01", "--passphrase-file", "pass")).err).toContain("no request");
  expect((await enrol("school.request", "--until", "2099-01-01", "--passphrase-file", "bad")).err).toContain(
    "does not open",
  );
  expect((await enrol("school.request", "--until", "2099-01-01")).err).toContain("--passphrase-file");
  expect((await enrol("school.request", "--until", "2099-01-01", "--passphrase-file", "pass")).code).toBe(0);
});

test("revoking names a member of the roster, and brings the list to the agent", async () => {
  await cli.run("village", "create");
  const unknown = await cli.run("village", "revoke", "ffffffff", "--authority", "village.authority");
  expect([unknown.code, unknown.err]).toEqual([1, expect.stringContaining("names no member")]);
  const { code, out } = await cli.run("village", "revoke", "3f9a1c20", "--authority", "village.authority");
  expect([code, out]).toEqual([0, "Revoked, and told to the neighbours: clinic (3f9a1c20b4d5e6f7)\n"]);
});

test("a group key is a file of its own, never overwritten", async () => {
  const { code, out } = await cli.run("village", "key", "--number", "2");
  expect(code).toBe(0);
  expect(out).toContain("group_key_file");
  expect(Buffer.from(cli.files.get("group.key") ?? []).toString()).toMatch(/caye-group-key 2 [0-9a-f]{64}\n/);
  const again = await cli.run("village", "key", "--out", "group.key");
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("Name another file: -o FILE")]);
});

test("the authority's commands tell scripts what they did", async () => {
  const told = async (...words: string[]) => JSON.parse((await cli.run("village", ...words, "--json")).out);
  expect(await told("create")).toEqual({
    file: "village.authority",
    authority: expect.stringMatching(/^[0-9a-f]{128}$/),
    update_key: expect.stringMatching(/^0[23][0-9a-f]{64}$/),
  });
  cli.files.set("school.request", request());
  const enrol = ["enrol", "school.request", "--authority", "village.authority", "--until", "2099-12-31"];
  const { file } = await told(...enrol);
  expect(file).toMatch(/^[0-9a-f]{16}\.certificate$/);
  const { err } = await cli.run("village", ...enrol);
  expect(err).toContain(
    `caye village enrol 'school.request' --authority 'village.authority' --until 2099-12-31 -o '${file}'`,
  );
  expect(await told("key", "--number", "3")).toMatchObject({ number: 3 });
  expect(await told("request")).toMatchObject({ request: "caye-request 1\nAAAA\nBBBB\n" });
  expect(await told("revoke", "3f9a1c20", "--authority", "village.authority")).toMatchObject({
    revoked: ["3f9a1c20b4d5e6f7"],
    known: [],
  });
});

test("who was revoked before is told so, and no second list goes on the air", async () => {
  await cli.run("village", "create");
  const roster = await cli.view.village.roster();
  const members = roster.members.map((member) => ({ ...member, standing: "revoked" as const }));
  const brought: Uint8Array[] = [];
  cli.view.village.roster = async () => ({ ...roster, members, revocations: 9 });
  cli.view.village.join = async (file) => {
    brought.push(file);
    return { verdict: "new" };
  };
  const revoke = ["village", "revoke", "3f9a1c20", "--authority", "village.authority"];
  expect(await cli.run(...revoke)).toEqual({
    code: 0,
    out: "3f9a1c20b4d5e6f7 was revoked before\nNothing new to tell.\n",
    err: "",
  });
  expect(JSON.parse((await cli.run(...revoke, "--json")).out)).toEqual({
    revoked: [],
    known: ["3f9a1c20b4d5e6f7"],
    number: 9,
  });
  expect(brought).toEqual([]);
});

test("what was taken in before a file that is refused is told all the same", async () => {
  await cli.run("village", "create");
  cli.files.set("school.request", request());
  const enrol = ["enrol", "school.request", "--authority", "village.authority", "--until", "2099-12-31"];
  await cli.run("village", ...enrol, "-o", "a.certificate");
  const { code, out } = await cli.run("village", "join", "a.certificate", "gone.certificate");
  expect([code, out]).toEqual([1, "a.certificate: taken, and told to the neighbours\n"]);
});

test("the roster lists members and those without a certificate", async () => {
  const { out } = await cli.run("roster");
  expect(out).toMatch(/clinic +3f9a1c20b4d5e6f7 +!3f9a1c20 +enrolled +2027-05-01 +yes +6b6b6b6b +12 +8/);
  expect(out).toContain("who (0102030405060708): no certificate (show-unverified)");
  const before = await cli.view.village.roster();
  const handovers = [{ from: "a (01)", to: "a (02)", ignored: 0, contested: false }];
  cli.view.village.roster = async () => ({ ...before, handovers });
  expect((await cli.run("roster")).out).toMatch(/^a \(01\) goes on as a \(02\)$/m);
  expect(JSON.parse((await cli.run("roster", "--json")).out)).toMatchObject({ members: [{ name: "clinic" }] });
  expect((await cli.run("village", "request")).out).toBe("caye-request 1\nAAAA\nBBBB\n");
});
