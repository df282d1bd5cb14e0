/** `caye backup`, `restore` and `time` as they are typed: what they ask for, what they say, and how they end. */
import { beforeEach, describe, expect, test } from "vitest";
import { utf8 } from "../../src/kernel/bytes.ts";
import { type FakeCli, fakeCli } from "../fakes/cli-io.ts";
import { type FakeMachine, fakeMachine } from "../fakes/machine.ts";
import { timeReport } from "../fakes/time-view.ts";
import { fakeUpkeep } from "../fakes/upkeep.ts";

const HOME = "/home/ana";
let cli: FakeCli;
let machine: FakeMachine;
beforeEach(() => {
  cli = fakeCli();
  machine = fakeMachine({ "/media/stick/.keep": "" });
  cli.upkeepTools = fakeUpkeep(machine);
});

describe("a backup", () => {
  test("is made to a key and taken in with the other half; a secret is readable by its owner alone", async () => {
    expect((await cli.run("backup", "keys", "--out", "village", "--json")).out).toContain('"secret": "village.secret"');
    cli.view.backup.held.push({ item: { kind: "log", id: "0011223344556677" }, bytes: utf8("log") });
    const made = await cli.run("backup", "--out", "a.bk", "--key", "village.pub");
    expect(made).toMatchObject({ code: 0, err: "", out: expect.stringContaining("1 logs") });
    expect(machine.files.has(`${HOME}/a.bk`)).toBe(true);
    const checked = await cli.run("backup", "check", "a.bk", "--key", "village.secret");
    expect(checked).toMatchObject({ code: 0, out: expect.stringContaining("Whole:") });
    const restored = await cli.run("restore", "a.bk", "--key", "village.secret", "--json");
    expect(JSON.parse(restored.out)).toMatchObject({ known: { log: 1 }, refused: [] });
  });

  test("that was refused in part ends with 1, and says what and why", async () => {
    await cli.run("backup", "keys", "--out", "k");
    cli.view.backup.held.push({ item: { kind: "log", id: "0011223344556677" }, bytes: utf8("log") });
    await cli.run("backup", "--out", "a.bk", "--key", "k.pub");
    cli.view.backup.judge = () => ({ verdict: "refused", detail: "its author signed two histories" });
    const { code, out } = await cli.run("restore", "a.bk", "--key", "k.secret");
    expect(code).toBe(1);
    expect(out).toContain("its author signed two histories");
  });

  test("says what is missing: a place, a lock, a passphrase that is one", async () => {
    expect((await cli.run("backup", "--json")).out).toContain("nothing says where");
    expect((await cli.run("backup", "--out", "a.bk")).err).toContain("none is named");
    cli.files.set("short.txt", utf8("1234\n"));
    expect((await cli.run("backup", "--out", "a.bk", "--passphrase-file", "short.txt")).err).toContain("12 characters");
    cli.answer = undefined;
    cli.files.set("long.txt", utf8("a long enough passphrase\n"));
    expect((await cli.run("backup", "--out", "a.bk", "--passphrase-file", "long.txt")).code).toBe(3);
  });

  test("of the timer ends well where no stick is, and badly by hand", async () => {
    const settings = await cli.upkeepTools.settings();
    const backup = { directory: "/media/none", keyFile: "", keep: 7 };
    cli.upkeepTools = { ...cli.upkeepTools, settings: async () => ({ ...settings, backup }) };
    expect(await cli.run("backup", "--skip-absent")).toMatchObject({
      code: 0,
      out: expect.stringContaining("No backup this time"),
    });
    expect(await cli.run("backup")).toMatchObject({ code: 1, err: expect.stringContaining("no directory") });
  });
});

describe("the time", () => {
  test("is shown, with who says so and what was refused", async () => {
    const refused = [{ source: "radio", at_s: 37, reason: "earlier than is possible" }] as const;
    cli.view.time.says = timeReport({
      set: false,
      source: "none",
      uncertainty_s: null,
      refused,
      detail: "nothing tells it",
    });
    const { out } = await cli.run("time");
    expect(out).toContain("Time:     unknown (nobody knows it)");
    expect(out).toContain("1970-01-01T00:00:37Z, by radio");
  });

  test("is told with its zone, and by whom", async () => {
    expect((await cli.run("time", "set", "2027-02-14T08:30-06:00", "--from", "Ana's watch")).code).toBe(0);
    expect(cli.view.time.wishes).toEqual([{ at_s: 1_802_615_400, from: "Ana's watch", force: false }]);
    for (const text of ["2027-02-14", "08:30", "2027-02-14T08:30", "@x", "@99999999999"]) {
      expect((await cli.run("time", "set", text)).code, text).toBe(2);
    }
    expect(await cli.run("time", "set", "@12")).toMatchObject({ code: 1, err: expect.stringContaining("can't be") });
  });

  test("is applied, or not, with the reason", async () => {
    expect((await cli.run("time", "apply")).out).toBe("Left as it is: the network keeps it.\n");
    cli.view.time.says = timeReport({ source: "operator", machine_s: 12 });
    expect((await cli.run("time", "apply")).out).toContain("set from 1970-01-01T00:00:12Z to 2027-01-15T08:00:00Z");
    expect(machine.commands.some((line) => line.startsWith("date --utc"))).toBe(true);
  });
});
