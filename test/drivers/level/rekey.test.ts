/** A store that moves from one key to another while it serves, and what power cuts do to it on the way. @module */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ValueCipher } from "../../../src/drivers/level/cipher.ts";
import { decodeHeader, encodeHeader } from "../../../src/drivers/level/header.ts";
import { type LevelStoreOptions, openLevelStore } from "../../../src/drivers/level/store.ts";
import type { KeyRing } from "../../../src/drivers/level/key-ring.ts";
import { plan, type Task } from "../../../src/drivers/level/tasks.ts";
import { systemRandom } from "../../../src/drivers/random.ts";
import { type Bytes, copyBytes, toHex, utf8 } from "../../../src/kernel/bytes.ts";
import type { Rekeying, Store } from "../../../src/ports/store.ts";
import { rememberingLog } from "../../fakes/log.ts";
import { seeded } from "../../fakes/seeded.ts";
import { freshDirectory } from "./directories.ts";

const OLD = new Uint8Array(32).fill(7);
const NEW = new Uint8Array(32).fill(9);
const OTHER = new Uint8Array(32).fill(11);
const options = (more: Partial<LevelStoreOptions> = {}): LevelStoreOptions => ({
  random: systemRandom(),
  log: rememberingLog().log,
  ...more,
});
const key = (i: number): Uint8Array => utf8(`key ${String(i).padStart(5, "0")}`);
const value = (i: number, text = "value"): Uint8Array => utf8(`${text} ${i}`);

async function filled(directory: string, count: number): Promise<Store> {
  const store = await openLevelStore(directory, OLD, options());
  await store.write(Array.from({ length: count }, (_, i) => ({ key: key(i), value: value(i) })));
  return store;
}

function rekeyingOf(store: Store): Rekeying {
  if (store.rekeying === undefined) throw new Error("this store has no keys");
  return store.rekeying;
}

async function finish(store: Store): Promise<number> {
  let moved = 0;
  for (let step = await rekeyingOf(store).step(); !step.done; step = await rekeyingOf(store).step())
    moved += step.moved;
  return moved;
}

async function content(store: Store): Promise<Map<string, string>> {
  const rows = new Map<string, string>();
  for await (const row of store.entries({ from: new Uint8Array(), until: Uint8Array.of(255) })) {
    rows.set(toHex(row.key), toHex(row.value));
  }
  return rows;
}

const filledContent = (count: number): Map<string, string> =>
  new Map(Array.from({ length: count }, (_, i) => [toHex(key(i)), toHex(value(i))]));

describe("a store that moves to another key", () => {
  test("holds everything at the end, under the new key alone", async () => {
    const directory = await freshDirectory();
    {
      await using store = await filled(directory, 500);
      expect(rekeyingOf(store).keysInUse()).toBe("first");
      await rekeyingOf(store).begin(NEW);
      expect(rekeyingOf(store).keysInUse()).toBe("both");
      expect(await content(store)).toEqual(filledContent(500));
      expect(await finish(store)).toBe(500);
      expect(rekeyingOf(store).keysInUse()).toBe("next");
      expect(await content(store)).toEqual(filledContent(500));
    }
    await expect(openLevelStore(directory, OLD, options())).rejects.toMatchObject({ code: "STORE_KEY" });
    await using store = await openLevelStore(directory, NEW, options());
    expect(await content(store)).toEqual(filledContent(500));
    expect(rekeyingOf(store).keysInUse()).toBe("first");
    expect(await rekeyingOf(store).step()).toEqual({ looked: 0, moved: 0, done: true });
  });

  test("opens with both keys only, until it has arrived", async () => {
    const directory = await freshDirectory();
    {
      await using store = await filled(directory, 10);
      await rekeyingOf(store).begin(NEW);
      await expect(rekeyingOf(store).begin(OTHER)).rejects.toMatchObject({ code: "STORE_REKEYING" });
    }
    for (const [first, next] of [
      [OLD, undefined],
      [NEW, undefined],
      [NEW, OLD],
      [OLD, OTHER],
      [OTHER, NEW],
    ] as const) {
      const opening = openLevelStore(directory, first, options({ next }));
      await expect(opening).rejects.toMatchObject({ code: "STORE_KEY" });
    }
    await using store = await openLevelStore(directory, OLD, options({ next: NEW }));
    expect(await content(store)).toEqual(filledContent(10));
    expect(rekeyingOf(store).keysInUse()).toBe("both");
  });

  test("a second key that was never begun with changes nothing, and one that it has arrived at is found", async () => {
    const directory = await freshDirectory();
    await (await filled(directory, 10))[Symbol.asyncDispose]();
    {
      await using store = await openLevelStore(directory, OLD, options({ next: NEW }));
      expect(rekeyingOf(store).keysInUse()).toBe("first");
      await rekeyingOf(store).begin(NEW);
      await finish(store);
    }
    await using store = await openLevelStore(directory, OLD, options({ next: NEW }));
    expect(rekeyingOf(store).keysInUse()).toBe("next");
    expect(await content(store)).toEqual(filledContent(10));
  });

  test(
    "whenever the power fails, both keys open it, nothing is lost, and it arrives",
    { timeout: 60_000 },
    async () => {
      const directory = await freshDirectory();
      const cuts: string[] = [];
      const before = await freshDirectory();
      {
        await using store = await filled(directory, 300);
        const cut = async (): Promise<void> => {
          const copy = join(await freshDirectory(), "cut");
          await cp(directory, copy, { recursive: true });
          cuts.push(copy);
          // The marker beside the database is written after it: here the power fails between the two.
          const torn = join(await freshDirectory(), "torn");
          await cp(copy, torn, { recursive: true });
          await cp(join(before, "STORE"), join(torn, "STORE"));
          cuts.push(torn);
        };
        await cp(join(directory, "STORE"), join(before, "STORE"));
        await cut();
        await rekeyingOf(store).begin(NEW);
        await cut();
        for (let step = await rekeyingOf(store).step(); !step.done; step = await rekeyingOf(store).step()) await cut();
        await cut();
      }
      expect(cuts.length).toBeGreaterThan(20);
      for (const copy of cuts) {
        {
          await using store = await openLevelStore(copy, OLD, options({ next: NEW }));
          expect(await content(store)).toEqual(filledContent(300));
          if (rekeyingOf(store).keysInUse() === "first") await rekeyingOf(store).begin(NEW);
          await finish(store);
        }
        await using store = await openLevelStore(copy, NEW, options());
        expect(await content(store)).toEqual(filledContent(300));
      }
    },
  );

  test("serves meanwhile: what is written, replaced and deleted between the steps is what stands there", async () => {
    const directory = await freshDirectory();
    const { below } = seeded(11);
    const wanted = filledContent(400);
    {
      await using store = await filled(directory, 400);
      const writes: Promise<void>[] = [];
      const write = (): void => {
        const i = below(500);
        const fresh = below(3) > 0 ? value(i, `round ${writes.length}`) : undefined;
        if (fresh === undefined) wanted.delete(toHex(key(i)));
        else wanted.set(toHex(key(i)), toHex(fresh));
        writes.push(store.write([{ key: key(i), value: fresh }]));
      };
      for (let i = 0; i < 20; i++) write();
      const begun = rekeyingOf(store).begin(NEW);
      for (let i = 0; i < 20; i++) write();
      await begun;
      for (let done = false; !done;) {
        const stepping = rekeyingOf(store).step();
        for (let i = 0; i < 20; i++) write();
        ({ done } = await stepping);
      }
      await Promise.all(writes);
      expect(await content(store)).toEqual(wanted);
    }
    await using store = await openLevelStore(directory, NEW, options());
    expect(await content(store)).toEqual(wanted);
  });

  test("a reader that began before all of it reads to its end", async () => {
    await using store = await filled(await freshDirectory(), 400);
    const rows: string[] = [];
    for await (const row of store.entries({ from: new Uint8Array(), until: Uint8Array.of(255) })) {
      if (rows.length === 3) {
        await rekeyingOf(store).begin(NEW);
        await finish(store);
      }
      rows.push(toHex(row.value));
    }
    expect(rows).toEqual([...filledContent(400).values()]);
  });

  test("the second look moves what a damaged disk has brought back under the former key", async () => {
    // A cursor at the end, although nothing before it was moved: as when LevelDB falls back to older tables.
    const other = await freshDirectory();
    {
      await using fallen = await filled(other, 70);
      await rekeyingOf(fallen).begin(NEW);
      await fallen.write([{ key: utf8("z"), value: utf8("z") }]);
    }
    await withHeader(other, (header) => ({ ...header, cursor: Uint8Array.of(1, 255) }));
    await using again = await openLevelStore(other, OLD, options({ next: NEW }));
    expect(await finish(again)).toBe(70);
  });

  test("finds both keys again when the header and the marker are as they were before", async () => {
    const directory = await freshDirectory();
    {
      await using store = await filled(directory, 100);
      await cp(join(directory, "STORE"), join(directory, "marker"));
      await rekeyingOf(store).begin(NEW);
      await rekeyingOf(store).step();
    }
    await cp(join(directory, "marker"), join(directory, "STORE"));
    await withHeader(directory, () => undefined);
    await using store = await openLevelStore(directory, OLD, options({ next: NEW }));
    expect(rekeyingOf(store).keysInUse()).toBe("both");
    expect(await content(store)).toEqual(filledContent(100));
    await finish(store);
    expect(await content(store)).toEqual(filledContent(100));
  });

  test("killed with SIGKILL at some moment of it, it opens and arrives with all that was there", async () => {
    const directory = await freshDirectory();
    await (await filled(directory, 3000))[Symbol.asyncDispose]();
    const script = `
      import { openLevelStore } from ${JSON.stringify(join(process.cwd(), "src/drivers/level/store.ts"))};
      import { systemRandom } from ${JSON.stringify(join(process.cwd(), "src/drivers/random.ts"))};
      const log = { debug() {}, info() {}, warn() {}, error() {}, named: () => log };
      const key = (byte) => new Uint8Array(32).fill(byte);
      const options = { random: systemRandom(), log, next: key(9) };
      const store = await openLevelStore(${JSON.stringify(directory)}, key(7), options);
      if (store.rekeying.keysInUse() === "first") await store.rekeying.begin(key(9));
      for (;;) {
        const { done } = await store.rekeying.step();
        console.log(done ? "done" : "step");
        if (done) break;
      }
      setInterval(() => {}, 1000);`;
    for (const steps of [1, 5, 17, 1000]) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      let seen = "";
      for await (const chunk of child.stdout) {
        seen += String(chunk);
        if (seen.includes("done") || seen.split("step").length > steps) break;
      }
      // Else nothing was killed in the midst of anything.
      expect(seen).toMatch(/step|done/);
      if (child.kill("SIGKILL")) await once(child, "exit");
      await using store = await openLevelStore(directory, OLD, options({ next: NEW }));
      expect(await content(store)).toEqual(filledContent(3000));
    }
    await using store = await openLevelStore(directory, OLD, options({ next: NEW }));
    await finish(store);
    expect(await content(store)).toEqual(filledContent(3000));
  }, 60_000);

  test("neither key stands on the disk", async () => {
    const directory = await freshDirectory();
    {
      await using store = await filled(directory, 100);
      await rekeyingOf(store).begin(NEW);
      await rekeyingOf(store).step();
    }
    for (const name of await readdir(join(directory, "db"))) {
      const bytes = await readFile(join(directory, "db", name));
      expect(bytes.includes(Buffer.from(OLD)) || bytes.includes(Buffer.from(NEW))).toBe(false);
    }
  });
});

test("a value that others write in the same group is not moved over theirs", async () => {
  const cipher = (of: Uint8Array): ValueCipher => new ValueCipher(of, systemRandom());
  const [former, current] = [cipher(OLD), cipher(NEW)];
  const ring: KeyRing = { keysInUse: "both", current, former, cursor: new Uint8Array() };
  const [a, b, c]: readonly [Bytes, Bytes, Bytes] = [copyBytes(key(1)), copyBytes(key(2)), copyBytes(key(3))];
  const tasks: readonly Task[] = [
    { kind: "put", key: a, value: utf8("fresh") },
    { kind: "delete", key: b },
    { kind: "move", keys: [a, b, c], cursor: c },
  ];
  const { operations, ring: after } = await plan(tasks, ring, async (name) => former.seal(name, utf8("old")));
  const [put, remove, move, header] = operations;
  expect([put?.key, remove?.key, move?.key, header?.key]).toEqual([a, b, c, Uint8Array.of(0)]);
  expect([put?.type, remove?.type, move?.type, operations.length]).toEqual(["put", "del", "put", 4]);
  if (move?.type !== "put") throw new Error("no move");
  expect(current.open(c, move.value)).toEqual(utf8("old"));
  expect(after.cursor).toEqual(c);
});

describe("the header", () => {
  test("comes back as it was written, and is refused when short", () => {
    const check = OLD.subarray(0, 16);
    const former = NEW.subarray(0, 16);
    const cursor = utf8("cursor");
    expect(decodeHeader(encodeHeader({ check }))).toEqual({ format: 1, check: Uint8Array.from(check) });
    const moving = encodeHeader({ check, former, cursor });
    expect(decodeHeader(moving)).toEqual({
      format: 2,
      check: Uint8Array.from(check),
      former: Uint8Array.from(former),
      cursor,
    });
    for (let length = 0; length < 36; length++) expect(decodeHeader(moving.subarray(0, length))).toBeUndefined();
  });
});

type StoredHeader = NonNullable<ReturnType<typeof decodeHeader>>;

/** Changes the header behind the store's back; undefined takes it away. */
async function withHeader(
  directory: string,
  change: (header: StoredHeader) => StoredHeader | undefined,
): Promise<void> {
  const { Level } = await import("level");
  const database = new Level<Uint8Array, Uint8Array>(join(directory, "db"), {
    keyEncoding: "view",
    valueEncoding: "view",
  });
  await database.open();
  const header = decodeHeader((await database.get(Uint8Array.of(0))) ?? new Uint8Array());
  if (header === undefined) throw new Error("no header");
  const changed = change(header);
  if (changed === undefined) await database.del(Uint8Array.of(0));
  else await database.put(Uint8Array.of(0), encodeHeader(changed));
  await database.close();
}
