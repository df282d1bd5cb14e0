/** `caye update` and `caye release`, as they are typed. What an update does is tested in `test/release`. */
import { expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import { encodeState, STATE_FILE, type UpdateState } from "../../src/release/state.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";

const STATE: UpdateState = {
  step: "confirmed",
  from: "1.0.0",
  to: "1.1.0",
  waitS: 300,
  radio: true,
  reboot: false,
  tries: 0,
  why: "",
};

function cliAt(step: UpdateState["step"], more: Partial<UpdateState> = {}): FakeCli {
  const cli = fakeCli();
  cli.machine.files.set(STATE_FILE, encodeState({ ...STATE, step, ...more }));
  cli.machine.files.set("/var/lib/caye-update/packages/caye_1.0.0_arm64.deb", utf8("deb"));
  cli.machine.answer = (command) => (command === "dpkg-query" ? { stdout: "installed\n1.1.0\narm64\n1\n1\n" } : {});
  return cli;
}

test("keys are made, sign a package, and are told from others", async () => {
  const cli = fakeCli();
  const made = await cli.run("release", "keys", "--out", "release.key", "--json");
  expect(made.code, made.err).toBe(0);
  const { key } = JSON.parse(made.out);
  expect([...cli.files.keys()]).toEqual(expect.arrayContaining(["release.key", "release.key.pub"]));
  expect(made.out).not.toContain("secret 1");
  expect((await cli.run("release", "keys", "--out", "release.key")).err).toContain("release.key");

  const deb = "/home/ana/caye_1.1.0_arm64.deb";
  cli.files.set(deb, utf8("!<arch>\ndebian-binary   1763600000  "));
  cli.files.set("/home/ana/caye_1.1.0_arm64.cdx.json", utf8("{}"));
  const signed = await cli.run("release", "sign", deb, "--key", "release.key");
  expect(signed).toMatchObject({ code: 0, out: `${deb}.manifest\n` });
  for (const path of [deb, `${deb}.manifest`, "release.key.pub"]) {
    cli.machine.files.set(path === "release.key.pub" ? "/home/ana/keys/own.pub" : path, cli.files.get(path)!);
  }
  cli.machine.answer = (command) =>
    command === "dpkg-deb" ? { stdout: "Package: caye\nVersion: 1.1.0\nArchitecture: arm64\n" } : {};
  const verified = await cli.run("release", "verify", deb, "--keys", "keys", "--json");
  expect(JSON.parse(verified.out)).toMatchObject({ version: "1.1.0", arch: "arm64", key });
  const nobody = await cli.run("release", "verify", deb);
  expect(nobody).toMatchObject({ code: 1, err: expect.stringContaining("--keys DIR") });
});

test("what is no package, or no secret, signs nothing", async () => {
  const cli = fakeCli();
  await cli.run("release", "keys", "--out", "release.key");
  cli.files.set("notes.deb", utf8("notes"));
  expect(await cli.run("release", "sign", "notes.deb", "--key", "release.key")).toMatchObject({ code: 1 });
  expect((await cli.run("release", "sign", "notes.deb", "--key", "release.key.pub")).err).toContain("not the secret");
  expect(cli.files.has("notes.deb.manifest")).toBe(false);
});

test.each([
  ["watching", {}, "1.1.0 runs, and is looked at; if it does not do its work, 1.0.0 comes back by itself."],
  ["confirmed", {}, "1.1.0 does its work; the update from 1.0.0 is over."],
  ["rolled-back", { why: "no agent is running" }, "1.0.0 is back, as 1.1.0 was not taken: no agent is running"],
  ["announced", { reboot: true }, "Restart it: sudo reboot"],
  ["failed", { why: "the disk is full" }, "The update from 1.0.0 to 1.1.0 failed: the disk is full"],
] as const)("the status says how far it is: %s", async (step, more, sentence) => {
  const { code, out } = await cliAt(step, more).run("update", "status");
  expect(code).toBe(0);
  expect(out).toContain(sentence);
  expect(out).toContain("Installed: 1.1.0. Kept packages: 1.0.0.");
});

test("without an update there is nothing to tell, to confirm or to take back", async () => {
  expect((await fakeCli().run("update", "status")).out).toContain("There was no update yet.");
  for (const what of ["confirm", "rollback"]) {
    const { code, err } = await fakeCli().run("update", what);
    expect(code, what).toBe(1);
    expect(err).toContain("caye");
  }
});

test("an update that goes on by itself ends with 0 also where it was taken back: that is an end", async () => {
  expect(await cliAt("rolled-back", { why: "x" }).run("update", "resume", "--json")).toMatchObject({ code: 0 });
});

test("a package that is none is refused, with the code for scripts", async () => {
  const cli = fakeCli();
  cli.machine.answer = () => ({ status: 2 });
  const { code, out } = await cli.run("update", "check", "/media/stick/notes.txt", "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toMatchObject({ error: { code: "RELEASE_MISSING" } });
});
