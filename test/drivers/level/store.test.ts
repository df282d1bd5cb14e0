/** The store on disk: the contract, and what disks do to it. @module */
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { ValueCipher } from "../../../src/drivers/level/cipher.ts";
import { type LevelStoreOptions, openLevelStore } from "../../../src/drivers/level/store.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { concatBytes, utf8 } from "../../../src/kernel/bytes.ts";
import type { Store } from "../../../src/ports/store.ts";
import { describeStore } from "../../contract/store.ts";
import { rememberingLog } from "../../fakes/log.ts";
import { seeded } from "../../fakes/seeded.ts";
import { freshDirectory } from "./directories.ts";

const KEY = new Uint8Array(32).fill(7);
const options = (more: Partial<LevelStoreOptions> = {}): LevelStoreOptions => ({
  random: systemRandom(),
  log: rememberingLog().log,
  ...more,
});

const shared = await mkdtemp(join(tmpdir(), "caye-contract-"));
let opened = 0;
describeStore("level", () => openLevelStore(join(shared, String(opened++)), KEY, options()));
afterAll(() => rm(shared, { recursive: true, force: true }));

const key = (i: number): Uint8Array => utf8(`key ${String(i).padStart(5, "0")}`);
const value = (i: number): Uint8Array => concatBytes(utf8(`value ${i} `), new Uint8Array(1000).fill(i));

async function fill(store: Store, count: number): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    await store.write(Array.from({ length: 100 }, (_, i) => ({ key: key(first + i), value: value(first + i) })));
  }
}

/** Mounts a disk of 12 MiB there. False without the rights to, which root has too in many a container. */
function mountedSmallDisk(mount: string): boolean {
  return spawnSync("mount", ["-t", "tmpfs", "-o", "size=12m", "caye-test", mount]).status === 0;
}

/** Writes until it fails, remembers what was acknowledged, and gives the failure. */
async function fillUp(store: Store, acknowledged: Map<number, Uint8Array>): Promise<unknown> {
  for (let i = 0; i < 10_000; i++) {
    try {
      await store.write([{ key: key(i), value: value(i) }]);
    } catch (error) {
      return error;
    }
    acknowledged.set(i, value(i));
  }
  return undefined;
}

describe("a store on disk", () => {
  test("keeps what was written when it is opened again", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 200);
    }
    await using again = await openLevelStore(directory, KEY, options());
    expect(await again.get(key(123))).toEqual(value(123));
  });

  test("writes no value in the clear, and the same value differently each time", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await store.write([{ key: utf8("a"), value: utf8("the clinic's secret") }]);
    }
    for (const name of await readdir(join(directory, "db"))) {
      expect(await readFile(join(directory, "db", name), "latin1")).not.toContain("the clinic's secret");
    }
  });

  test("does not open under another key, and says so", async () => {
    const directory = await freshDirectory();
    await using store = await openLevelStore(directory, KEY, options());
    await store[Symbol.asyncDispose]();
    const open = openLevelStore(directory, new Uint8Array(32), options());
    await expect(open).rejects.toMatchObject({ code: "STORE_KEY" });
    await rm(join(directory, "STORE"));
    await expect(openLevelStore(directory, new Uint8Array(32), options())).rejects.toMatchObject({ code: "STORE_KEY" });
  });

  test("does not touch a store of a newer format, and says what to do", async () => {
    const directory = await freshDirectory();
    await using store = await openLevelStore(directory, KEY, options());
    await store[Symbol.asyncDispose]();
    const marker = join(directory, "STORE");
    await writeFile(marker, (await readFile(marker, "utf8")).replace("format 1", "format 3"));
    const failure = await openLevelStore(directory, KEY, options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "STORE_NEWER", fix: expect.stringContaining("install") });
    expect(await readFile(marker, "utf8")).toContain("format 3");
  });

  test("finds itself again when its marker is lost or torn", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 100);
    }
    for (const damage of [() => rm(join(directory, "STORE")), () => writeFile(join(directory, "STORE"), "")]) {
      await damage();
      await using store = await openLevelStore(directory, KEY, options());
      expect(await store.get(key(5))).toEqual(value(5));
      expect(await readFile(join(directory, "STORE"), "utf8")).toContain("format 1");
    }
  });

  test("repairs itself when LevelDB's CURRENT is gone, and has lost nothing", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 6000);
    }
    await rm(join(directory, "db", "CURRENT"));
    const { log, sentences } = rememberingLog();
    await using store = await openLevelStore(directory, KEY, options({ log }));
    let count = 0;
    for await (const row of store.entries({ from: key(0), until: utf8("l") })) {
      expect(row.value).toEqual(value(count));
      count++;
    }
    expect(count).toBe(6000);
    expect(sentences).toContain("store did not open; repairing it");
  });

  test("says what it lost when a bit flips in LevelDB's log, where that goes on without the record", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 500);
    }
    const name = (await readdir(join(directory, "db"))).find((file) => file.endsWith(".log")) ?? "";
    const path = join(directory, "db", name);
    const bytes = await readFile(path);
    bytes[bytes.length >> 1]! ^= 4;
    await writeFile(path, bytes);
    const lost: string[] = [];
    const onLoss = (what: string): void => void lost.push(what);
    await (await openLevelStore(directory, KEY, options({ onLoss })))[Symbol.asyncDispose]();
    expect(lost).toEqual(expect.arrayContaining([expect.stringMatching(/^dropping \d+ bytes; Corruption: checksum/)]));
  });

  test("says what it lost when a table is gone, and when the whole store is that was to be here", async () => {
    const directory = await freshDirectory();
    const lost: string[] = [];
    const losing = options({ expected: true, onLoss: (what: string): void => void lost.push(what) });
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 500);
    }
    // Opening once more turns the log into a table.
    await (await openLevelStore(directory, KEY, losing))[Symbol.asyncDispose]();
    expect(lost).toEqual([]);
    for (const name of await readdir(join(directory, "db"))) {
      if (name.endsWith(".ldb")) await rm(join(directory, "db", name));
    }
    await (await openLevelStore(directory, KEY, losing))[Symbol.asyncDispose]();
    expect(lost).toEqual(["1 missing files"]);
    await rm(directory, { recursive: true });
    await (await openLevelStore(directory, KEY, losing))[Symbol.asyncDispose]();
    expect(lost.slice(1)).toEqual(["the whole store"]);
  });

  test("takes one flipped bit in its marker for damage, not for another key", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 10);
    }
    const marker = join(directory, "STORE");
    const good = await readFile(marker, "utf8");
    await writeFile(
      marker,
      good.replace(/check (.)/, (_, digit: string) => `check ${digit === "0" ? "1" : "0"}`),
    );
    {
      await using store = await openLevelStore(directory, KEY, options());
      expect(await store.get(key(5))).toEqual(value(5));
      expect(await readFile(marker, "utf8")).toBe(good);
    }
    const failure = await openLevelStore(
      directory,
      KEY.map((byte) => byte ^ 1),
      options(),
    ).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "STORE_KEY" });
  });

  test("gives back no flipped bit as good data, wherever it flipped", { timeout: 60_000 }, async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 3000);
    }
    // Opening once more turns the log into tables, where LevelDB checks nothing by itself.
    await (await openLevelStore(directory, KEY, options()))[Symbol.asyncDispose]();
    const names = (await readdir(join(directory, "db"))).filter((name) => name.endsWith(".ldb"));
    expect(names.length).toBeGreaterThan(0);
    const { below } = seeded(5);
    const path = join(directory, "db", names[0] ?? "");
    const bytes = await readFile(path);
    for (let i = 0; i < 20; i++) bytes[below(bytes.length >> 1)]! ^= 1 << below(8);
    await writeFile(path, bytes);
    await using store = await openLevelStore(directory, KEY, options());
    const outcomes = { good: 0, lost: 0, refused: 0 };
    for (let i = 0; i < 3000; i++) {
      const got = await store.get(key(i)).catch((error: unknown) => {
        expect(error).toMatchObject({ code: "STORE_CORRUPT" });
        return "refused" as const;
      });
      if (got === "refused") outcomes.refused++;
      else if (got === undefined) outcomes.lost++;
      else {
        expect(got).toEqual(value(i));
        outcomes.good++;
      }
    }
    expect(outcomes.refused).toBeGreaterThan(0);
    expect(outcomes.good).toBeGreaterThan(2000);
  });

  test("a value moved to another key is refused", () => {
    const cipher = new ValueCipher(KEY, systemRandom());
    const sealed = cipher.seal(utf8("here"), utf8("value"));
    expect(cipher.open(utf8("here"), sealed)).toEqual(utf8("value"));
    expect(cipher.open(utf8("there"), sealed)).toBeUndefined();
    expect(cipher.open(utf8("here"), sealed.subarray(0, 27))).toBeUndefined();
  });

  test("a second opening of the same directory is refused, and names the process", async () => {
    const directory = await freshDirectory();
    await using store = await openLevelStore(directory, KEY, options());
    await store.write([{ key: utf8("a"), value: utf8("1") }]);
    const failure = await openLevelStore(directory, KEY, options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "STATE_IN_USE", message: expect.stringContaining(String(process.pid)) });
    expect(await store.get(utf8("a"))).toEqual(utf8("1"));
  });

  test("a directory that can't be made is named, with what to do", async () => {
    const directory = await freshDirectory();
    await writeFile(join(directory, "file"), "");
    const failure = await openLevelStore(join(directory, "file"), KEY, options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ name: "AgentError", fix: expect.any(String) });
  });

  test("refuses writes below its reserve before LevelDB ever sees them, and goes on reading", async () => {
    const directory = await freshDirectory();
    {
      await using store = await openLevelStore(directory, KEY, options());
      await fill(store, 100);
    }
    await using store = await openLevelStore(directory, KEY, options({ reserveBytes: Number.MAX_SAFE_INTEGER }));
    await expect(store.write([{ key: utf8("a"), value: utf8("1") }])).rejects.toMatchObject({ code: "DISK_FULL" });
    expect(await store.get(key(7))).toEqual(value(7));
  });

  test(
    "a full disk: the write fails whole with DISK_FULL, reading goes on, and what follows is durable",
    { timeout: 60_000 },
    async (context) => {
      const mount = await freshDirectory();
      if (!mountedSmallDisk(mount)) context.skip("a small disk can't be mounted here: that takes root's rights");
      onTestFinished(() => void execFileSync("umount", ["-l", mount]));
      // Without a reserve, so that LevelDB itself runs into the wall.
      const full = options({ reserveBytes: 0 });
      const acknowledged = new Map<number, Uint8Array>();
      await writeFile(join(mount, "ballast"), new Uint8Array(7 * 2 ** 20));
      await mkdir(join(mount, "state"));
      {
        await using store = await openLevelStore(join(mount, "state"), KEY, full);
        const failure = await fillUp(store, acknowledged);
        expect(failure).toMatchObject({ code: "DISK_FULL", fix: expect.any(String) });
        expect(acknowledged.size).toBeGreaterThan(100);
        for (const [i, wanted] of acknowledged) expect(await store.get(key(i))).toEqual(wanted);
        await rm(join(mount, "ballast"));
        for (let i = 20_000; i < 20_200; i++) {
          await store.write([{ key: key(i), value: value(i) }]);
          acknowledged.set(i, value(i));
        }
      }
      await using again = await openLevelStore(join(mount, "state"), KEY, full);
      for (const [i, wanted] of acknowledged) expect(await again.get(key(i))).toEqual(wanted);
    },
  );

  test("a store that another process held when it was killed opens at once", async () => {
    const directory = await freshDirectory();
    const script = `
      import { openLevelStore } from ${JSON.stringify(join(process.cwd(), "src/drivers/level/store.ts"))};
      import { systemRandom } from ${JSON.stringify(join(process.cwd(), "src/drivers/random.ts"))};
      const log = { debug() {}, info() {}, warn() {}, error() {}, named: () => log };
      await openLevelStore(${JSON.stringify(directory)}, new Uint8Array(32).fill(7), { random: systemRandom(), log });
      console.log("open");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    await once(child.stdout, "data");
    const failure = await openLevelStore(directory, KEY, options()).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "STATE_IN_USE", message: expect.stringContaining(String(child.pid)) });
    child.kill("SIGKILL");
    await once(child, "exit");
    await using store = await openLevelStore(directory, KEY, options());
    expect(await store.get(utf8("a"))).toBeUndefined();
    expect((await stat(join(directory, "STORE"))).mode & 0o777).toBe(0o600);
  });
});
