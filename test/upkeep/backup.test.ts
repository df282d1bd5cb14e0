/** Backups of a real shard: a new node has every file, log and alert again, and nobody's log in two versions. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Desk } from "../../src/desk/desk.ts";
import type { AlertDraft } from "../../src/kernel/alert-reports.ts";
import { concatBytes, toHex, utf8 } from "../../src/kernel/bytes.ts";
import type { BackupLock, BackupWish, RestoreWish } from "../../src/kernel/upkeep.ts";
import { makeKeyFiles } from "../../src/upkeep/backup-keys.ts";
import { backupTools } from "../../src/upkeep/backup.ts";
import { fakeBackupView } from "../fakes/backup-view.ts";
import { type DeskRig, openDeskRig } from "../fakes/desk.ts";
import { fakeLongFiles } from "../fakes/long-file.ts";
import { fakeMachine } from "../fakes/machine.ts";
import { seeded } from "../fakes/seeded.ts";

const { random } = seeded(31);
const KEYS = makeKeyFiles(random, undefined);
const TO_KEY: BackupLock = { kind: "key", file: KEYS.public };
const OF_KEY: BackupLock = { kind: "key", file: KEYS.secret };

const FLOOD: AlertDraft = {
  msg_type: "Alert",
  event: "Flood",
  headline: "The river rises",
  severity: "Severe",
  categories: ["Met"],
  areas: ["Cayo"],
};

function rig(room?: number) {
  const machine = fakeMachine({ "/stick/.keep": "" });
  return { machine, tools: backupTools({ machine, files: fakeLongFiles(machine.files, room), random }) };
}

function making(changes: Partial<BackupWish> = {}): BackupWish {
  const onProgress = (): void => undefined;
  return { out: "/stick/a.caye-backup", lock: TO_KEY, keep: 3, configuration: undefined, onProgress, ...changes };
}

function taking(changes: Partial<RestoreWish> = {}): RestoreWish {
  return {
    file: "/stick/a.caye-backup",
    lock: OF_KEY,
    enrolments: false,
    announce: false,
    configuration: undefined,
    onProgress: () => undefined,
    ...changes,
  };
}

/** Lengths on both sides of a block's, and the same content twice. */
async function fill(desk: Desk): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const length of [1, 16_384, 16_385, 40_000]) files.set(`map-${length}.png`, random.bytes(length));
  files.set("again.png", files.get("map-40000.png") ?? new Uint8Array());
  files.set("añejo ✓.txt", utf8("hello"));
  for (const [name, bytes] of files) await desk.put(name, bytes);
  return files;
}

async function contentOf({ desk }: Pick<DeskRig, "desk">, name: string): Promise<Uint8Array | undefined> {
  const row = (await desk.files()).files.find((file) => file.name === name);
  return desk.content(row?.cid ?? "");
}

describe("a backup", () => {
  test("brings every file back, byte for byte, under the old node's name; twice changes nothing", async () => {
    await using old = await openDeskRig();
    const files = await fill(old.desk);
    const { tools } = rig();
    const report = await tools.make(old.desk.backup, making());
    expect(report.items).toMatchObject({ log: 1, file: 5 });
    await using fresh = await openDeskRig({ seed: 2 });
    const restored = await tools.restore(fresh.desk.backup, taking());
    // The two smallest ride in their entries: they came with the log.
    expect(restored).toMatchObject({ refused: [], taken: { log: 1, file: 3 }, known: { file: 2 } });
    for (const [name, bytes] of files) expect(await contentOf(fresh, name), name).toEqual(bytes);
    expect(toHex(fresh.shard.author.id)).not.toBe(toHex(old.shard.author.id));
    expect((await fresh.desk.log(100)).authors.every(({ verified }) => verified)).toBe(true);
    const again = await tools.restore(fresh.desk.backup, taking());
    expect(again).toMatchObject({ refused: [], taken: { log: 0, file: 0 }, known: { log: 1, file: 5 } });
  }, 120_000);

  test("brings alerts that still hold; an old node's log never forks", async () => {
    await using old = await openDeskRig();
    const { alert: sent } = await old.desk.alerts.send(FLOOD);
    const { tools } = rig();
    await tools.make(old.desk.backup, making());
    await using fresh = await openDeskRig({ seed: 2 });
    expect((await tools.restore(fresh.desk.backup, taking())).taken.alert).toBe(1);
    expect((await fresh.desk.alerts.list()).alerts.map(({ id }) => id)).toEqual([sent.id]);
    // What the old node writes after the backup is taken as usual: one history.
    const { seq } = await old.desk.put("later.txt", utf8("later"));
    const { entries, signature } = await old.shard.entries(old.shard.author.id, 1, seq);
    expect(await fresh.shard.merge(old.shard.author.id, 1, entries, signature)).toMatchObject({ kind: "merged" });
    expect(fresh.shard.inQuarantine(toHex(old.shard.author.id))).toBe(false);
  });

  test("is refused by an old copy of its own node, which would write the same log twice", async () => {
    await using late = await openDeskRig();
    await late.desk.put("a.txt", utf8("a"));
    const { tools } = rig();
    await tools.make(late.desk.backup, making());
    await using copy = await openDeskRig();
    const { refused } = await tools.restore(copy.desk.backup, taking());
    expect(refused).toMatchObject([{ kind: "log", detail: expect.stringContaining("rotate author-key") }]);
  });

  test("announces files under the new name where that is asked for", async () => {
    await using old = await openDeskRig();
    await old.desk.put("a.txt", utf8("a"));
    const { tools } = rig();
    await tools.make(old.desk.backup, making());
    await using fresh = await openDeskRig({ seed: 2 });
    await tools.restore(fresh.desk.backup, taking({ announce: true }));
    const own = toHex(fresh.shard.author.id);
    expect((await fresh.desk.files()).files.map(({ author }) => author.includes(own))).toContain(true);
  });

  test("holds the configuration, which is written only where it is asked for", async () => {
    const { machine, tools } = rig();
    const agent = fakeBackupView();
    await tools.make(agent, making({ configuration: utf8('[node]\nname = "clinic"\n') }));
    await tools.restore(agent, taking());
    expect(machine.text("/etc/caye/then.toml")).toBe("");
    const report = await tools.restore(agent, taking({ configuration: "/etc/caye/then.toml" }));
    expect(report.configuration).toBe("/etc/caye/then.toml");
    expect(machine.text("/etc/caye/then.toml")).toContain("clinic");
    expect(machine.modes.get("/etc/caye/then.toml")).toBe(0o600);
  });

  test("gives records of chips only to who asks for them", async () => {
    const { tools } = rig();
    const agent = fakeBackupView();
    agent.held.push({ item: { kind: "enrolment", id: "0011223344556677" }, bytes: utf8("record") });
    await tools.make(agent, making());
    const fresh = fakeBackupView();
    expect((await tools.restore(fresh, taking())).refused).toMatchObject([{ kind: "enrolment" }]);
    expect(fresh.held).toEqual([]);
    await tools.restore(fresh, taking({ enrolments: true }));
    expect(fresh.held).toHaveLength(1);
  });

  test("tells nothing in clear", async () => {
    const { machine, tools } = rig();
    const agent = fakeBackupView();
    agent.held.push({ item: { kind: "log", id: "0011223344556677" }, bytes: utf8("WHERE THE MEDICINE IS") });
    await tools.make(agent, making({ configuration: utf8("CLINIC") }));
    const bytes = Buffer.from(machine.files.get("/stick/a.caye-backup") ?? []);
    for (const word of ["MEDICINE", "CLINIC", "clinic-roof", "0011223344556677"])
      expect(bytes.includes(word)).toBe(false);
  });
});

describe("what goes wrong", () => {
  test("a damaged backup, a cut-off one, one of another key: nothing is taken in, whatever stands in it", async () => {
    const { machine, tools } = rig();
    const agent = fakeBackupView();
    for (let i = 0; i < 30; i++) {
      agent.held.push({ item: { kind: "file", id: `b${i}` }, bytes: random.bytes(10_000) });
    }
    await tools.make(agent, making());
    const good = machine.files.get("/stick/a.caye-backup") ?? new Uint8Array();
    const fresh = fakeBackupView();
    const refusals = [
      concatBytes(good.subarray(0, -1), Uint8Array.of(1)),
      good.subarray(0, 200_000),
      good.subarray(0, good.length - 16),
      utf8("not a backup"),
      new Uint8Array(),
    ];
    for (const bytes of refusals) {
      machine.files.set("/stick/a.caye-backup", new Uint8Array(bytes));
      await expect(tools.restore(fresh, taking())).rejects.toMatchObject({ code: "BACKUP_DAMAGED" });
      await expect(tools.check("/stick/a.caye-backup", OF_KEY)).rejects.toMatchObject({ code: "BACKUP_DAMAGED" });
    }
    machine.files.set("/stick/a.caye-backup", new Uint8Array(good));
    const other: BackupLock = { kind: "key", file: makeKeyFiles(random, undefined).secret };
    await expect(tools.restore(fresh, taking({ lock: other }))).rejects.toMatchObject({ code: "BACKUP_KEY" });
    await expect(tools.restore(fresh, taking({ file: "/stick/none" }))).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
    });
    expect(fresh.held).toEqual([]);
    await tools.restore(fresh, taking());
    expect(fresh.held).toHaveLength(30);
  });

  test("a full stick leaves the older backup as it was", async () => {
    const { machine, tools } = rig(50_000);
    const agent = fakeBackupView();
    await tools.make(agent, making());
    const before = machine.files.get("/stick/a.caye-backup");
    agent.held.push({ item: { kind: "file", id: "b1" }, bytes: random.bytes(60_000) });
    await expect(tools.make(agent, making())).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(machine.files.get("/stick/a.caye-backup")).toEqual(before);
  });

  test("an agent that ends in the middle of a restore: the next one goes on", async () => {
    const { tools } = rig();
    const agent = fakeBackupView();
    for (let i = 0; i < 10; i++) agent.held.push({ item: { kind: "file", id: `b${i}` }, bytes: utf8(String(i)) });
    await tools.make(agent, making());
    for (let after = 0; after <= 10; after++) {
      const fresh = fakeBackupView();
      let left = after;
      fresh.judge = () => {
        if (left-- === 0) throw new Error("power cut");
        return { verdict: "new", detail: "" };
      };
      await tools.restore(fresh, taking()).catch(() => undefined);
      fresh.judge = undefined;
      const report = await tools.restore(fresh, taking());
      expect(report.known.file + report.taken.file).toBe(10);
      expect(fresh.held.map(({ item }) => item)).toEqual(agent.held.map(({ item }) => item));
    }
  });

  test("a block that is lost while the backup is made is left out, the rest is there", async () => {
    const { tools } = rig();
    const agent = fakeBackupView();
    agent.held.push({ item: { kind: "file", id: "b1" }, bytes: utf8("1") });
    const forgetful = { ...agent, item: async () => undefined };
    const report = await tools.make(forgetful, making());
    expect(report.items.file).toBe(0);
    expect(await tools.check("/stick/a.caye-backup", OF_KEY)).toMatchObject({ items: { file: 0 } });
  });
});

describe("in a directory", () => {
  test("so many are kept, of this node alone; other files are left in peace", async () => {
    const { machine, tools } = rig();
    const [agent, other] = [fakeBackupView(), fakeBackupView("00aa00aa00aa00aa")];
    await tools.make(other, making({ out: "/stick" }));
    let at = 1_800_000_000;
    agent.contents = async () => ({ node: "clinic roof", author: agent.author, version: "1", at_s: at++, items: [] });
    for (let i = 0; i < 5; i++) await tools.make(agent, making({ out: "/stick" }));
    const names = await machine.list("/stick");
    expect(names).toEqual([
      ".keep",
      "clinic-roof-00aa00aa00aa00aa-20270115T080000Z.caye-backup",
      "clinic_roof-3f9a1c20b4d5e6f7-20270115T080002Z.caye-backup",
      "clinic_roof-3f9a1c20b4d5e6f7-20270115T080003Z.caye-backup",
      "clinic_roof-3f9a1c20b4d5e6f7-20270115T080004Z.caye-backup",
    ]);
  });

  test("a node whose clock stands in 1970 never removes what it has just made", async () => {
    const { machine, tools } = rig();
    const agent = fakeBackupView();
    for (let i = 0; i < 4; i++) {
      agent.contents = async () => ({
        node: "n",
        author: agent.author,
        version: "1",
        at_s: 1_800_000_000 + i,
        items: [],
      });
      await tools.make(agent, making({ out: "/stick" }));
    }
    agent.contents = async () => ({ node: "n", author: agent.author, version: "1", at_s: 0, items: [] });
    const { file } = await tools.make(agent, making({ out: "/stick" }));
    expect(machine.files.has(file)).toBe(true);
  });

  test("the mount point of a stick that is not there is no place", async () => {
    const mounts = "/dev/root / ext4 rw 0 0\n/dev/sda1 /media/caye\\040backup vfat rw 0 0\n";
    const machine = fakeMachine({ "/media/empty/.x": "", "/media/caye backup/.x": "", "/proc/self/mounts": mounts });
    const tools = backupTools({ machine, files: fakeLongFiles(machine.files), random });
    expect(await tools.flawOf("/media/empty")).toContain("no stick");
    expect(await tools.flawOf("/media/none")).toContain("no directory");
    expect(await tools.flawOf("/media/caye backup")).toBeUndefined();
  });
});

test("1,000 changed backups: each is refused, and no exception but ours comes out", async () => {
  const { machine, tools } = rig();
  const agent = fakeBackupView();
  agent.held.push({ item: { kind: "file", id: "b1" }, bytes: random.bytes(500) });
  await tools.make(agent, making());
  const good = machine.files.get("/stick/a.caye-backup") ?? new Uint8Array();
  await fc.assert(
    fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      machine.files.set("/stick/a.caye-backup", good.with(at, (good[at] ?? 0) ^ flip));
      const code = expect.stringMatching(/^BACKUP_/);
      await expect(tools.check("/stick/a.caye-backup", OF_KEY)).rejects.toMatchObject({ code });
    }),
    { numRuns: 1_000, seed: 3 },
  );
}, 120_000);
