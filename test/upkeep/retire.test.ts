/** The end of a node: only of the one that is named, its keys first, and nothing left unsaid. */
import { expect, test } from "vitest";
import { retire } from "../../src/upkeep/retire.ts";
import type { RetireWish } from "../../src/kernel/upkeep.ts";
import { fakeCli } from "../fakes/cli-io.ts";
import { type FakeMachine, fakeMachine } from "../fakes/machine.ts";
import { fakeUpkeep } from "../fakes/upkeep.ts";

const STATE = "/var/lib/caye";

function node(): FakeMachine {
  return fakeMachine({
    "/run/systemd/system/.x": "",
    "/etc/caye/group.key": "caye-group-key 1 00",
    "/etc/caye/caye.toml": "[node]",
    "/boot/firmware/caye/secrets.toml": "channel_url",
    "/etc/caye/.group.key.new": "caye-group-key 1",
    [`${STATE}/agent.json`]: "{}",
    [`${STATE}/sealed.bin`]: "sealed",
    [`${STATE}/sealed-before.bin`]: "sealed",
    [`${STATE}/token`]: "token",
    [`${STATE}/recovery.bin`]: "box",
    [`${STATE}/swtpm/tpm2-00.permall`]: "tpm",
    [`${STATE}/store/000001.ldb`]: "blocks",
    [`${STATE}/version`]: "1",
  });
}

function wish(changes: Partial<RetireWish> = {}): RetireWish {
  return {
    node: "clinic-roof",
    author: "3f9a1c20b4d5e6f7",
    pid: undefined,
    statePath: STATE,
    groupKeyFile: "/etc/caye/group.key",
    clearTpm: false,
    ...changes,
  };
}

test("all that the node kept is gone, its keys first; the configuration stays", async () => {
  const machine = node();
  const { wiped, failed } = await retire(machine, wish());
  expect(failed).toEqual([]);
  expect([...machine.files.keys()]).toEqual(["/run/systemd/system/.x", "/etc/caye/caye.toml"]);
  const at = (path: string): number => wiped.indexOf(path);
  for (const key of ["sealed.bin", "sealed-before.bin", "token", "recovery.bin", "swtpm"]) {
    expect(at(`${STATE}/${key}`)).toBeLessThan(at(`${STATE}/agent.json`));
  }
  expect(machine.commands[0]).toMatch(/^systemctl disable --now caye\.service/);
  expect(machine.commands.join()).not.toContain("tpm2_clear");
});

test("the chip is cleared only where that was asked for; what fails is told", async () => {
  const machine = node();
  machine.answer = (command) => (command === "tpm2_clear" ? undefined : {});
  const { failed } = await retire(machine, wish({ clearTpm: true }));
  expect(failed).toMatchObject([{ reason: expect.stringContaining("not installed") }]);
  const other = node();
  expect((await retire(other, wish({ clearTpm: true }))).wiped).toContain("the chip's storage hierarchy");
});

test("while the agent runs nothing is touched", async () => {
  const machine = node();
  machine.files.set("/proc/4242/status", new Uint8Array());
  const before = machine.files.size;
  const { wiped, failed } = await retire(machine, wish({ pid: 4242 }));
  expect(wiped).toEqual([]);
  expect(failed).toHaveLength(1);
  expect(machine.files.size).toBe(before);
});

test("what can't be removed does not keep the rest", async () => {
  const machine = node();
  const remove = machine.remove.bind(machine);
  machine.remove = async (path) => {
    if (path.endsWith("/token")) throw new Error("read-only file system");
    await remove(path);
  };
  const { wiped, failed } = await retire(machine, wish());
  expect(failed[0]).toMatchObject({ what: `${STATE}/token`, reason: "read-only file system" });
  expect(wiped).toContain(`${STATE}/sealed.bin`);
});

test("typed for another node it changes nothing; else it names who is to be revoked", async () => {
  const cli = fakeCli();
  const machine = node();
  cli.upkeepTools = fakeUpkeep(machine);
  const before = machine.files.size;
  const wrong = await cli.run("retire", "--yes-wipe", "school");
  expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining("called clinic-roof") });
  expect((await cli.run("retire")).code).toBe(2);
  expect(machine.files.size).toBe(before);
  cli.env["CAYE_STATE"] = STATE;
  const { code, out } = await cli.run("retire", "--yes-wipe", "clinic-roof");
  expect(code).toBe(0);
  expect(out).toContain("caye village revoke");
  expect(out).toContain("Flash keeps");
  expect(machine.files.has(`${STATE}/sealed.bin`)).toBe(false);
});
